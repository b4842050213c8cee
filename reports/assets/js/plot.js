// Charts with uPlot. Each kind of chart is a function that draws into a holder and
// returns how to bring it up to date.
const charts = new Map(); // holder → { update, resize, retheme, destroy }
const kinds = {};

const ticksOfTime = [.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];
const tick = () => 11 + 'px system-ui, sans-serif';
const axis = options => Object.assign({
  font: tick(), stroke: () => colour('soft'), grid: { stroke: () => colour('rule'), width: 1 }, ticks: { show: false }, gap: 4,
}, options);
const timeAxis = () => axis({ incrs: ticksOfTime, size: 22, values: (_, at) => at.map(minutes), grid: { show: false } });
const valueAxis = show => axis({ size: 58, values: (_, at) => at.map(show) });
// A logarithmic axis names powers of ten, and more between them where it spans few.
const logAxis = show => ({
  filter: (u, splits, axis) => {
    const { min, max } = u.scales[axis === 0 ? 'x' : 'y'], decades = Math.log10(max / min);
    const named = decades > 2.5 ? [1] : decades > .8 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
    return splits.map(v => named.includes(Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9))) ? v : null);
  },
  values: (_, splits) => splits.map(v => v == null ? '' : show(v)),
});

const make = (holder, options, columns) => {
  options.width = Math.max(holder.clientWidth, 50);
  options.height = Math.max(holder.clientHeight, 50);
  options.legend = { show: false };
  options.pxAlign = false;
  holder.replaceChildren();
  const plot = new uPlot(options, columns, holder);
  return plot;
};

// still is a chart that needs nothing but new data.
const still = (holder, plot, update) => ({
  plot, update,
  resize: () => plot.setSize({ width: Math.max(holder.clientWidth, 50), height: Math.max(holder.clientHeight, 50) }),
  retheme: () => plot.redraw(false, true),
  destroy: () => plot.destroy(),
});

const shadeWarmup = u => {
  const end = u.valToPos(data.from, 'x', true);
  if (data.from <= 0 || end <= u.bbox.left) return;
  u.ctx.fillStyle = colour('shade');
  u.ctx.fillRect(u.bbox.left, u.bbox.top, Math.min(end, u.bbox.left + u.bbox.width) - u.bbox.left, u.bbox.height);
};

// A line across the plot, at a value of y, or down it, at a value of x, and what it is.
const rule = (u, scale, value, name, dash, text) => {
  const range = u.scales[scale];
  if (value == null || value < range.min || value > range.max) return;
  const at = u.valToPos(value, scale, true), { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.strokeStyle = u.ctx.fillStyle = colour(name);
  u.ctx.lineWidth = devicePixelRatio;
  u.ctx.setLineDash(dash.map(d => d * devicePixelRatio));
  u.ctx.beginPath();
  if (scale === 'x') { u.ctx.moveTo(at, top); u.ctx.lineTo(at, top + height); } else { u.ctx.moveTo(left, at); u.ctx.lineTo(left + width, at); }
  u.ctx.stroke();
  if (text) {
    u.ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    const wide = u.ctx.measureText(text).width, pad = 4 * devicePixelRatio;
    if (scale === 'x') {
      const right = at + pad + wide < left + width;
      u.ctx.textAlign = right ? 'left' : 'right';
      u.ctx.fillText(text, right ? at + pad : at - pad, dash[0] > 2 ? top + 3 * pad : top + height - 2 * pad);
    } else {
      u.ctx.textAlign = 'right';
      u.ctx.fillText(text, left + width - pad, at - pad);
    }
  }
  u.ctx.restore();
};

// What belongs to a chart over time: the shared cursor, the shared zoom.
const timed = options => {
  options.cursor = Object.assign({ sync: { key: 'time', scales: ['x', null] }, drag: { x: true, y: false, setScale: false }, points: { show: false } }, options.cursor);
  options.scales = Object.assign({ x: { time: false, range: () => zoom } }, options.scales);
  options.hooks = options.hooks || {};
  options.hooks.drawClear = [shadeWarmup];
  options.hooks.setSelect = [u => {
    if (u.select.width < 4) return;
    const from = u.posToVal(u.select.left, 'x'), to = u.posToVal(u.select.left + u.select.width, 'x');
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    look([Math.max(from, whole[0]), Math.min(to, whole[1])]);
  }];
  options.hooks.ready = [u => u.over.addEventListener('dblclick', () => look(whole))];
  return options;
};

// look zooms every chart over time, and all that goes with it.
const look = to => {
  zoom = to[1] - to[0] > 1e-3 ? to : whole;
  for (const chart of charts.values()) chart.zoomed?.();
  sayZoom();
};

// The figures of the part that is looked at; the verdicts stay those of the
// measured window.
const sayZoom = () => {
  const holder = $('[data-zoomed]');
  holder.hidden = !zoomed();
  if (holder.hidden) return;
  const of = part('TTFT', zoom), e2e = part('E2E latency', zoom), tpot = part('TPOT', zoom);
  const figure = (name, { values }) => values.length ? `${name} p50 ${seconds(quantile(values, .5))}, p95 ${seconds(quantile(values, .95))}, p99 ${seconds(quantile(values, .99))}` : `no ${name}`;
  const thinned = data.requests.every > 1 ? `about ` : '';
  $('[data-zoom-says]').textContent = `${clock(zoom[0])} to ${clock(zoom[1])}: ${thinned}${many(of.total, 'request')}, ${number(of.failed)} failed, ` +
    `${number(of.total / (zoom[1] - zoom[0]))} per second; ${figure('TTFT', of)}; ${figure('TPOT', tpot)}; ${figure('E2E latency', e2e)}. The verdicts are of the measured window.`;
};

// mount draws what is not drawn yet and forgets what is gone from the page.
const mount = () => {
  for (const [holder, chart] of charts) if (!holder.isConnected) { chart.destroy(); charts.delete(holder); }
  for (const holder of $$('[data-chart]')) {
    if (charts.has(holder) || holder.closest('details:not([open])')) continue;
    const chart = kinds[holder.dataset.chart]?.(holder);
    if (chart) charts.set(holder, chart);
  }
};
