package foreign

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// longest is what a run can last, and mostTokens what a request can have.
const (
	longest    = 31 * 24 * time.Hour
	mostTokens = 1e9
)

// seconds are a time as tools write it.
func seconds(s float64) time.Duration { return time.Duration(s*float64(time.Second) + 0.5) }

// span is a time of a request, which is refused where no run can have it.
func span(s float64, field string, i int) (time.Duration, error) {
	if !(s >= 0 && s <= longest.Seconds()) {
		return 0, fmt.Errorf("%s.%d is %g s; it must be a time between 0 and %v", field, i, s, longest)
	}
	return seconds(s), nil
}

// counted is a number of tokens, or Unreported where there is none.
func counted(n int) int {
	if n <= 0 || n > mostTokens {
		return harness.Unreported
	}
	return n
}

// newResult is a result of requests that are in memory.
func newResult(all []harness.Record, measured time.Duration) *Result {
	out := &Result{Requests: len(all), To: measured}
	for i := range all {
		out.Length = max(out.Length, all[i].Due, all[i].Sent, all[i].Done)
	}
	out.Length = max(out.Length, out.To)
	out.records = each(all)
	return out
}

// each are records that are in memory.
func each(all []harness.Record) iter.Seq2[harness.Record, error] {
	return func(yield func(harness.Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// inOrder numbers records in the order in which they were due.
func inOrder(all []harness.Record) []harness.Record {
	slices.SortStableFunc(all, func(a, b harness.Record) int { return cmp.Compare(a.Due, b.Due) })
	for i := range all {
		all[i].Seq, all[i].Session = i, i
	}
	return all
}

// A start is when requests were sent, by which those that are read in another order are numbered.
type starts struct {
	sorted []int64
	given  map[int64]int // of those that were sent at the same instant
}

func newStarts(all []int64) *starts {
	slices.Sort(all)
	return &starts{all, map[int64]int{}}
}

// number is the place of the next request that was sent then.
func (s *starts) number(at int64) int {
	place, _ := slices.BinarySearch(s.sorted, at)
	n := s.given[at]
	if place+n+1 < len(s.sorted) && s.sorted[place+n+1] == at || n > 0 {
		s.given[at] = n + 1
	}
	return place + n
}

// fail makes a record that of a failed request, by what the tool says of it.
func fail(r *harness.Record, said string) {
	r.Error = clean(said)
	r.Failure, r.Good = failureOf(said), false
	if status, ok := r.Failure.HTTPStatus(); ok {
		r.HTTPStatus = status
	}
}

// knownFailures are the kinds of failures that have no status, by the words that tools have for them.
var knownFailures = []struct {
	words *regexp.Regexp
	is    harness.Failure
}{
	{regexp.MustCompile("cannot connect|connection refused|connecterror|clientconnector"), harness.Refused},
	{regexp.MustCompile("too many open files"), harness.OutOfSockets},
	{regexp.MustCompile("never received a valid chunk|no content|empty response|no responses"), harness.Empty},
	{regexp.MustCompile("timeout|timed out|deadline"), harness.Timeout},
	{regexp.MustCompile("disconnected|connection reset|broken pipe|connection closed|payload is not completed|incomplete chunked read|unexpected eof"), harness.Reset},
}

// failureOf is the kind of a failure, as far as the words of a tool tell it: by the status, if they have one, because
// "Gateway Timeout" is an answer.
func failureOf(said string) harness.Failure {
	last := clean(said)
	if status := statusIn(last); status > 0 {
		return harness.HTTPFailure(status)
	}
	for _, known := range knownFailures {
		if known.words.MatchString(strings.ToLower(last)) {
			return known.is
		}
	}
	return harness.Unnamed
}

// statusNumber is a status that words have as a number.
var statusNumber = regexp.MustCompile(`\b(?:error|status|code)\b\D{0,12}\b([45]\d\d)\b`)

// statusIn is the HTTP status that words tell, by its number or its name; 0 for none.
func statusIn(said string) int {
	if found := statusNumber.FindStringSubmatch(strings.ToLower(said)); found != nil {
		status, _ := strconv.Atoi(found[1])
		return status
	}
	for status := 400; status < 600; status++ {
		// "Request timeout" is what clients say of their own, too.
		if name := http.StatusText(status); name != "" && status != http.StatusRequestTimeout && strings.EqualFold(strings.TrimSpace(said), name) {
			return status
		}
	}
	return 0
}
