// The panels over time.
const powersOfTwo = Array.from({ length: 50 }, (_, i) => 2 ** i); // the ticks of bytes

kinds.panel = holder => {
  const of = () => data.panels[holder.dataset.index];
  if (!of()?.series.length) return null;
  const columns = () => uPlot.join(of().series.map(s => [s.at, s.v]));
  let table = columns(), names = of().series.map(s => s.name).join();
  const say = i => {
    const p = of(), show = format(p.unit);
    keys('panel-' + holder.dataset.index, p.series.map((s, k) => [s.name, 'line ' + series(k) + (k < 8 ? '' : k < 16 ? ' dashed' : ' dotted'), i == null ? undefined : show(valueAt(k + 1, i))]), i == null ? '' : `at ${clock(table[0][i])}`);
  };
  // Series are not read at the same instants: what counts is the reading before.
  const valueAt = (k, i) => { while (i > 0 && table[k][i] == null) i--; return table[k][i]; };
  let plot;
  const build = () => {
    plot?.destroy();
    const p = of(), show = format(p.unit);
    plot = make(holder, timed({
      axes: [timeAxis(), Object.assign(valueAxis(show), p.unit === 'bytes' ? { incrs: powersOfTwo } : {})],
      scales: { y: { range: (u, min, max) => [0, p.unit === 'ratio' ? 1 : (max || 1) * 1.1] } },
      series: [{}, ...p.series.map((s, i) => ({ stroke: () => colour(series(i)), fill: p.series.length === 1 ? () => colour(series(i)) + '1f' : undefined, width: 1.5, dash: dash(i), spanGaps: true, points: { show: s.at.length < 2 } }))],
      hooks: { setCursor: [u => say(u.cursor.idx)] },
    }), table);
    say(null);
  };
  build();
  const update = () => {
    if (!of()?.series.length) return;
    table = columns();
    const now = of().series.map(s => s.name).join();
    if (now !== names) { names = now; build(); } else plot.setData(table);
    say(null);
  };
  return {
    update, zoomed: () => plot.setData(table), rebuild: build,
    resize: () => plot.setSize({ width: Math.max(holder.clientWidth, 50), height: holder.clientHeight }),
    retheme: () => plot.redraw(false, true), destroy: () => plot.destroy(),
  };
};

// The phases of an average request, one upon the other.
kinds.phases = holder => {
  const colours = { client: 7, network: 3, 'front end': 6, queue: 4, prefill: 2, 'until the first token': 0, decode: 5, stall: 1 };
  const strokes = data.phases.map(s => series(colours[s.name]));
  // A time in which nothing was sent is a gap, and the last one is as wide as the others.
  const at = () => data.phases[0].at;
  const none = i => data.phases.every(s => !s.v[i]);
  const columns = () => {
    const sums = at().map(() => 0), last = at().length - 1;
    const stacked = data.phases.map(s => s.v.map((v, i) => none(i) ? null : sums[i] += v));
    return [[...at(), 2 * at()[last] - at()[last - 1]], ...stacked.reverse().map(v => [...v, v[last]])]; // the highest first: those below are drawn over it
  };
  const say = i => {
    if (i != null) i = Math.min(i, at().length - 1);
    const values = i != null && !none(i);
    keys('phases', data.phases.map((s, k) => [s.name, 'dot ' + strokes[k], values ? seconds(s.v[i]) : undefined]), i == null ? '' : `at ${clock(at()[i])}${values ? '' : ': nothing was sent'}`);
  };
  const steps = uPlot.paths.stepped({ align: 1, alignGaps: 1 });
  const plot = make(holder, timed({
    axes: [timeAxis(), valueAxis(seconds)],
    scales: { y: { range: (u, min, max) => [0, Math.max(max || 0, 1e-4) * 1.08] } },
    series: [{}, ...[...strokes].reverse().map(c => ({ stroke: () => colour('ground'), width: .5, fill: () => colour(c), paths: steps, points: { show: false } }))],
    hooks: { setCursor: [u => say(u.cursor.idx)] },
  }), columns());
  say(null);
  const chart = still(holder, plot, () => {});
  chart.zoomed = () => plot.setData(columns());
  return chart;
};
