package openai

import (
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
)

// AskBy has the server asked for a model by a protocol of one's own in place of this fleet, which reads its metrics.
func (f *Fleet) AskBy(protocol client.OwnProtocol, model string) (harness.Client, Server, error) {
	if len(f.Replicas) > 1 {
		return nil, Server{}, errors.New("a protocol of one's own asks one server, and there are several; name one URL")
	}
	at := f.Replicas[0]
	at.Model = model
	asks, err := protocol(client.Asked{URL: at.URL, Model: model, HTTP: at.HTTP(), OpenAI: f})
	return asks, Server{Model: model}, err
}
