// What all charts have in common: the data, words and colours.
const $ = (selector, within) => (within || document).querySelector(selector);
const $$ = (selector, within) => [...(within || document).querySelectorAll(selector)];

let data;      // the block of data, with requests unpacked
let whole;     // the whole axis of time
let zoom;      // the part of it that is looked at

// Three significant digits, as in the text of the page.
const number = v => {
  if (v == null || Number.isNaN(v)) return '–';
  const abs = Math.abs(v);
  if (v === 0) return '0';
  if (abs >= 100) return Math.round(v).toLocaleString('en');
  return String(+v.toPrecision(3));
};
const seconds = v => v == null || Number.isNaN(v) ? '–' : Math.abs(v) >= .9995 ? number(v) + ' s' : v === 0 || Math.abs(v) >= .9995e-3 ? number(v * 1e3) + ' ms' : number(v * 1e6) + ' µs';
const ratio = v => v == null || Number.isNaN(v) ? '–' : number(v * 100) + ' %';
const bytes = v => v == null ? '–' : number(v / 2 ** 30) + ' GiB';
const clock = v => v >= 60 ? `${Math.floor(v / 60)}:${(v % 60).toFixed(1).padStart(4, '0')}` : v >= 1 ? v.toFixed(1) + ' s' : seconds(v);
const minutes = v => whole[1] < 60 ? (v === 0 ? '0 s' : number(v) + ' s') : `${Math.floor(v / 60)}:${String(Math.round(v % 60)).padStart(2, '0')}`;
const hertz = v => v == null || Number.isNaN(v) ? '–' : Math.abs(v) >= 1e9 ? number(v / 1e9) + ' GHz' : number(v / 1e6) + ' MHz';
const formats = { s: seconds, ratio, bytes, Hz: hertz };
const format = unit => formats[unit] || (['W', '°C', 'MB/s'].includes(unit) ? v => v == null || Number.isNaN(v) ? '–' : `${number(v)} ${unit}` : number);
// shown is how values of a metric of each request are written.
const shown = metric => format(data.requests.figures.find(f => f.name === metric)?.unit || 's');
const many = (n, of) => `${number(n)} ${of}${n === 1 ? '' : 's'}`;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const series = i => 'series-' + i % 8;
const dash = i => [undefined, [7, 3], [2, 3]][Math.min(2, Math.floor(i / 8))]; // where there are more lines than colours
const element = (kind, text, className) => {
  const e = document.createElement(kind);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

// unpack reads the columns: see Column in the program. The metrics of each request are in "of",
// by their names. What is not there is NaN.
const unpack = async requests => {
  const text = atob(requests.packed);
  const zipped = Uint8Array.from(text, c => c.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream('gzip'));
  const raw = await new Response(stream).arrayBuffer();
  const { n, seen, every, told, figures, classes, words } = requests, out = { n, seen, every, told, figures, classes, words, of: {} };
  let at = 0;
  const read = c => {
    const part = raw.slice(at, at += c.bytes);
    if (c.kind === 'f4') return new Float32Array(part);
    if (c.kind === 'u4') return new Uint32Array(part);
    if (c.kind === 'd4') {
      let sum = 0;
      return Float64Array.from(new Uint32Array(part), step => (sum += step) / 1e5);
    }
    return new Uint8Array(part);
  };
  for (const c of requests.columns) out[c.name] = read(c);
  for (const f of figures) {
    const values = read(f);
    out.of[f.name] = f.kind === 'u4' ? Float64Array.from(values, v => v === 4294967295 ? NaN : v) : values;
  }
  let offset = 0; // of each request's tokens
  out.from = new Uint32Array(out.n);
  for (let i = 0; i < out.n; i++) {
    out.from[i] = offset;
    for (let left = out.chunks[i]; left > 0; offset++) if (out.at[offset] < 128) left--;
  }
  return out;
};

// instants are when the chunks of a request came, in seconds since it was due.
const instants = i => {
  const r = data.requests, out = [];
  let at = r.from[i], sum = 0;
  for (let k = 0; k < r.chunks[i]; k++) {
    let step = 0, shift = 1, b;
    do { b = r.at[at++]; step += (b & 127) * shift; shift *= 128; } while (b > 127);
    out.push((sum += step) / 1e4);
  }
  return out;
};

const take = async block => {
  const requests = await unpack(block.requests);
  const before = whole;
  data = Object.assign(block, { requests });
  whole = [0, Math.max(data.end, data.length, 1e-3)];
  if (!zoom || zoom[0] === before[0] && zoom[1] === before[1]) zoom = whole;
};

const zoomed = () => zoom[0] > whole[0] || zoom[1] < whole[1];

// below is the first index whose due time is not before an instant.
const below = at => {
  const { due } = data.requests;
  let low = 0, high = due.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (due[middle] < at) low = middle + 1; else high = middle;
  }
  return low;
};

// quantile of ascending values: linear between them (type 7).
const quantile = (values, p) => {
  if (!values.length) return NaN;
  const at = p * (values.length - 1), low = Math.floor(at);
  return values[low] + (at - low) * ((values[low + 1] ?? values[low]) - values[low]);
};

// part is what the sampled requests due in a part of the run had of a metric,
// ascending, and how many of them failed.
const part = (metric, [from, to]) => {
  const r = data.requests, of = r.of[metric], values = [];
  let total = 0, failed = 0;
  for (let i = below(from); i < r.n && r.due[i] <= to; i++) {
    if (r.beside[i]) continue;
    total++;
    if (r.failure[i]) failed++;
    else if (!Number.isNaN(of[i])) values.push(of[i]);
  }
  return { total: total * r.every, failed: failed * r.every, values: Float64Array.from(values).sort() };
};

// keys names what a chart shows, in the colour in which it is drawn, and what its
// value is where the cursor stands.
const keys = (name, entries, where) => {
  const holder = $(`[data-keys="${CSS.escape(name)}"]`);
  if (!holder) return;
  holder.replaceChildren(...entries.map(([text, className, value]) => {
    const key = element('span', '', 'key');
    if (className) key.append(element('i', '', className));
    key.append(text);
    if (value !== undefined) key.append(' ', element('b', value));
    return key;
  }));
  if (where) holder.append(element('span', where, 'where'));
};
