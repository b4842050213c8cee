package metric

// An Absence is why a series usually has no readings, and what to do.
type Absence struct {
	Unread string // where its feed was not read
	Lacks  string // where its feed was read, but does not have it: the series' name follows
}

// Lacking is why a feed that was read this many times in the measured window has nothing of a series.
func (a Absence) Lacking(series string, readings int) string {
	switch {
	case a.Lacks == "":
		return a.Unread
	case readings == 1:
		return a.Lacks + series + ", or only once in the measured window, and a rise takes two readings: make the load longer"
	}
	return a.Lacks + series
}

// UsualAbsence is that of the series of a feed.
func UsualAbsence(feed string) Absence {
	switch feed {
	case Server:
		return Absence{"the server's metrics could not be read: set VLLM_METRICS_URL to where they are",
			"the server's metrics were read, but do not have "}
	case GPU:
		return Absence{"no GPU could be read: this needs NVIDIA's driver on this machine, or its exporter beside the server",
			"the GPUs were read, but they, their driver or their exporter do not tell "}
	case Host:
		return Absence{"this machine could not be watched, or the run was in virtual time, in which a second takes no second of it",
			"this machine was read, but does not tell "}
	}
	return Absence{}
}

// Absence is why a gauge may have no readings. One of its own holds whether its feed was read or
// not, and has no Lacks.
func (g Gauge) Absence() Absence {
	switch {
	case g.Absent != "":
		return Absence{Unread: g.Absent}
	case g.Usually != "":
		return UsualAbsence(g.Usually)
	}
	return UsualAbsence(g.Feed)
}

// OthersOnly is why the server's figures are not there where its page names several models, and
// none that is asked.
const OthersOnly = "the server's metrics are those of several models, and name none that is asked: set VLLM_METRICS_URL to the page of the one that is asked, or serve it under its name"

// UnreadBecause says of a feed that it was never read, and what came instead.
func UnreadBecause(feed, why string) string {
	switch feed {
	case Server:
		return "the server's metrics could not be read: " + why
	case GPU:
		return "no GPU could be read: " + why
	}
	return "the " + feed + " could not be read: " + why
}
