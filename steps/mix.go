package steps

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

func (w *world) registerMix(sc sentences) {
	sc.Step(`^the traffic is a mix of:$`, w.mixOf)
}

// mixOf is traffic of several classes: a name, a share, what is asked in the
// sentences of a workload with ; between them, and where need be of which model and
// with which priority. A row of objectives that begins with a class's name judges that class.
func (w *world) mixOf(table *godog.Table) error {
	var mix dataset.Mix
	for i, row := range table.Rows {
		class, err := w.class(row.Cells)
		if err != nil {
			return fmt.Errorf("%s: %w", w.suite.where(w.step.AstNodeIds, i), err)
		}
		for _, other := range mix {
			if other.Name == class.Name {
				return fmt.Errorf("%s: there are two classes %q", w.suite.where(w.step.AstNodeIds, i), class.Name)
			}
		}
		mix = append(mix, class)
	}
	w.workload.mix = mix
	return nil
}

// notServed is asked for where the scenario wants to see what becomes of it.
const notServed = "a-model-that-is-not-served"

func (w *world) class(cells []*messages.PickleTableCell) (c dataset.Class, err error) {
	const form = `a row reads | chat | 70% | prompts of 200 tokens are answered in 100 tokens | or goes on | asked of "an-adapter" | with priority 5 |`
	if len(cells) < 3 {
		return c, fmt.Errorf("the row has %d cells; %s", len(cells), form)
	}
	if c.Name = cells[0].Value; c.Name == "" || strings.Contains(c.Name, ":") {
		return c, fmt.Errorf("%q is no name of a class; %s", c.Name, form)
	}
	if c.Share, err = share(cells[1].Value); err != nil {
		return c, err
	}
	if c.Dataset, c.Think, err = w.asked(cells[2].Value); err != nil {
		return c, err
	}
	for _, cell := range cells[3:] {
		of := regexp.MustCompile(`^asked of "([^"]+)"$`).FindStringSubmatch(cell.Value)
		with := regexp.MustCompile(`^with priority (-?\d+)$`).FindStringSubmatch(cell.Value)
		switch {
		case of != nil:
			c.Model = of[1]
		case cell.Value == "asked of a model that is not served":
			c.Model = notServed
		case with != nil:
			c.Priority, err = strconv.Atoi(with[1])
		case cell.Value != "":
			err = fmt.Errorf("%q is not understood; %s", cell.Value, form)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// asked reads the sentences of a workload, with ; between them.
func (w *world) asked(text string) (harness.Dataset, harness.Think, error) {
	one := &world{suite: w.suite}
	for sentence := range strings.SplitSeq(text, "; ") {
		m := &matcher{text: strings.TrimSpace(sentence)}
		one.registerWorkload(m)
		switch {
		case m.err != nil:
			return nil, harness.Think{}, m.err
		case !m.matched:
			return nil, harness.Think{}, fmt.Errorf("%q is no sentence about a workload%s", m.text, spelling.DidYouMean(m.text, m.known))
		}
	}
	d, err := one.described()
	w.workload.open = append(w.workload.open, one.workload.open...)
	w.workload.files = joined(w.workload.files, one.workload.files)
	w.workload.severalTurns = w.workload.severalTurns || one.workload.turns > 1
	return d, one.load.between, err
}

// A matcher runs the one registered sentence that reads its text.
type matcher struct {
	text    string
	matched bool
	known   []string
	err     error
}

// Step implements sentences.
func (m *matcher) Step(expr, handler any) {
	pattern := regexp.MustCompile(expr.(string))
	m.known = append(m.known, shapeOf(pattern))
	groups := pattern.FindStringSubmatch(m.text)
	if groups == nil {
		return
	}
	m.matched = true
	arguments := make([]reflect.Value, len(groups)-1)
	for i := range arguments {
		arguments[i] = reflect.ValueOf(groups[i+1])
	}
	for _, result := range reflect.ValueOf(handler).Call(arguments) {
		if err, ok := result.Interface().(error); ok {
			m.err = errors.Join(m.err, err)
		}
	}
}

// classesExist refuses an objective of a class that the traffic does not have.
func (w *world) classesExist(objectives []harness.Objective) error {
	var names []string
	for _, c := range w.workload.mix {
		names = append(names, c.Name)
	}
	if w.playsTrace() {
		names = append(names, w.load.trace.Classes()...)
	}
	for _, o := range objectives {
		known := o.Class == ""
		for _, name := range names {
			known = known || name == o.Class
		}
		if !known {
			return fmt.Errorf("%s: the traffic has no class %q%s", o.Where, o.Class, spelling.DidYouMean(o.Class, names))
		}
	}
	return nil
}
