package client

import "cmp"

// Settings are what the user of a program calls the settings of an endpoint, so that an
// error can say which of them to change. A program that has no such names leaves them out.
type Settings struct {
	Address     string // where the base address is written: "VLLM_URL"
	Authority   string // what names a file with the certificate of a private authority: "VLLM_CA_FILE"
	Certificate string // what name the files of the client's own certificate: "VLLM_CERT_FILE and VLLM_KEY_FILE"
	NoServer    string // how to do without a server: "unset VLLM_URL to use the mock"
}

func (s Settings) address() string { return cmp.Or(s.Address, "the address") }

// trust is how to make the authority of a certificate known.
func (s Settings) trust() string {
	if s.Authority == "" {
		return "give the certificate of that authority"
	}
	return "set " + s.Authority + " to the certificate of that authority"
}

// identify is how to give a certificate of the client's own.
func (s Settings) identify() string {
	if s.Certificate == "" {
		return "give one"
	}
	return "set " + s.Certificate
}

// identifyBetter is how to give another one.
func (s Settings) identifyBetter() string {
	in := ""
	if s.Certificate != "" {
		in = " in " + s.Certificate
	}
	return "give one" + in + " that its authority has signed and that has not expired"
}

// start is how to have a server where there is none.
func (s Settings) start() string {
	if s.NoServer == "" {
		return "start one"
	}
	return "start one, or " + s.NoServer
}

// awaken is how to have one that nothing listens for yet.
func (s Settings) awaken() string {
	if s.NoServer == "" {
		return "start it, or wait until it has loaded its model"
	}
	return "start it, wait until it has loaded its model, or " + s.NoServer
}
