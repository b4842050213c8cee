// Finds runs by words: a row stays if it holds all of them.
const form = document.querySelector('[data-search]');
if (form) {
  form.hidden = false;
  const rows = [...document.querySelectorAll('[data-row]')].map(row => [row, row.textContent.toLowerCase()]);
  const find = () => {
    const words = form.querySelector('input').value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every(word => text.includes(word));
      if (!row.hidden) found++;
    }
    form.querySelector('[data-found]').textContent = words.length ? `${found} of ${rows.length} rows` : '';
  };
  form.addEventListener('input', find);
  form.addEventListener('submit', event => event.preventDefault());
}
document.body.dataset.drawn = 'true';
