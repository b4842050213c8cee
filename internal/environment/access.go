package environment

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/server"
)

// readTLS adds a private CA and a client certificate. Verification is always on.
func (e *Environment) readTLS(vars map[string]string) error {
	ca, cert, key := vars["VLLM_CA_FILE"], vars["VLLM_CERT_FILE"], vars["VLLM_KEY_FILE"]
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	e.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(e.FromRoot(ca))
		if err != nil {
			return fmt.Errorf("VLLM_CA_FILE: %w", err)
		}
		e.TLS.RootCAs = x509.NewCertPool()
		if !e.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("VLLM_CA_FILE: %s holds no PEM certificate", ca)
		}
	}
	if (cert == "") != (key == "") {
		return errors.New("VLLM_CERT_FILE and VLLM_KEY_FILE belong together; set both or neither")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(e.FromRoot(cert), e.FromRoot(key))
		if err != nil {
			return fmt.Errorf("VLLM_CERT_FILE and VLLM_KEY_FILE: %w", err)
		}
		e.TLS.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// readKey finds out where the bearer token comes from, and reads the other headers.
func (e *Environment) readKey(vars map[string]string) (err error) {
	var from []string
	for _, name := range []string{"VLLM_API_KEY", "VLLM_API_KEY_FILE", "VLLM_API_KEY_COMMAND"} {
		if vars[name] != "" {
			from = append(from, name)
		}
	}
	if len(from) > 1 {
		return fmt.Errorf("%s give two keys; unset one", strings.Join(from, " and "))
	}
	if path := vars["VLLM_API_KEY_FILE"]; path != "" {
		e.KeyFile = e.FromRoot(path)
		token, err := credentials.InFile(e.KeyFile)
		if err != nil {
			return fmt.Errorf("VLLM_API_KEY_FILE: %w", err)
		}
		token.Close()
	}
	if line := vars["VLLM_API_KEY_COMMAND"]; line != "" {
		if e.KeyCommand, err = server.Words(line); err != nil {
			return fmt.Errorf("VLLM_API_KEY_COMMAND: %w", err)
		}
		if len(e.KeyCommand) == 0 {
			return errors.New("VLLM_API_KEY_COMMAND names no program")
		}
	}
	if e.Headers, err = credentials.Headers(vars["VLLM_HEADERS"]); err != nil {
		return fmt.Errorf("VLLM_HEADERS: %w", err)
	}
	return nil
}

// readLaunch reads what is to be started.
func (e *Environment) readLaunch(vars map[string]string, environ []string) (err error) {
	line, image := vars["VLLM_COMMAND"], vars["VLLM_IMAGE"]
	if line == "" && image == "" {
		if vars["VLLM_ARGS"] != "" {
			return errors.New("VLLM_ARGS are for a server that is started here; set VLLM_COMMAND or VLLM_IMAGE too")
		}
		return nil
	}
	launch := server.Launch{Image: image, Dir: e.Root, Environ: server.Environ(environ), TLS: e.TLS}
	if launch.Command, err = server.Words(line); err != nil {
		return fmt.Errorf("VLLM_COMMAND: %w", err)
	}
	if launch.Args, err = server.Words(vars["VLLM_ARGS"]); err != nil {
		return fmt.Errorf("VLLM_ARGS: %w", err)
	}
	if image == "" && len(launch.Command) == 0 {
		return errors.New("VLLM_COMMAND names no program")
	}
	if e.KeyFile != "" || e.KeyCommand != nil {
		return errors.New("VLLM_API_KEY_FILE and VLLM_API_KEY_COMMAND are for a server that runs already; one that is started here gets VLLM_API_KEY")
	}
	if err := launch.Check(); err != nil {
		return fmt.Errorf("VLLM_COMMAND, VLLM_ARGS: %w", err)
	}
	e.Launch = &launch
	return nil
}

// HasKey reports whether anything names a bearer token for the server.
func (e Environment) HasKey() bool { return e.APIKey != "" || e.KeyFile != "" || e.KeyCommand != nil }

// KeyRemedy is what to do where the server does not let us read its metrics.
func (e Environment) KeyRemedy() string {
	if e.HasKey() {
		return "it does not accept the key that it has for its API"
	}
	return "set VLLM_API_KEY"
}
