// The first chart: every request as a point, and beneath it what was offered.
const storyState = { metric: null, log: false, cursor: -1 };

const storyValues = () => data.requests.of[storyState.metric];
const storyLimits = () => data.limits.filter(l => l.metric === storyState.metric);

// storyTop is the highest value that the chart shows: of the part looked at, and
// the limit where it is not far above.
const storyTop = () => {
  const r = data.requests, values = storyValues();
  let most = 0, least = Infinity;
  for (let i = below(zoom[0]); i < r.n && r.due[i] <= zoom[1]; i++) {
    if (values[i] > most) most = values[i];
    if (values[i] > 0 && values[i] < least) least = values[i];
  }
  for (const { value } of storyLimits()) if (value > most && value < most * 3) most = value;
  return [Number.isFinite(least) ? least : 1e-3, most || 1e-3];
};

const drawPoints = u => {
  const r = data.requests, values = storyValues(), ratio = devicePixelRatio;
  const from = below(zoom[0]), shown = below(zoom[1]) - from;
  const size = (shown > 20000 ? 1.6 : shown > 4000 ? 2.4 : shown > 300 ? 3.6 : 5.5) * ratio;
  const ctx = u.ctx, { left, top, width, height } = u.bbox;
  const x0 = u.scales.x.min, perX = width / (u.scales.x.max - x0);
  ctx.save();
  ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
  ctx.globalAlpha = shown > 4000 ? .5 : .7;
  const classes = Math.max(1, r.classes.length);
  for (let c = 0; c < classes; c++) { // by class, so that the colour changes a few times only
    ctx.fillStyle = colour(series(c));
    for (let i = from; i < from + shown; i++) {
      if (r.class[i] !== c || r.failure[i] || Number.isNaN(values[i])) continue;
      const x = left + (r.due[i] - x0) * perX, y = u.valToPos(Math.max(values[i], 1e-6), 'y', true);
      if (shown > 4000) ctx.fillRect(x - size / 2, y - size / 2, size, size);
      else { ctx.beginPath(); ctx.arc(x, y, size / 2, 0, 7); ctx.fill(); }
    }
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour('missed');
  const side = 3.5 * ratio, lane = top + 2.4 * side;
  for (let i = from; i < from + shown; i++) {
    if (!r.failure[i]) continue;
    const x = left + (r.due[i] - x0) * perX;
    ctx.beginPath(); ctx.moveTo(x - side, lane - side); ctx.lineTo(x + side, lane - side); ctx.lineTo(x, lane + side); ctx.fill();
  }
  const chosen = storyState.cursor;
  if (chosen >= from && chosen < from + shown) {
    const y = r.failure[chosen] || Number.isNaN(values[chosen]) ? lane : u.valToPos(Math.max(values[chosen], 1e-6), 'y', true);
    ctx.strokeStyle = colour('ink'); ctx.lineWidth = 1.6 * ratio;
    ctx.beginPath(); ctx.arc(left + (r.due[chosen] - x0) * perX, y, 5.5 * ratio, 0, 7); ctx.stroke();
  }
  ctx.restore();
};

// nearest is the request whose point is next to a place on the chart; -1 for none.
const nearest = (u, x, y) => {
  const r = data.requests, values = storyValues(), reach = 24;
  const from = below(u.posToVal(x - reach, 'x')), to = u.posToVal(x + reach, 'x');
  let best = -1, distance = reach * reach;
  for (let i = from; i < r.n && r.due[i] <= to; i++) {
    const dx = u.valToPos(r.due[i], 'x') - x;
    const dy = (r.failure[i] || Number.isNaN(values[i]) ? 9 : u.valToPos(Math.max(values[i], 1e-6), 'y')) - y;
    if (dx * dx + dy * dy < distance) { best = i; distance = dx * dx + dy * dy; }
  }
  return best;
};

const storyKeys = () => {
  const r = data.requests, i = storyState.cursor, name = storyState.metric;
  const entries = r.classes.length > 1 ? r.classes.map((c, k) => [c || 'other', 'dot ' + series(k)]) : [[name, 'dot ' + series(0)]];
  let failed = 0;
  for (let k = 0; k < r.n; k++) if (r.failure[k]) failed++;
  if (failed) entries.push(['failed', 'lane']);
  const top = storyTop()[1] * (storyState.log ? 1.5 : 1.16);
  for (const l of storyLimits()) entries.push([`limit: ${l.text}${l.value > top ? ', above this chart' : ''}`, l.value > top ? '' : 'dash']);
  const where = i < 0 ? '' : `due at ${clock(r.due[i])}: ` + (r.failure[i] ? r.words[r.failure[i]] : `${name} ${shown(name)(storyValues()[i])}`);
  keys('story', entries, where);
};

kinds.story = holder => {
  storyState.metric = storyState.metric || data.story.metric;
  const options = () => {
    const { log } = storyState, show = shown(storyState.metric);
    return timed({
      axes: [timeAxis(), Object.assign(valueAxis(show), log ? logAxis(show) : {})],
      scales: { y: log ? { distr: 3, range: () => { const [a, b] = storyTop(); return [Math.max(a / 1.5, 1e-6), b * 1.5]; } } : { range: () => [0, storyTop()[1] * 1.16] } },
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [u => { drawPoints(u); for (const l of storyLimits()) rule(u, 'y', l.value, 'ink', [5, 4], l.text); }],
        setCursor: [u => {
          if (!u.over.matches(':hover')) return;
          const i = nearest(u, u.cursor.left, u.cursor.top);
          if (i === storyState.cursor) return;
          storyState.cursor = i;
          storyKeys();
          u.redraw(false);
        }],
      },
    });
  };
  const bounds = () => [[whole[0], whole[1]], [0, 1]]; // uPlot needs some data; the points are drawn by us
  let plot;
  const build = () => {
    plot?.destroy();
    plot = make(holder, options(), bounds());
    plot.over.addEventListener('click', event => {
      const i = nearest(plot, event.offsetX, event.offsetY);
      if (i >= 0) openRequest(i);
    });
    storyKeys();
  };
  build();
  holder.onkeydown = event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      storyState.cursor = Math.min(data.requests.n - 1, Math.max(0, storyState.cursor < 0 ? below(zoom[0]) : storyState.cursor + by));
      storyKeys(); plot.redraw(false);
      if (!$('[data-request]').hidden) openRequest(storyState.cursor);
    } else if (event.key === 'Enter' && storyState.cursor >= 0) openRequest(storyState.cursor);
    else return;
    event.preventDefault();
  };
  const refresh = () => { plot.setData(bounds()); storyKeys(); };
  return {
    update: refresh, zoomed: refresh, rebuild: build,
    resize: () => plot.setSize({ width: Math.max(holder.clientWidth, 50), height: holder.clientHeight }),
    retheme: () => plot.redraw(false, true), destroy: () => plot.destroy(),
    redraw: () => plot.redraw(false),
  };
};

kinds.offered = holder => {
  const columns = () => [data.offered.at, data.offered.v];
  const plot = make(holder, timed({
    axes: [timeAxis(), valueAxis(number)],
    scales: { y: { range: (u, min, max) => [0, Math.max(max || 0, 1) * 1.1] } },
    series: [{}, { stroke: () => colour('soft'), fill: () => colour('soft') + '33', width: 1, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }],
    hooks: { setCursor: [u => say(u.cursor.idx)] },
  }), columns());
  const say = i => keys('offered', [['requests due per second', 'line soft', i == null ? undefined : number(data.offered.v[i])]], i == null ? '' : `at ${clock(data.offered.at[i])}`);
  say(null);
  const chart = still(holder, plot, () => plot.setData(columns()));
  chart.zoomed = chart.update;
  return chart;
};
