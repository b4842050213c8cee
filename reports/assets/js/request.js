// One request, opened: its facts and its tokens on a time line.
let opened = -1;

const fact = (name, value) => {
  const row = element('div');
  row.append(element('dt', name), element('dd', value));
  return row;
};

// figuresOf are the metrics of a request, by their names.
const figuresOf = i => Object.fromEntries(data.requests.figures.map(f => [f.name, data.requests.of[f.name][i]]));

const openRequest = i => {
  const r = data.requests, aside = $('[data-request]');
  if (i < 0 || i >= r.n) return;
  const of = figuresOf(i);
  opened = storyState.cursor = i;
  aside.hidden = false;
  $('[data-request-title]').textContent = `Request ${r.seq[i].toLocaleString('en')}`;
  $('[data-request-says]').textContent = r.failure[i] ? `Failed: ${r.words[r.failure[i]]}. ${r.words[r.error[i]]}` :
    `Answered in ${seconds(of['E2E latency'])}; its first token came after ${seconds(of.TTFT)}.`;
  $('[data-request-facts]').replaceChildren(
    fact('Due at', clock(r.due[i])), ...(r.classes[r.class[i]] ? [fact('Class', r.classes[r.class[i]])] : []),
    ...r.figures.filter(f => f.some).map(f => fact(f.name[0].toUpperCase() + f.name.slice(1), shown(f.name)(of[f.name]))),
    ...(r.finish[i] ? [fact('Finish', r.words[r.finish[i]])] : []), ...(r.engine?.[i] ? [fact('Engine', r.words[r.engine[i]])] : []));
  $('[data-request-sql]').textContent = `select * from 'requests.parquet' where seq = ${r.seq[i]}`;
  drawTimeline(i);
  for (const chart of charts.values()) chart.redraw?.();
  storyKeys();
};

// drawTimeline shows when each chunk came, and the gap before each.
const drawTimeline = i => {
  const r = data.requests, at = instants(i), line = $('[data-request-timeline]'), gaps = $('[data-request-gaps]');
  const end = Math.max(Number.isNaN(r.ended[i]) ? 0 : r.ended[i], at.at(-1) || 0, 1e-4);
  const svg = (kind, attributes, text) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', kind);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text) e.textContent = text;
    return e;
  };
  const wide = Math.max(line.clientWidth, 200), left = 4, inner = wide - 8;
  const x = t => left + t / end * inner;
  const picture = svg('svg', { width: wide, height: 64, viewBox: `0 0 ${wide} 64` });
  const bar = (from, to, className) => picture.append(svg('rect', { x: x(from), y: 18, width: Math.max(.5, x(to) - x(from)), height: 16, class: className }));
  const { lag: late, connecting, TTFT } = figuresOf(i), lag = late || 0, sent = lag + (connecting || 0);
  const begun = !Number.isNaN(TTFT), first = begun ? TTFT : end;
  bar(0, lag, 'late'); bar(lag, sent, 'connecting'); bar(sent, first, 'waiting'); bar(first, end, 'answering');
  const every = Math.max(1, Math.ceil(at.length / 1500));
  at.forEach((t, k) => { if (k % every === 0) picture.append(svg('line', { x1: x(t), x2: x(t), y1: 18, y2: 34, class: 'token' })); });
  picture.append(svg('text', { x: left, y: 12 }, 'due'), svg('text', { x: Math.min(Math.max(x(first), 60), wide - 150), y: 12 }, begun ? 'first token' : ''),
    svg('text', { x: wide - 4, y: 12, 'text-anchor': 'end' }, r.failure[i] ? 'failed' : 'end'),
    svg('text', { x: left, y: 52 }, '0'), svg('text', { x: wide - 4, y: 52, 'text-anchor': 'end' }, seconds(end)));
  line.replaceChildren(picture);
  gaps.hidden = at.length < 2;
  if (gaps.hidden) {
    if (!at.length && begun) line.append(element('p', `The page keeps the tokens of ${many(r.told, 'request')} only; this one's are in requests.parquet.`, 'says'));
    return;
  }
  make(gaps, {
    axes: [axis({ size: 22, values: (_, v) => v.map(seconds), grid: { show: false } }), valueAxis(seconds)],
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [0, end] }, y: { range: (u, min, max) => [0, Math.max(max, 1e-4) * 1.1] } },
    series: [{}, { stroke: () => colour('series-0'), width: 1.2, points: { show: false }, paths: uPlot.paths.stepped({ align: -1 }) }],
  }, [at.slice(1), at.slice(1).map((t, k) => t - at[k])]);
};

const closeRequest = () => {
  $('[data-request]').hidden = true;
  opened = -1;
  $('[data-chart="story"]')?.focus();
};
