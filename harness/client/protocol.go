package client

import (
	"net/http"

	"github.com/vllmspec/vllmspec/harness"
)

// An OwnProtocol makes the client that asks a server in another way than OpenAI's interface. What that interface has
// beside answers is then not used: no first answer is asked for before the load, and no cache is salted or emptied.
type OwnProtocol func(Asked) (harness.Client, error)

// Asked is a server that is asked by a protocol.
type Asked struct {
	URL   string
	Model string       // that is to be asked for
	HTTP  *http.Client // with the session's credentials and TLS; in virtual time the only way to the mock

	OpenAI harness.Client // that would ask it: to change what is asked, or what is answered
}
