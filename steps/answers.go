package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/validity"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// answers is what answers have to be.
type answers struct {
	checks []harness.Check
	extra  map[string]json.RawMessage // that is asked for, so that they can be
	form   string                     // which file gives their form; "" where none does
	ends   bool                       // they end by themselves
}

// answersSentences say what answers have to be.
func answersSentences() []entry {
	return []entry{
		{Pattern: `^answers follow the schema "([^"]*)"$`, Do: (*workload).followSchema,
			Doc: `Asks for structured output, JSON that follows the JSON Schema in a file (response_format), and checks each whole
				answer against it. The row "valid answers" judges how many pass.`},
		{Pattern: `^answers call the tools of "([^"]*)"$`, Do: (*workload).callTools,
			Doc: `Offers the tools in a file of JSON, as OpenAI's interface declares them, requires a call (tool_choice), and checks
				that each whole answer calls one of them with arguments that fit its parameters.`},
		{Pattern: `^answers do not repeat themselves$`, Do: areSteady,
			Doc: `Checks that an answer does not end in a loop: the same piece eight times or more, 128 characters together at least.`},
		{Pattern: `^answers are written in "([^"]*)"$`, Do: areWrittenIn,
			Doc: `Checks that at least four letters of five are of a script, by its name in Unicode ("Latin", "Cyrillic", "Arabic"),
				or "Chinese", "Japanese" or "Korean".`},
		{Pattern: `^answers end by themselves$`, Do: endThemselves,
			Doc: `Checks that an answer ends before the limit of its length.`},
	}
}

func (work *workload) followSchema(name string) error {
	raw, err := work.form(name)
	if err != nil {
		return err
	}
	schema, err := validity.ReadSchema(name, raw)
	if err != nil {
		return err
	}
	format, err := json.Marshal(map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "answer", "schema": schema.Raw, "strict": true}})
	work.answers.ask("response_format", format)
	work.answers.checks = append(work.answers.checks, schema)
	return err
}

func (work *workload) callTools(name string) error {
	raw, err := work.form(name)
	if err != nil {
		return err
	}
	tools, err := validity.ReadTools(name, raw)
	if err != nil {
		return err
	}
	work.answers.ask("tools", tools.Raw)
	work.answers.ask("tool_choice", json.RawMessage(`"required"`))
	work.answers.checks = append(work.answers.checks, tools)
	work.chats = true // completions know no tools
	return nil
}

// form reads the file that gives answers their form, of which there is one.
func (work *workload) form(name string) ([]byte, error) {
	if work.answers.form != "" {
		return nil, fmt.Errorf("the form of answers is given twice, by %q and by %q; keep one", work.answers.form, name)
	}
	work.answers.form = name
	files, path, err := work.file(name)
	if err != nil {
		return nil, err
	}
	if about, err := fs.Stat(files, path); err == nil && about.Size() > limit.Config {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are sent with every request", name, about.Size(), limit.Config)
	}
	raw, err := fs.ReadFile(files, path)
	if err != nil {
		return nil, err
	}
	return raw, work.files.Add(name, files, path)
}

// ask adds a field to every request.
func (a *answers) ask(field string, value json.RawMessage) {
	if a.extra == nil {
		a.extra = map[string]json.RawMessage{}
	}
	a.extra[field] = value
}

func areSteady(work *workload) {
	work.answers.checks = append(work.answers.checks, validity.Steady{})
}

func areWrittenIn(work *workload, script string) error {
	letters, err := validity.InScript(script)
	work.answers.checks = append(work.answers.checks, letters)
	return err
}

func endThemselves(work *workload) {
	work.answers.ends = true
	work.answers.checks = append([]harness.Check{validity.Ended{}}, work.answers.checks...) // one that was cut is not whole JSON either
}

// checked is a dataset with the checks of its answers. Answers that run to their full length have no form of
// their own, and no end.
func (work *workload) checked(d harness.Dataset) (harness.Dataset, error) {
	a := work.answers
	runsOn := work.full || work.prompt.Mean > 0 || work.playsTrace()
	switch {
	case len(a.checks) == 0:
		return d, nil
	case runsOn && (a.form != "" || a.ends):
		return nil, errors.New(`answers run to their full length here, past their own end; draw what is asked from a file instead: And conversations are drawn from "sharegpt"`)
	case work.clips.Task != "":
		return nil, errors.New("what answers have to be is said of clips, and nothing is said in those that are made; leave it out")
	case work.pooled.task != "":
		return nil, errors.New("what answers have to be is said of texts, and no text is generated for them; leave it out")
	case work.mix != nil:
		return nil, errors.New("what answers have to be is said beside a mix; put it into the rows of the mix")
	}
	return dataset.Checked{Dataset: d, Extra: a.extra, Checks: a.checks}, nil
}
