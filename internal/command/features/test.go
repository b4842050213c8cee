package features

import (
	"os"
	"strings"

	"github.com/vllmspec/vllmspec/internal/command"
)

// TestCommand runs features as go test does, without Go, or a few objectives without a file.
func TestCommand() command.Command {
	return command.Command{Name: "test", Usage: "[FEATURE… | 'OBJECTIVE'…] [flags]", Bubbles: true, Run: test,
		Does: "runs features as go test does, or objectives without a file",
		Example: `vllmspec test slo
			vllmspec test features/users.feature # comes with vllmspec
			vllmspec test slo/chat.feature:12 --url http://127.0.0.1:8000
			vllmspec test 'p95 TTFT at most 300 ms' --rate 4 --input 512 --for 1m`}
}

func test(call *command.Call) error {
	flags := call.Flags()
	s, q := newSettings(flags), newQuick(flags)
	s.ofRuns(flags)
	words, err := flags.Read()
	if err != nil {
		return err
	}
	var names []string
	for _, word := range words {
		if isObjective(call, word) {
			q.objectives = append(q.objectives, word)
		} else {
			names = append(names, word)
		}
	}
	if q.objectives != nil && names != nil {
		return command.Mistakef("it takes features, or objectives without a file, and not both: %s is a feature, and %q an objective", names[0], q.objectives[0])
	}
	if q.objectives != nil {
		return q.run(call, s)
	}
	if given := q.given(flags); given != "" {
		return command.Mistakef("--%s belongs to an objective without a file: vllmspec test 'p95 TTFT at most 300 ms' --%[1]s …; the sentences of a feature say that themselves", given)
	}
	if ours, err := teaching(call, names); err != nil {
		return err
	} else if ours {
		return s.runTeaching(call, names)
	}
	place, environ, err := named(call, s.environ(call), names)
	if err != nil {
		return err
	}
	return s.run(call, place, environ)
}

// isObjective reports whether an argument is an objective, and not the name of something: it has
// several words, and there is no such file.
func isObjective(call *command.Call, word string) bool {
	_, err := os.Stat(call.Path(word))
	return err != nil && len(strings.Fields(word)) > 1 && !strings.HasSuffix(word, ".feature")
}
