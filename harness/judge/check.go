package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// Check is an error where verdicts.json is not what judging the other files gives. It names
// the first difference, with both versions.
func (r *Rejudged) Check() error {
	again, err := store.JSON(r.Verdicts)
	if err != nil {
		return err
	}
	if bytes.Equal(again, r.Stored) {
		return nil
	}
	why := "a file was changed since, or another version of vllmspec judged it"
	if then, now := r.Manifest.Tool.Version, store.Version(); then != now {
		why += fmt.Sprintf(" (%s then, %s now)", then, now)
	}
	return fmt.Errorf("%s does not follow from the other files: %s; %s", filepath.Join(r.Dir, "verdicts.json"), difference(r.Stored, again), why)
}

// difference is the first thing that two files of verdicts say differently.
func difference(stored, again []byte) string {
	var before, now []map[string]any
	if err := json.Unmarshal(stored, &before); err != nil {
		return fmt.Sprintf("it is no list of verdicts (%v)", err)
	}
	if err := json.Unmarshal(again, &now); err != nil || len(before) != len(now) {
		return fmt.Sprintf("it has %d verdicts, and judged again there are %d", len(before), len(now))
	}
	for i := range now {
		if !reflect.DeepEqual(before[i], now[i]) {
			return differs(sentence(stored, i), sentence(again, i), before[i], now[i])
		}
	}
	return "it is written differently"
}

// differs names the sentences of one verdict, or the field that differs where they are alike.
func differs(said, says string, before, now map[string]any) string {
	if said != says {
		return fmt.Sprintf("it says %q, and judged again it is %q", said, says)
	}
	keys := maps.Clone(before)
	maps.Copy(keys, now)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(before[key], now[key]) {
			was, _ := json.Marshal(before[key]) // JSON that was read always marshals
			is, _ := json.Marshal(now[key])
			return fmt.Sprintf("of %q it says %s %s, and judged again that is %s", said, strings.ReplaceAll(key, "_", " "), was, is)
		}
	}
	return "it is written differently"
}

func sentence(file []byte, i int) string {
	var verdicts []slo.Verdict
	if json.Unmarshal(file, &verdicts) != nil || i >= len(verdicts) {
		return ""
	}
	return verdicts[i].Sentence()
}
