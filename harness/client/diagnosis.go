package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/harness/http1"
)

// Unreachable is the error of a server that could not be asked, and says what to do.
func (e *Endpoint) Unreachable(ctx context.Context, err error) error {
	if said := e.diagnosis(err); said != "" && ctx.Err() == nil {
		return fmt.Errorf("the server at %s cannot be reached: %s", e.Where(), e.Redact(said))
	}
	return fmt.Errorf("no server at %s (%w); %s", e.Where(), e.Failed(ctx, err), e.Settings.start())
}

// diagnosis is what keeps a first connection from being made and what to do about
// it, in a sentence; "" where the error has to speak for itself.
func (e *Endpoint) diagnosis(err error) string {
	for _, of := range []func(error) string{ofProxy, e.Settings.ofCertificates, e.Settings.ofNames, e.Settings.ofTLS, e.ofSilence, e.Settings.ofConnections} {
		if said := of(err); said != "" {
			return said
		}
	}
	return ""
}

func (s Settings) ofCertificates(err error) string {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		by := ""
		if unknown.Cert != nil && unknown.Cert.Issuer.CommonName != "" {
			by = fmt.Sprintf(" (%s)", unknown.Cert.Issuer.CommonName)
		}
		return "its certificate comes from an authority that is not trusted here" + by + "; " + s.trust()
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		names := append([]string(nil), wrong.Certificate.DNSNames...)
		for _, ip := range wrong.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("its certificate is for %s, not for %s; write one of these names in %s, or give the server a certificate for %[2]s", orNone(names), wrong.Host, s.address())
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || invalid.Cert == nil {
		return ""
	}
	switch {
	case invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return fmt.Sprintf("its certificate is valid from %s on only; is this machine's clock right?", invalid.Cert.NotBefore.UTC().Format(time.DateTime))
	case invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate expired on %s; give the server a new one", invalid.Cert.NotAfter.UTC().Format(time.DateTime))
	}
	return fmt.Sprintf("its certificate cannot be used (%v); give the server another one", invalid)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "no host"
	}
	return strings.Join(names, ", ")
}

func (s Settings) ofNames(err error) string {
	looked, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return ""
	case looked.IsNotFound:
		return fmt.Sprintf("no name server knows %s; is %s spelled right?", looked.Name, s.address())
	}
	return fmt.Sprintf("the name %s cannot be looked up (%s); is there a network?", looked.Name, looked.Err)
}

// ofTLS reads the alerts that a server sends; they have no types (RFC 8446,
// section 6, has their meaning).
func (s Settings) ofTLS(err error) string {
	said := err.Error()
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(said, "server gave HTTP response to HTTPS client") {
		return "it does not speak TLS; write http:// in " + s.address()
	}
	if strings.Contains(said, `malformed HTTP response "\x15\x03`) {
		return "it speaks TLS; write https:// in " + s.address()
	}
	if strings.Contains(said, "malformed HTTP response") {
		return "what listens there does not speak HTTP; is the port in " + s.address() + " the server's?"
	}
	_, alert, ok := strings.Cut(said, "remote error: tls: ")
	switch {
	case !ok:
		return ""
	case strings.HasPrefix(alert, "certificate required"), strings.HasPrefix(alert, "handshake failure"):
		return "it wants a certificate of ours (" + alert + "); " + s.identify()
	case strings.Contains(alert, "certificate"):
		return "it does not accept our certificate (" + alert + "); " + s.identifyBetter()
	}
	return "it refuses TLS with us (" + alert + ")"
}

func (s Settings) ofConnections(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused); " + s.awaken()
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to that address from here; is there a network, or a VPN to switch on?"
	case isConnecting(err) && (errors.Is(err, context.DeadlineExceeded) || isTimeout(err)):
		return "no connection came about in time; does a firewall stand in between?"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return fmt.Sprintf("it accepts connections but did not answer within %v; look at its log", sendTimeout)
	}
	return ""
}

// unwrapped is an error without the URL that net/http puts before it, user and all.
func unwrapped(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	if connecting, ok := errors.AsType[*http1.ConnectError](err); ok {
		return connecting.Err
	}
	return err
}
