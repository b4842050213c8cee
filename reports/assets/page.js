// Draws the charts of a report from the block of data in the page. All charts
// over time share one cursor and one zoom.
(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('data').textContent);
  const plots = [];      // every chart, to be resized and drawn again
  const overTime = [];   // the ones with the shared time axis
  const whole = [0, Math.max(data.length, data.to, 0.001)];

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const element = (kind, index) => document.querySelector(`[data-chart="${kind}"]` + (index === undefined ? '' : `[data-index="${index}"]`));
  const readout = name => document.querySelector(`[data-readout="${name}"]`);

  // Three significant digits, as in the text of the page.
  const number = v => {
    const abs = Math.abs(v);
    if (v === 0) return '0';
    if (abs >= 100) return Math.round(v).toLocaleString('en');
    return String(+v.toPrecision(3));
  };
  const seconds = v => v == null ? '–' : Math.abs(v) >= 1 || v === 0 ? number(v) + ' s' : Math.abs(v) >= 1e-3 ? number(v * 1e3) + ' ms' : number(v * 1e6) + ' µs';
  const ratio = v => v == null ? '–' : number(v * 100) + ' %';
  const clock = v => v >= 60 ? `${Math.floor(v / 60)}:${(v % 60).toFixed(1).padStart(4, '0')}` : number(v) + ' s';
  const minutes = v => whole[1] < 60 ? number(v) + ' s' : `${Math.floor(v / 60)}:${String(Math.round(v % 60)).padStart(2, '0')}`;
  const format = unit => unit === 's' ? seconds : unit === 'ratio' ? ratio : v => v == null ? '–' : number(v);

  const steps = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const axes = (unit, bottom) => [
    { incrs: bottom === minutes ? steps : undefined, stroke: () => colour('soft'), grid: { stroke: () => colour('rule'), width: 1 }, ticks: { show: false }, size: 28, values: (_, at) => at.map(bottom) },
    { stroke: () => colour('soft'), grid: { stroke: () => colour('rule'), width: 1 }, ticks: { show: false }, size: 62, values: (_, at) => at.map(format(unit)) },
  ];

  const make = (holder, options, columns) => {
    options.width = holder.clientWidth;
    options.height = holder.clientHeight;
    options.legend = { show: false };
    const plot = new uPlot(options, columns, holder);
    plots.push([plot, holder]);
    return plot;
  };

  const shadeWarmup = u => {
    const end = u.valToPos(data.from, 'x', true);
    if (data.from <= 0 || end <= u.bbox.left) return;
    u.ctx.fillStyle = colour('shade');
    u.ctx.fillRect(u.bbox.left, u.bbox.top, Math.min(end, u.bbox.left + u.bbox.width) - u.bbox.left, u.bbox.height);
  };

  // A line across the plot, at a value of y, or down it, at a value of x.
  const rule = (u, scale, value, name, dash) => {
    const range = u.scales[scale];
    if (value == null || value < range.min || value > range.max) return;
    const at = u.valToPos(value, scale, true), { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.strokeStyle = colour(name);
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash(dash.map(d => d * devicePixelRatio));
    u.ctx.beginPath();
    if (scale === 'x') { u.ctx.moveTo(at, top); u.ctx.lineTo(at, top + height); } else { u.ctx.moveTo(left, at); u.ctx.lineTo(left + width, at); }
    u.ctx.stroke();
    u.ctx.restore();
  };

  // uPlot asks for the range of the data and of every zoom alike; all charts show
  // the whole run until somebody zooms, whatever part of it they have data of.
  const range = (u, min, max) => min == null || min === u.data[0][0] && max === u.data[0].at(-1) ? whole : [min, max];

  // What belongs to a chart over time: the shared cursor, the shared zoom.
  const timed = options => {
    options.cursor = { sync: { key: 'time', scales: ['x', null] }, drag: { x: true, y: false }, points: { show: options.series.length > 1 } };
    options.scales = Object.assign({ x: { time: false, range } }, options.scales);
    options.hooks = options.hooks || {};
    options.hooks.drawClear = [shadeWarmup];
    options.hooks.setScale = [(u, key) => { if (key === 'x') follow(u); }];
    return options;
  };
  let following = false;
  const follow = source => {
    if (following) return;
    following = true;
    const { min, max } = source.scales.x;
    for (const plot of overTime) if (plot !== source && (plot.scales.x.min !== min || plot.scales.x.max !== max)) plot.setScale('x', { min, max });
    following = false;
    sayZoom(min, max);
  };

  // The figures of the part that is zoomed to; the verdicts stay those of the
  // measured window.
  const sayZoom = (min, max) => {
    const holder = document.querySelector('[data-zoomed]');
    holder.hidden = !(min > whole[0] || max < whole[1]);
    if (holder.hidden) return;
    const { due, failure } = data.requests, values = [];
    let total = 0, failed = 0;
    due.forEach((at, i) => {
      if (at < min || at > max) return;
      total++;
      if (failure[i]) failed++;
      const v = data.requests[data.story.column][i];
      if (v != null) values.push(v);
    });
    values.sort((a, b) => a - b);
    const quantile = p => {
      const at = p * (values.length - 1), low = Math.floor(at);
      return values.length ? values[low] + (at - low) * ((values[low + 1] ?? values[low]) - values[low]) : null;
    };
    holder.textContent = `${clock(min)} to ${clock(max)}: ${number(total)} requests, ${number(failed)} failed; ${data.story.metric} p50 ${seconds(quantile(.5))}, ` +
      `p95 ${seconds(quantile(.95))}, p99 ${seconds(quantile(.99))}. The verdicts are of the measured window.`;
  };

  const story = () => {
    const { due, failure } = data.requests, values = data.requests[data.story.column] || [];
    const order = due.map((_, i) => i).sort((a, b) => due[a] - due[b]);
    const x = order.map(i => due[i]), y = order.map(i => values[i]), failed = order.map(i => failure[i]);
    const most = Math.max(0, ...values.filter(v => v != null)), limit = data.story.limit;
    const top = Math.max(most, limit != null && limit < most * 4 ? limit : 0, 1e-3) * 1.16;
    const failures = u => {
      u.ctx.fillStyle = colour('missed');
      const side = 3.5 * devicePixelRatio, lane = u.bbox.top + 3 * side;
      failed.forEach((kind, i) => {
        if (!kind || x[i] < u.scales.x.min || x[i] > u.scales.x.max) return;
        const at = u.valToPos(x[i], 'x', true);
        u.ctx.beginPath();
        u.ctx.moveTo(at - side, lane - side); u.ctx.lineTo(at + side, lane - side); u.ctx.lineTo(at, lane + side);
        u.ctx.fill();
      });
    };
    const plot = make(element('story'), timed({
      axes: axes('s', minutes),
      scales: { y: { range: () => [0, top] } },
      series: [{}, { paths: () => null, points: { show: true, size: 4, width: 0, fill: () => colour('accent') + '99', stroke: () => colour('accent') } }],
      hooks: {
        draw: [u => { rule(u, 'y', limit, 'ink', []); failures(u); }],
        setCursor: [u => {
          const i = u.cursor.idx;
          readout('story').textContent = i == null ? '' : `due at ${clock(x[i])}: ` + (failed[i] ? failed[i] : `${data.story.metric} ${seconds(y[i])}`);
        }],
      },
    }), [x, y]);
    overTime.push(plot);
    const at = data.requests.offered.map((_, i) => i * data.step);
    overTime.push(make(element('offered'), timed({
      axes: axes('', minutes),
      scales: { y: { range: (u, min, max) => [0, Math.max(max || 0, 1) * 1.1] } },
      series: [{}, { stroke: () => colour('accent'), fill: () => colour('accent') + '33', width: 1, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }],
    }), [at, data.requests.offered]));
  };

  const panel = (p, index) => {
    const holder = element('panel', index);
    if (!holder) return;
    const columns = uPlot.join(p.series.map(s => [s.at, s.v])), strokes = ['accent', 'second'];
    const show = format(p.unit);
    const plot = make(holder, timed({
      axes: axes(p.unit, minutes),
      scales: { y: { range: (u, min, max) => [0, p.unit === 'ratio' ? 1 : Math.max(max || 0, 1) * 1.12] } },
      series: [{}].concat(p.series.map((s, i) => ({ stroke: () => colour(strokes[i]), width: 1.5, spanGaps: true, points: { show: false } }))),
      hooks: {
        draw: [u => label(u, p.series, strokes)],
        setCursor: [u => {
          const i = u.cursor.idx;
          readout('panel-' + index).textContent = i == null ? '' : `at ${clock(columns[0][i])}: ` + p.series.map((s, k) => `${s.name} ${show(columns[k + 1][i])}`).join(', ');
        }],
      },
    }), columns);
    overTime.push(plot);
  };

  // Names the lines directly, in their own colour.
  const label = (u, series, strokes) => {
    if (series.length < 2) return;
    u.ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    u.ctx.textAlign = 'left';
    let x = u.bbox.left + 8 * devicePixelRatio;
    series.forEach((s, i) => {
      u.ctx.fillStyle = colour(strokes[i]);
      u.ctx.fillText(s.name, x, u.bbox.top + 13 * devicePixelRatio);
      x += u.ctx.measureText(s.name + '    ').width;
    });
  };

  const distribution = (d, index, log) => {
    const holder = element('distribution', index);
    holder.replaceChildren();
    const at = p => d.x[d.p.reduce((best, v, i) => Math.abs(v - p) < Math.abs(d.p[best] - p) ? i : best, 0)];
    const positive = log ? d.x.map(v => Math.max(v, 1e-5)) : d.x;
    make(holder, {
      axes: [
        Object.assign(axes('ratio', seconds)[0], log ? { filter: (u, splits) => splits.map(v => /^1/.test(v.toExponential()) ? v : null), values: (u, splits) => splits.map(v => v == null ? '' : seconds(v)) } : {}),
        axes('ratio', seconds)[1],
      ],
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, distr: log ? 3 : 1, range: (u, min, max) => log ? [min / 1.1, max * 1.1] : [0, Math.max(max, 1e-4) * 1.04] }, y: { range: () => [0, 1.02] } },
      series: [{}, { stroke: () => colour('accent'), width: 2, points: { show: false }, paths: uPlot.paths.linear() }],
      hooks: {
        draw: [u => { for (const p of [.5, .95, .99]) rule(u, 'x', at(p), 'soft', [2, 3]); rule(u, 'x', d.limit, 'ink', []); }],
        setCursor: [u => {
          const i = u.cursor.idx;
          readout('distribution-' + index).textContent = i == null ? '' : `${ratio(d.p[i])} of values are at most ${seconds(d.x[i])}`;
        }],
      },
    }, [positive, d.p]);
  };

  const drawDistributions = log => {
    for (let i = plots.length - 1; i >= 0; i--) if (plots[i][1].dataset.chart === 'distribution') plots.splice(i, 1)[0][0].destroy();
    data.distributions.forEach((d, i) => distribution(d, i, log));
  };

  story();
  data.panels.forEach(panel);
  drawDistributions(false);
  document.querySelector('[data-log]').addEventListener('change', event => drawDistributions(event.target.checked));
  addEventListener('resize', () => plots.forEach(([plot, holder]) => plot.setSize({ width: holder.clientWidth, height: holder.clientHeight })));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach(([plot]) => plot.redraw(false, true)));
})();
