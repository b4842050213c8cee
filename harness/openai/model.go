package openai

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/modelname"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// choose finds the model to ask for among those that the server lists: the one with exactly
// the name that was set, else the one that the feature means. Where neither is given, it is
// the first.
func (c *Client) choose(cards []gjson.Result) (Server, error) {
	if len(cards) == 0 {
		return Server{}, fmt.Errorf("the server at %s serves no model", c.Where())
	}
	asked := cmp.Or(c.Model, c.Named)
	if asked == "" {
		return listed(cards[0]), nil
	}
	for _, card := range cards {
		if card.Get("id").String() == asked {
			return listed(card), nil
		}
	}
	if c.Model != "" {
		return Server{}, fmt.Errorf("the server at %s does not serve the model %q%s", c.Where(), c.Model, spelling.DidYouMean(c.Model, ids(cards)))
	}
	return c.meant(cards)
}

// meant is the one model whose name fits the feature's. Adapters are asked for by their
// very names only: that of one often begins with its base model's. What a model was
// loaded from, its root, does not count: one under another name may have been changed.
func (c *Client) meant(cards []gjson.Result) (Server, error) {
	bases := slices.DeleteFunc(slices.Clone(cards), func(card gjson.Result) bool { return card.Get("parent").String() != "" })
	fitting := slices.DeleteFunc(bases, func(card gjson.Result) bool { return !modelname.Same(c.Named, card.Get("id").String()) })
	switch {
	case len(fitting) == 1 || len(fitting) > 1 && oneModel(fitting):
		return listed(fitting[0]), nil
	case len(fitting) > 1:
		return Server{}, fmt.Errorf("the server at %s serves %d models that %q may mean, %s: set VLLM_MODEL to the one to measure, or write its whole name in the feature",
			c.Where(), len(fitting), c.Named, quoted(ids(fitting)))
	case len(cards) == 1:
		return Server{}, fmt.Errorf("the feature names the model %q, and the server at %s serves %s: set VLLM_MODEL=%s to measure it all the same, or write its name in the feature",
			c.Named, c.Where(), quoted(ids(cards)), ids(cards)[0])
	}
	return Server{}, fmt.Errorf("the feature names the model %q, and the server at %s serves %s: set VLLM_MODEL to the one to measure all the same, or write its name in the feature",
		c.Named, c.Where(), quoted(ids(cards)))
}

// oneModel reports whether cards are several names of one model.
func oneModel(cards []gjson.Result) bool {
	root := cards[0].Get("root").String()
	return root != "" && !slices.ContainsFunc(cards, func(card gjson.Result) bool { return card.Get("root").String() != root })
}

// named is an error for an entry of a list of models that has no name to ask for.
func (c *Client) named(card gjson.Result) error {
	switch id := card.Get("id"); {
	case !card.IsObject():
		return errors.New("it is no object")
	case !id.Exists():
		return errors.New("it has no id")
	case id.Type != gjson.String || strings.TrimSpace(id.Str) == "":
		return fmt.Errorf("its id is %s, and not a name", c.Quote(id.Raw))
	case len(id.Str) > limit.Field:
		return fmt.Errorf("its id has %d bytes; at most %d are read", len(id.Str), limit.Field)
	}
	return nil
}

func ids(cards []gjson.Result) (all []string) {
	for _, card := range cards {
		all = append(all, card.Get("id").String())
	}
	return all
}

func quoted(names []string) string {
	var all []string
	for _, name := range names[:min(len(names), limit.Listed)] {
		all = append(all, fmt.Sprintf("%q", name))
	}
	if more := len(names) - limit.Listed; more > 0 {
		return fmt.Sprintf("%s and %d others", strings.Join(all, ", "), more)
	}
	return strings.Join(all, ", ")
}

// listed is what a card tells of its model.
func listed(card gjson.Result) Server {
	long := card.Get("max_model_len")
	if long.Num < 0 || long.Num > limit.Tokens {
		long = gjson.Result{} // of no model
	}
	return Server{Model: strings.Clone(card.Get("id").Str), MaxModelLen: int(long.Int()), Card: described(card)}
}

// described is a model's card without the fields that differ with every answer.
func described(card gjson.Result) json.RawMessage {
	kept := map[string]json.RawMessage{}
	card.ForEach(func(key, value gjson.Result) bool {
		if key.Str != "created" && key.Str != "permission" {
			kept[key.Str] = json.RawMessage(value.Raw)
		}
		return true
	})
	raw, err := json.Marshal(kept)
	if err != nil || len(raw) > limit.Config {
		return nil // it was no object, or says more than can be kept with every run
	}
	return raw
}
