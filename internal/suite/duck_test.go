package suite_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A duck is DuckDB, which is asked many questions at once: to start it takes longer than
// to answer.
type duck struct {
	t       *testing.T
	queries []string
	answers []func(rows [][]string)
}

// ask remembers a question. The rows come later, their cells as text; "" is null.
func (d *duck) ask(query string, answer func(rows [][]string)) {
	d.queries, d.answers = append(d.queries, query), append(d.answers, answer)
}

// asker answers each query of its standard input, which may be several statements.
const asker = `
import duckdb, json, sys
cell = lambda v: '' if v is None else ' '.join(map(str, v)) if isinstance(v, list) else str(v)
answers = []
for query in json.load(sys.stdin):
    try:
        answers.append({'rows': [[cell(v) for v in row] for row in duckdb.execute(query).fetchall()]})
    except Exception as e:
        answers.append({'error': str(e)})
json.dump(answers, sys.stdout)
`

// run asks everything in a folder.
func (d *duck) run(folder string) {
	d.t.Helper()
	questions, err := json.Marshal(d.queries)
	require.NoError(d.t, err)
	command := python(asker)
	command.Dir, command.Stdin = folder, strings.NewReader(string(questions))
	out, err := command.Output()
	require.NoError(d.t, err)
	var answers []struct {
		Rows  [][]string
		Error string
	}
	require.NoError(d.t, json.Unmarshal(out, &answers))
	require.Len(d.t, answers, len(d.answers))
	for i, a := range answers {
		require.Empty(d.t, a.Error, d.queries[i])
		d.answers[i](a.Rows)
	}
}

func python(script string) *exec.Cmd { return exec.Command("python3", "-c", script) }

func needsDuckDB(t *testing.T) {
	t.Helper()
	if err := python("import duckdb").Run(); err != nil {
		t.Skip("DuckDB is not here; to run this test: pip install duckdb")
	}
}

// near is equal but for what adding up in another order makes of it.
func near(t *testing.T, want, got float64, message ...any) {
	t.Helper()
	if math.IsInf(want, 1) && math.IsInf(got, 1) {
		return
	}
	assert.InDelta(t, want, got, 1e-9+1e-9*math.Abs(want), message...)
}

// span is an instant of the run as the page tells it.
func span(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.0f ms", s*1e3)
	}
	return strconv.FormatFloat(math.Round(s*10)/10, 'f', -1, 64) + " s"
}

// number reads what DuckDB gave; NaN where it gave nothing.
func number(cell string) float64 {
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
