// Distributions, the course of a figure over time, and the heat map.
const spreadState = { log: false, tail: false };

kinds.distribution = holder => {
  const { metric } = holder.dataset, each = data.requests.of[metric]; // there are none of gaps
  const of = () => data.distributions.find(d => d.metric === metric);
  if (!of()) return null;
  holder.hidden = false;
  const limits = () => data.limits.filter(l => l.metric === metric);
  const inPart = () => {
    if (!each || !zoomed()) return of().p.map(() => null);
    const { values } = part(metric, zoom), d = of();
    let k = 0;
    return d.x.map(x => {
      while (k < values.length && values[k] <= x) k++;
      return values.length ? k / values.length : null;
    });
  };
  const columns = () => { const d = of(); return [spreadState.log ? d.x.map(v => Math.max(v, 1e-6)) : d.x, d.p, inPart()]; };
  const at = p => { const d = of(); return d.x[d.p.reduce((best, v, i) => Math.abs(v - p) < Math.abs(d.p[best] - p) ? i : best, 0)]; };
  const say = i => {
    if (holder.dataset.keyed === undefined) return;
    const d = of();
    const entries = [['n = ' + number(d.N ?? d.n), 'line series-0']];
    if (zoomed() && each) entries.push([`due ${clock(zoom[0])} to ${clock(zoom[1])}`, 'line series-1']);
    keys('distribution-' + metric, entries, i == null ? [['p50', .5], ['p95', .95], ['p99', .99]].map(([n, p]) => `${n} ${seconds(at(p))}`).join(', ') : `${ratio(d.p[i])} are at most ${seconds(d.x[i])}`);
  };
  // extent is what the axis shows: the values, and a limit that is not far from them.
  const extent = (min, max) => {
    for (const { value } of limits()) if (value > max && value < max * 1.6) max = value;
    if (spreadState.tail) min = at(.9);
    if (spreadState.log) return [min / 1.08, max * 1.08];
    const pad = Math.max((max - min) * .05, max * .002);
    return [min < max * .25 && !spreadState.tail ? 0 : Math.max(0, min - pad), max + pad];
  };
  let plot;
  const build = () => {
    plot?.destroy();
    const { log, tail } = spreadState;
    plot = make(holder, {
      axes: [axis(Object.assign({ size: 22, values: (_, v) => v.map(seconds), space: 64 }, log ? logAxis(seconds) : {})), valueAxis(ratio)],
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, distr: log ? 3 : 1, range: (u, min, max) => extent(Math.max(min || 0, 1e-6), Math.max(max || 0, 1e-5)) },
        y: { range: () => tail ? [.9, 1.002] : [0, 1.02] },
      },
      series: [{}, { stroke: () => colour('series-0'), width: 2, points: { show: false } }, { stroke: () => colour('series-1'), width: 1.5, points: { show: false } }],
      hooks: {
        draw: [u => {
          let last = -Infinity; // a name that would stand in another one is left out
          for (const [name, p] of [['p50', .5], ['p95', .95], ['p99', .99]]) {
            const x = u.valToPos(at(p), 'x');
            rule(u, 'x', at(p), 'soft', [2, 3], x - last > 28 ? name : '');
            last = x - last > 28 ? x : last;
          }
          for (const l of limits()) rule(u, 'x', l.value, 'ink', [5, 4], 'limit');
        }],
        setCursor: [u => say(u.cursor.idx)],
      },
    }, columns());
    say(null);
  };
  build();
  const update = () => { if (of()) { plot.setData(columns()); say(null); } };
  return {
    update, zoomed: update, rebuild: build,
    resize: () => plot.setSize({ width: Math.max(holder.clientWidth, 50), height: holder.clientHeight }),
    retheme: () => plot.redraw(false, true), destroy: () => plot.destroy(),
  };
};

// course is the median, the 95th percentile and the greatest of a figure, by when
// the requests were due.
kinds.course = holder => {
  const { metric } = holder.dataset;
  if (!data.requests.of[metric]) return null;
  holder.hidden = false;
  const columns = () => {
    const r = data.requests, of = r.of[metric], buckets = 60, width = (whole[1] - whole[0]) / buckets;
    const values = Array.from({ length: buckets }, () => []);
    const only = holder.dataset.class ? r.classes.indexOf(holder.dataset.class) : -1;
    for (let i = 0; i < r.n; i++) {
      if (r.beside[i] || r.failure[i] || Number.isNaN(of[i]) || only >= 0 && r.class[i] !== only) continue;
      values[Math.min(buckets - 1, Math.floor(r.due[i] / width))].push(of[i]);
    }
    values.forEach(v => v.sort((a, b) => a - b));
    return [values.map((_, i) => (i + .5) * width), ...[.5, .95, 1].map(p => values.map(v => v.length ? quantile(v, p) : null))];
  };
  const plot = make(holder, timed({
    axes: [timeAxis(), valueAxis(shown(metric))],
    scales: { y: { range: (u, min, max) => [0, Math.max(max || 0, 1e-4) * 1.1] } },
    series: [{}, ...[[0, 2], [1, 1.4], [2, 1]].map(([i, width]) => ({ stroke: () => colour(series(i)), width, spanGaps: true, points: { show: false } }))],
    hooks: { draw: [u => {
      for (const l of data.limits) if (l.metric === metric) rule(u, 'y', l.value, 'ink', [5, 4], 'limit');
      label(u, ['p50', 'p95', 'max']);
    }] },
  }), columns());
  const chart = still(holder, plot, () => plot.setData(columns()));
  chart.zoomed = chart.update;
  return chart;
};

