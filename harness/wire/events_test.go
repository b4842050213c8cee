package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// TestGather_isWhatWasAdded has texts that become long, in pieces of all lengths, and
// line ends after pieces that are kept as they are.
func TestGather_isWhatWasAdded(t *testing.T) {
	var g gathered
	for _, step := range []int{1000, 4096, 70_000, block, block + 1, 3 * block} {
		for _, total := range []int{0, 1, limit.ShortEvent, limit.ShortEvent + 1, block, block + 1, 5*block + 7} {
			want := bytes.Repeat([]byte("abcdefg"), total/7+1)[:total]
			for from := 0; from < total; from += step {
				g.add(want[from:min(total, from+step)])
			}
			require.Equal(t, total, g.length)
			line := g.whole()
			require.True(t, bytes.Equal(want, line), "%d in steps of %d", total, step)
			var data gathered
			data.adopt(line)
			data.add([]byte("\n"))
			require.True(t, bytes.Equal(append(want, '\n'), data.whole()), "%d in steps of %d", total, step)
			require.Zero(t, g.length+data.length)
		}
	}
}

// dispatched are the events of a stream as WHATWG's standard has them (HTML, section
// 9.2.6): what is read here at once is read in pieces elsewhere.
func dispatched(sent string) (events [][2]string) {
	sent = strings.TrimPrefix(sent, byteOrderMark)
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(sent, "\r\n", "\n"), "\r", "\n"), "\n")
	var data, kind string
	for _, line := range lines[:len(lines)-1] {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != "" {
				events = append(events, [2]string{kind, data})
			}
			data, kind = "", ""
		case field == "data":
			data += value + "\n"
		case field == "event":
			kind = value[:min(len(value), limit.Field)]
		}
	}
	return events
}

// FuzzLines holds the reading of lines and fields to the standard, wherever pieces end.
func FuzzLines(f *testing.F) {
	for _, sent := range []string{"data: a\r\n\r\ndata:b\r\rdata: c\n\n", "\xef\xbb\xbfevent: x\ndata\ndata: \n\n", "event: a\n\ndata: b\n\r\n", ":\ndata : x\nid\n\r", "\n\r\n\r\r\n"} {
		f.Add(sent, 1)
		f.Add(sent, 3)
	}
	f.Fuzz(func(t *testing.T, sent string, step int) {
		step = max(1, step)
		var s Events
		var events [][2]string
		for rest := []byte(sent); len(rest) > 0; {
			piece := bytes.Clone(rest[:min(step, len(rest))])
			rest = rest[len(piece):]
			for {
				line, left, ok := s.Line(piece)
				if !ok {
					break
				}
				piece = left
				if len(line) > 0 {
					s.Field(line)
					continue
				}
				if data := string(s.data.whole()); data != "" {
					events = append(events, [2]string{string(s.name), data})
				}
				s.name = s.name[:0]
			}
		}
		require.Equal(t, dispatched(sent), events)
	})
}
