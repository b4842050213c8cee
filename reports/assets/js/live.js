// A page that follows a run: frame by frame it becomes what it would be if it were
// opened anew, without losing what is open and zoomed.
const skipped = new Set(['open', 'hidden', 'tabindex']);

// What a part of the page is called among those beside it; '' where only its place tells.
const called = node => {
  if (node.nodeType !== Node.ELEMENT_NODE) return '';
  const { chart, metric = '', index = '', keys } = node.dataset;
  if (chart !== undefined) return `chart ${chart} ${metric} ${index}`;
  return keys !== undefined ? `keys ${keys}` : node.id;
};

// A chart that is there stays the same one, whatever comes or goes before it.
const morphChildren = (from, to) => {
  const there = new Map([...from.childNodes].filter(called).map(child => [called(child), child]));
  let next = from.firstChild;
  for (const child of [...to.childNodes]) {
    let old = there.get(called(child));
    if (!called(child)) for (old = next; old && called(old);) old = old.nextSibling;
    if (!old) { from.insertBefore(child, next); continue; }
    if (old === next) next = next.nextSibling;
    else from.insertBefore(old, next);
    morph(old, child);
  }
  while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
};

const morph = (from, to) => {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) return from.replaceWith(to);
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE || from.dataset.keys !== undefined || from.dataset.connection !== undefined || from.dataset.stopButton !== undefined) return;
  if (from.tagName === 'SELECT') { // what is chosen stays
    if (from.options.length === to.options.length) return;
    const chosen = from.value;
    from.replaceChildren(...to.childNodes);
    from.value = chosen;
    return;
  }
  for (const { name, value } of [...to.attributes]) if (!skipped.has(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) if (!skipped.has(name) && name !== 'style' && !to.hasAttribute(name)) from.removeAttribute(name);
  if (from.dataset.chart !== undefined || from.tagName === 'INPUT') return;
  morphChildren(from, to);
};

const connection = text => {
  const holder = $('[data-connection]');
  if (!holder) return;
  holder.hidden = !text;
  holder.textContent = text;
};

let ended = false, taking = false, waiting = null;
const takeFrame = async frame => {
  if (taking) { waiting = frame; return; } // the newest one is enough
  taking = true;
  try {
    const parsed = JSON.parse(frame);
    const openedSeq = opened >= 0 ? data.requests.seq[opened] : -1, cursorSeq = storyState.cursor >= 0 ? data.requests.seq[storyState.cursor] : -1;
    await take(parsed.data);
    const find = seq => seq < 0 ? -1 : data.requests.seq.indexOf(seq);
    storyState.cursor = find(cursorSeq);
    opened = find(openedSeq);
    document.title = parsed.title;
    $('link[rel=icon]').href = parsed.icon;
    ended = parsed.ended;
    const main = document.createElement('template');
    main.innerHTML = parsed.main;
    morph($('main'), main.content.firstElementChild);
    mount();
    for (const chart of charts.values()) chart.update();
    sayZoom();
    document.body.dataset.frames = Number(document.body.dataset.frames || 0) + 1;
    document.body.dataset.ended = ended;
  } finally {
    taking = false;
  }
  if (waiting) { const next = waiting; waiting = null; takeFrame(next); }
};

const follow = () => {
  const { events } = document.body.dataset;
  if (!events) return;
  const source = new EventSource(events);
  source.onmessage = event => takeFrame(event.data);
  source.onopen = () => connection('');
  source.onerror = () => connection(ended ? 'The tests are over, or the page was left; this is its last frame.' : 'The connection is lost; trying again. What is shown is as it was then.');
};

const asksFor = 5000; // milliseconds in which a second press confirms the first

const stop = async button => {
  if (button.dataset.asked === undefined) { // a stray press must not end an hour's load
    button.dataset.asked = '';
    button.textContent = 'Press again to stop';
    setTimeout(() => { delete button.dataset.asked; if (!button.disabled) button.textContent = 'Stop this run'; }, asksFor);
    return;
  }
  const { stop, token } = document.body.dataset;
  button.disabled = true;
  button.textContent = 'Stopping…';
  const answer = await fetch(stop, { method: 'POST', headers: { 'X-Vllmspec-Token': token } }).catch(error => error);
  if (!answer.ok) { button.disabled = false; button.textContent = 'Stop this run'; connection('The run could not be stopped from here; press Ctrl-C where it was started.'); }
};
