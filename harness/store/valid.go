package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Bounds of what the files of a run may hold. What lies outside was not written by a run, and
// to go through it would take for ever, or more memory than there is.
const (
	Longest  = 31 * 24 * time.Hour // a run, and any time in it
	mostOf   = 1e12                // requests, users, readings
	deepest  = 100                 // values within values
	mostFile = 1 << 30             // bytes of a file that is read whole
)

// Check refuses a file of JSON with numbers that no run can have, by the number's name.
// What other programs described, a data set or a server, is not looked at.
func Check(path string, raw []byte) error {
	if len(raw) > mostFile {
		return fmt.Errorf("%s: it has %d bytes, and %d at most can be read", path, len(raw), int64(mostFile))
	}
	c := checker{decoder: json.NewDecoder(bytes.NewReader(raw))}
	c.decoder.UseNumber()
	if impossible, ok := errors.AsType[*impossibleError](c.value(nil)); ok {
		return fmt.Errorf("%s: %w", path, impossible)
	}
	return nil // what is no JSON is an error when it is read
}

// An impossibleError says which value no run can have.
type impossibleError struct{ says string }

func (e *impossibleError) Error() string { return e.says }

func impossible(format string, args ...any) error {
	return &impossibleError{fmt.Sprintf(format, args...)}
}

type checker struct{ decoder *json.Decoder }

// value looks at the next value, which stands where the names say.
func (c *checker) value(at []string) error {
	token, err := c.decoder.Token()
	if err != nil {
		return err
	}
	if number, ok := token.(json.Number); ok {
		return within(at, number.String())
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if len(at) > deepest {
		return impossible("%s: values lie within values more than %d deep", strings.Join(at[:5], "."), deepest)
	}
	for i := 0; c.decoder.More(); i++ {
		name := strconv.Itoa(i)
		if open == '{' {
			key, err := c.decoder.Token()
			if err != nil {
				return err
			}
			name = key.(string)
		}
		if err := c.value(append(at, name)); err != nil {
			return err
		}
	}
	_, err = c.decoder.Token()
	return err
}

// within is an error where a number cannot be what its name says.
func within(at []string, number string) error {
	name := ""
	for _, part := range at {
		if _, err := strconv.Atoi(part); err != nil {
			name = part
		}
		if slices.Contains([]string{"dataset_data", "card", "config", "labels"}, part) {
			return nil
		}
	}
	name = strings.ToLower(strings.ToUpper(name)) // encoding/json takes a field's name in any case, ſ for s included
	value, err := strconv.ParseFloat(number, 64)
	where := strings.Join(at, ".")
	switch {
	case err != nil:
		return impossible("%s is %s, which is no number that can be read", where, number)
	case strings.HasSuffix(name, "_ns") && (value < 0 || value > float64(Longest)):
		return impossible("%s is %s; it must be a time between 0 and %d days, in nanoseconds", where, number, Longest/(24*time.Hour))
	case isCount(name) && (value < 0 || value > mostOf):
		return impossible("%s is %s; it must be a number between 0 and %g", where, number, float64(mostOf))
	}
	return nil
}

func isCount(name string) bool {
	return slices.Contains([]string{"requests", "users", "in_flight", "in_flight_bound", "number", "planned", "n", "issued", "asked", "tries", "cores", "max_model_len", "mig_instances", "gpus", "setting", "low", "high"}, name)
}

// names refuses names of runs and files that lead out of a folder.
func (m *Manifest) names() error {
	check := func(what, name string) error {
		if name != "" && !IsName(name) {
			return fmt.Errorf("%s is %q, which is no name of a file or folder", what, name)
		}
		return nil
	}
	errs := []error{check("run", m.Run)}
	for _, name := range m.Trials {
		errs = append(errs, check("trials", name))
	}
	for _, asked := range m.Judged {
		errs = append(errs, check("judged.file", asked.File))
	}
	if m.Trial != nil {
		errs = append(errs, check("trial.of", m.Trial.Of))
	}
	return errors.Join(errs...)
}

// IsName reports whether a name is that of a file or folder, and no way to another one.
func IsName(name string) bool {
	return name != "" && name == filepath.Base(name) && filepath.IsLocal(name) && name != "." && !strings.ContainsAny(name, "/\\\x00")
}

// A valid row is one that a run can have written.
type valid interface{ valid() error }

func (r *row) valid() error {
	for _, at := range [...]struct {
		name string
		ns   *int64
	}{{"due_ns", &r.DueNS}, {"sent_ns", r.SentNS}, {"headers_ns", r.HeadersNS}, {"done_ns", r.DoneNS}, {"first_answer_ns", r.FirstAnswerNS},
		{"connecting_ns", r.ConnectingNS}, {"resolving_ns", r.ResolvingNS}, {"securing_ns", r.SecuringNS}, {"read_delay_ns", r.ReadDelayNS},
		{"server_queue_ns", r.ServerQueueNS}, {"server_prefill_ns", r.ServerPrefillNS}, {"server_decode_ns", r.ServerDecodeNS}} {
		if at.ns != nil && (*at.ns < 0 || *at.ns > int64(Longest)) {
			return noTime(at.name, *at.ns)
		}
	}
	for _, at := range r.ChunkNS {
		if at < 0 || at > int64(Longest) {
			return noTime("chunk_ns", at)
		}
	}
	for _, count := range [...]struct {
		name string
		n    *int64
	}{{"prompt_tokens", r.PromptTokens}, {"output_tokens", r.OutputTokens}, {"cached_tokens", r.CachedTokens}, {"reasoning_tokens", r.ReasoningTokens},
		{"shareable_tokens", r.ShareableTokens}, {"requested_prompt_tokens", r.RequestedPromptTokens}, {"requested_output_tokens", r.RequestedOutputTokens}} {
		if count.n != nil && (*count.n < harness.Unreported || *count.n > mostOf) {
			return fmt.Errorf("%s is %d; it must be a number between 0 and %g", count.name, *count.n, float64(mostOf))
		}
	}
	return nil
}

func (r *reading) valid() error {
	if r.AtNS < 0 || r.AtNS > int64(Longest) {
		return noTime("at_ns", r.AtNS)
	}
	return nil
}

func noTime(name string, ns int64) error {
	return fmt.Errorf("%s is %d; it must be a time between 0 and %d days, in nanoseconds", name, ns, Longest/(24*time.Hour))
}
