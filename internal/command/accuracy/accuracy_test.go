package accuracy_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/accuracy"
)

func TestAccuracy_mistakesAreSaidBeforeAnything(t *testing.T) {
	for args, says := range map[string]string{
		"selfcheck eleven streams": `no check has "eleven streams" in its name`,
		"selfcheck steams":         "did you mean",
		"selfcheck nothing":        "there are: ",
		"selfcheck soak 3":         "at least 64",
		"selfcheck --short":        "there is no flag --short",
		"calibrate covrage":        `there is no calibration "covrage"`,
	} {
		var out, complaints bytes.Buffer
		table := command.Table{accuracy.SelfcheckCommand(), accuracy.CalibrateCommand()}
		code := table.Run(command.Call{Args: strings.Fields(args), Out: &out, Err: &complaints})
		assert.Equal(t, command.Wrong, code, args)
		assert.Contains(t, complaints.String(), says)
		assert.Empty(t, out.String())
	}
}

// selfcheck runs itself again for each load, in a process of its own.
func TestSelfcheck_takesWhatItCallsItselfWith(t *testing.T) {
	for args, says := range map[string]string{
		"selfcheck -- load http://127.0.0.1:1 {": "unexpected end of JSON input",
		"selfcheck -- follow 1 never":            "never",
	} {
		var out, complaints bytes.Buffer
		code := command.Table{accuracy.SelfcheckCommand()}.Run(command.Call{Args: strings.Fields(args), Out: &out, Err: &complaints})
		assert.Equal(t, command.Failed, code, args)
		assert.Contains(t, complaints.String(), says, args)
	}
}
