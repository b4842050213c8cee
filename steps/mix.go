package steps

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/internal/spelling"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// mixSentences say which classes the traffic has.
func mixSentences() []entry {
	return []entry{
		{Pattern: `^the traffic is a mix of:$`, Do: (*workload).mixOf,
			Doc: `Mixes several classes of traffic: a name, a share, the workload in its own sentences with ; between them, and
				optionally the model and the priority. A row of objectives that begins with the name of a class judges that
				class.`},
	}
}

func (work *workload) mixOf(s said, table *godog.Table) error {
	var mix dataset.Mix
	for i, row := range table.Rows {
		class, err := work.class(row.Cells)
		if err != nil {
			return sentence.Placed(s.At(i), err)
		}
		for _, other := range mix {
			if other.Name == class.Name {
				return sentence.Placed(s.At(i), fmt.Errorf("there are two classes %q", class.Name))
			}
		}
		mix = append(mix, class)
	}
	work.mix = mix
	return nil
}

// notServed is asked for where the scenario wants to see what becomes of it.
const notServed = "a-model-that-is-not-served"

func (work *workload) class(cells []*messages.PickleTableCell) (c dataset.Class, err error) {
	const form = `a row reads | chat | 70% | prompts of 200 tokens are answered in 100 tokens | or goes on | asked of "an-adapter" | with priority 5 |`
	if len(cells) < 3 {
		return c, fmt.Errorf("the row has %d cells; %s", len(cells), form)
	}
	if c.Name = cells[0].Value; c.Name == "" || strings.Contains(c.Name, ":") {
		return c, fmt.Errorf("%q is no name of a class; %s", c.Name, form)
	}
	if c.Share, err = amount.Share(cells[1].Value); err != nil {
		return c, err
	}
	if c.Dataset, c.Think, err = work.asked(cells[2].Value); err != nil {
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
func (work *workload) asked(text string) (harness.Dataset, harness.Think, error) {
	one, load := &workload{own: work.own, userFiles: work.userFiles, files: work.files, virtual: work.virtual, rehearsal: work.rehearsal}, new(loadSpec)
	known := sentence.Compile(slices.Concat(workloadSentences(), answersSentences()))
	for text := range strings.SplitSeq(text, "; ") {
		text = strings.TrimSpace(text)
		s, ok := known.ReadText(text)
		if !ok {
			return nil, harness.Think{}, fmt.Errorf("%q is no sentence about a workload%s", text, spelling.DidYouMean(text, known.Shapes()))
		}
		if err := s.Call(one, load); err != nil {
			return nil, harness.Think{}, err
		}
	}
	if one.pooled.task != "" || one.over != "" && !one.chats {
		return nil, harness.Think{}, errors.New("all classes of a mix are asked over completions and chats; run another scenario for what is asked otherwise")
	}
	if one.over != "" || one.atOnce {
		return nil, harness.Think{}, errors.New("over what the classes of a mix are asked, and whether answers come in one piece, is said of all of them: write it beside the mix, and not in a row")
	}
	d, err := one.described()
	work.open = append(work.open, one.open...)
	work.severalTurns = work.severalTurns || one.turns > 1
	return d, load.between, err
}

// classesExist refuses an objective of a class that the traffic does not have.
func (work *workload) classesExist(objectives []harness.Objective) error {
	var names []string
	for _, c := range work.mix {
		names = append(names, c.Name)
	}
	if work.playsTrace() {
		names = append(names, work.trace.Classes()...)
	}
	for _, o := range objectives {
		known := o.Class == ""
		for _, name := range names {
			known = known || name == o.Class
		}
		if !known {
			return sentence.Placed(o.Where, fmt.Errorf("the traffic has no class %q%s", o.Class, spelling.DidYouMean(o.Class, names)))
		}
	}
	return nil
}
