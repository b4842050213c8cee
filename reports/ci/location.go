package ci

import (
	"encoding/json"
	"fmt"
)

// locateSteps says of each step where its sentence stands. godog says which Go code is behind it, which is
// the same for all: viewers that group steps by it would show one.
func (f CucumberFeature) locateSteps() error {
	var feature string
	if err := json.Unmarshal(f["uri"], &feature); err != nil {
		return err
	}
	return within(f, "elements", func(element map[string]json.RawMessage) error {
		return within(element, "steps", func(step map[string]json.RawMessage) (err error) {
			step["match"], err = json.Marshal(map[string]string{"location": fmt.Sprintf("%s:%s", feature, step["line"])})
			return err
		})
	})
}

// within changes each object of a list that is a field of an object. One that is not there stays so.
func within(object map[string]json.RawMessage, name string, change func(map[string]json.RawMessage) error) error {
	if object[name] == nil {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(object[name], &list); err != nil {
		return err
	}
	for _, one := range list {
		if err := change(one); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(list)
	object[name] = raw
	return err
}
