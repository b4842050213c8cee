package measure

import (
	"maps"
	"slices"
)

// pooledSampled is what was watched beside several runs, each in its own measured
// window: what the server did between them belongs to none.
func pooledSampled(windows []*Window) *Sampled {
	w := &Sampled{run: windows[0].Run, series: map[string]*Series{}, named: map[string][]*Series{}, buckets: map[string]*buckets{}, Feeds: map[string]*Feed{}, gpus: map[string]*gpu{}, pods: map[string]bool{}}
	for _, of := range windows {
		w.parts = append(w.parts, of.Sampled)
		maps.Copy(w.pods, of.Sampled.pods)
		for name, from := range of.Sampled.Feeds {
			into := w.source(name)
			into.inside, into.Missing = into.inside+from.inside, into.Missing+from.Missing
			into.took.merge(&from.took)
		}
	}
	return w
}

// firstOf is the first that is said of a run.
func (w *Sampled) firstOf(of func(*Sampled) string) string {
	for _, part := range w.parts {
		if says := of(part); says != "" {
			return says
		}
	}
	return ""
}

// together is a series over all runs.
func (w *Sampled) together(source, name string) *Series {
	all := &Series{void: newVoid()}
	for _, part := range w.parts {
		of := part.Series(source, name)
		for into, from := range map[*tally]*tally{&all.sums: &of.sums, &all.mosts: &of.mosts, &all.means: &of.means, &all.rates: &of.rates} {
			into.merge(from)
		}
		all.rise, all.rises = all.rise+of.rise, all.rises+of.rises
		all.risen, all.seconds = all.risen+of.risen, all.seconds+of.seconds
		all.void.merge(part.ended(of.void, source))
		all.end.v += of.end.v - of.begin.v
		all.end.at += of.end.at - of.begin.at
	}
	return all
}

// histogram is one of the server's, nil where it is not asked for.
func (w *Sampled) histogram(name string) *buckets {
	if len(w.parts) == 0 || w.buckets[name] != nil {
		return w.buckets[name]
	}
	all := newBuckets()
	for _, part := range w.parts {
		of := part.buckets[name]
		if of == nil {
			return nil
		}
		all.void.merge(part.ended(of.void, "server"))
		for _, labels := range slices.Sorted(maps.Keys(of.sets)) {
			from := of.sets[labels]
			from.add()
			into := all.sets[labels]
			if into == nil {
				into = newBucketSet()
				all.sets[labels] = into
			}
			into.readings += from.readings
			for end, n := range from.fell {
				into.fell[end] += n
			}
		}
	}
	w.buckets[name] = all
	return all
}

// merge takes the values of another one.
func (t *tally) merge(of *tally) {
	t.values.Merge(&of.values)
	t.mean.Merge(&of.mean)
	t.failed, t.left = t.failed+of.failed, t.left+of.left
}
