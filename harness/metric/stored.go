package metric

import "fmt"

// StoredGaps is the list of the gaps between an answer's chunks, over the columns of
// requests.parquet.
const StoredGaps = "[chunk_ns[i] - chunk_ns[i - 1] for i in range(2, len(chunk_ns) + 1)]"

// stored is the column of an instant.
func (i Instant) stored() string {
	return [...]string{DueAt: "due_ns", SentAt: "sent_ns", FirstChunk: "first_token_ns", FirstAnswer: "first_answer_ns", LastChunk: "list_last(chunk_ns)", DoneAt: "done_ns"}[i]
}

// column is the latency in nanoseconds. Some are columns of the file, the others are taken from
// their instants.
func (l Latency) column() string {
	value := map[Latency]string{
		{From: DueAt, To: FirstChunk}:                      "ttft_ns",
		{From: DueAt, To: DoneAt}:                          "e2e_ns",
		{From: FirstChunk, To: LastChunk, Per: LaterToken}: "tpot_ns",
	}[l]
	if value == "" {
		value = "(" + l.To.stored() + " - " + l.From.stored() + ")"
		switch l.Per {
		case Undivided:
		case Input:
			value += " // nullif(inputs, 0)"
		case ClipSecond:
			value += " / nullif(clip_ns / 1e9, 0)"
		default:
			value += fmt.Sprintf(" // nullif(greatest(output_tokens - %d, 0), 0)", map[Per]int{LaterToken: 1}[l.Per])
		}
	}
	return value
}

// Stored is the latency in seconds.
func (l Latency) Stored() string {
	value := l.column()
	if l.To == DoneAt {
		value = "if(len(chunk_ns) > 0 or chunks_known = 'none', " + value + ", null)"
	}
	return value + " / 1e9"
}

// StoredShown is the latency in seconds, of a whole answer where only that has one.
func (l Latency) StoredShown() string {
	if l.ofWhole() {
		return ofWholeAnswers(l.column() + " / 1e9")
	}
	return l.column() + " / 1e9"
}

func ofWholeAnswers(value string) string { return "if(failure is null, " + value + ", null)" }

// Stored is the longest gap in seconds.
func (LongestGap) Stored() string { return "list_max(" + StoredGaps + ") / 1e9" }

// StoredShown is the longest gap of a whole answer, in seconds.
func (g LongestGap) StoredShown() string { return ofWholeAnswers(g.Stored()) }

// Stored is the time in seconds.
func (o OwnTime) Stored() string { return o.Column + " / 1e9" }

// StoredShown is the time in seconds.
func (o OwnTime) StoredShown() string { return o.Stored() }

// Stored is the count.
func (c RequestCount) Stored() string { return c.Column }

// StoredShown is the count.
func (c RequestCount) StoredShown() string { return c.Column }