// label names the lines where there is room above them.
const label = (u, names) => {
  u.ctx.save();
  u.ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  let x = u.bbox.left + 6 * devicePixelRatio;
  names.forEach((name, i) => {
    u.ctx.fillStyle = colour(series(i));
    u.ctx.fillText(name, x, u.bbox.top + 10 * devicePixelRatio);
    x += u.ctx.measureText(name + '   ').width;
  });
  u.ctx.restore();
};

kinds.heat = holder => {
  const rows = 28;
  const grid = () => {
    const r = data.requests, metric = storyState.metric || data.story.metric, values = r.of[metric];
    const wide = Math.max(20, Math.min(150, Math.floor(holder.clientWidth / 8)));
    let least = Infinity, most = 0;
    for (let i = below(zoom[0]); i < r.n && r.due[i] <= zoom[1]; i++) if (values[i] > 0 && !r.failure[i] && !r.beside[i]) { least = Math.min(least, values[i]); most = Math.max(most, values[i]); }
    if (!most) return null;
    least = Math.max(least, most / 1e5);
    const low = Math.log(least / 1.05), high = Math.log(most * 1.05), counts = new Float64Array(wide * rows);
    for (let i = below(zoom[0]); i < r.n && r.due[i] <= zoom[1]; i++) {
      if (!(values[i] > 0) || r.failure[i] || r.beside[i]) continue;
      const x = Math.min(wide - 1, Math.floor((r.due[i] - zoom[0]) / (zoom[1] - zoom[0]) * wide));
      const y = Math.min(rows - 1, Math.max(0, Math.floor((Math.log(values[i]) - low) / (high - low) * rows)));
      counts[y * wide + x] += r.every;
    }
    return { wide, low, high, counts, most: Math.max(...counts), metric };
  };
  let drawn;
  const plot = make(holder, timed({
    axes: [timeAxis(), Object.assign(valueAxis(v => shown(drawn?.metric)(v)), logAxis(v => shown(drawn?.metric)(v)))],
    scales: { y: { distr: 3, range: () => drawn ? [Math.exp(drawn.low), Math.exp(drawn.high)] : [1e-3, 1] } },
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: {
      draw: [u => {
        if (!drawn) return;
        const { left, top, width, height } = u.bbox, cell = [width / drawn.wide, height / rows];
        u.ctx.save();
        u.ctx.fillStyle = colour('series-0');
        drawn.counts.forEach((n, k) => {
          if (!n) return;
          u.ctx.globalAlpha = .12 + .88 * Math.sqrt(n / drawn.most);
          u.ctx.fillRect(left + k % drawn.wide * cell[0], top + height - (Math.floor(k / drawn.wide) + 1) * cell[1], Math.max(1, cell[0] - .5), Math.max(1, cell[1] - .5));
        });
        u.ctx.restore();
      }],
      setCursor: [u => say(u)],
    },
  }), [[...whole], [1e-3, 1]]);
  const say = u => {
    if (!drawn) return;
    const name = drawn.metric, show = shown(name);
    let where = `the darkest cell holds ${many(drawn.most, 'request')}`;
    if (u && u.over.matches(':hover')) {
      const x = Math.floor(u.cursor.left / u.over.clientWidth * drawn.wide), y = rows - 1 - Math.floor(u.cursor.top / u.over.clientHeight * rows);
      const step = (drawn.high - drawn.low) / rows, n = drawn.counts[y * drawn.wide + x];
      if (n >= 0) where = `${many(n, 'request')} with ${name} from ${show(Math.exp(drawn.low + y * step))} to ${show(Math.exp(drawn.low + (y + 1) * step))}, due about ${clock(u.posToVal(u.cursor.left, 'x'))}`;
    }
    keys('heat', [[name, 'dot series-0']], where);
  };
  const update = () => { drawn = grid(); plot.setData([[...whole], [1e-3, 1]]); say(); };
  update();
  const chart = still(holder, plot, update);
  chart.zoomed = chart.rebuild = update;
  chart.resize = () => { plot.setSize({ width: Math.max(holder.clientWidth, 50), height: holder.clientHeight }); update(); };
  return chart;
};
