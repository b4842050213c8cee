// Puts the page together.
const themes = ['', 'light', 'dark'];
const setTheme = theme => {
  if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  for (const chart of charts.values()) chart.retheme();
};
const remembered = (value) => {
  try { // a file opened from disk may have no storage
    if (value === undefined) return localStorage.getItem('vllmspec-theme') || '';
    localStorage.setItem('vllmspec-theme', value);
  } catch { /* then it is not remembered */ }
  return '';
};

const rebuild = (...names) => { for (const [holder, chart] of charts) if (names.includes(holder.dataset.chart)) (chart.rebuild || chart.update)(); };

document.addEventListener('click', event => {
  const on = selector => event.target.closest(selector);
  if (on('[data-theme-button]')) {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme || '') + 1) % themes.length];
    remembered(next);
    setTheme(next);
  } else if (on('[data-zoom-reset]')) look(whole);
  else if (on('[data-stop-button]')) stop(on('[data-stop-button]'));
  else if (on('[data-request-close]')) closeRequest();
  else if (on('[data-request-before]')) openRequest(opened - 1);
  else if (on('[data-request-next]')) openRequest(opened + 1);
});
document.addEventListener('change', event => {
  const { target } = event;
  if (target.matches('[data-story-metric]')) { storyState.metric = target.value; rebuild('story', 'heat'); }
  if (target.matches('[data-story-log]')) { storyState.log = target.checked; rebuild('story'); }
  if (target.matches('[data-log]')) { spreadState.log = target.checked; rebuild('distribution'); }
  if (target.matches('[data-tail]')) { spreadState.tail = target.checked; rebuild('distribution'); }
});
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  if (!$('[data-request]').hidden) closeRequest(); else if (zoomed()) look(whole);
});
document.addEventListener('toggle', event => { if (event.target.open) mount(); }, true);

let resizing;
addEventListener('resize', () => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => { for (const chart of charts.values()) chart.resize(); });
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { for (const chart of charts.values()) chart.retheme(); });

// On paper colours are light, and charts are drawn anew as wide as a column of it.
let shownIn;
const onPaper = printing => {
  const { classList } = document.documentElement;
  if (classList.contains('paper') === printing) return; // asked twice
  classList.toggle('paper', printing);
  if (printing) shownIn = document.documentElement.dataset.theme || '';
  setTheme(printing ? 'light' : shownIn);
  for (const chart of charts.values()) chart.resize();
};
addEventListener('beforeprint', () => onPaper(true));
addEventListener('afterprint', () => onPaper(false));

if (remembered()) setTheme(remembered());
take(JSON.parse($('#data').textContent)).then(() => {
  mount();
  document.body.dataset.drawn = 'true';
  performance.mark('drawn');
  follow();
}).catch(error => {
  console.error(error);
  $('main').prepend(element('p', 'The charts could not be drawn: ' + error, 'empty'));
});
