package mock

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// certificate writes one that signs itself, for servers and clients alike.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mock"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", raw)
}

func TestServe_overTLS(t *testing.T) {
	cert, key := certificate(t)
	o, err := parse([]string{"--ssl-certfile", cert, "--ssl-keyfile", key, "--ssl-ca-certs", cert, "--ssl-cert-reqs", "2"}, io.Discard)
	require.NoError(t, err)
	secure, err := o.tls()
	require.NoError(t, err)
	config, err := o.build()
	require.NoError(t, err)
	mock, err := mockvllm.New(config)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(mock)
	server.TLS = secure
	server.StartTLS()
	defer server.Close()

	roots := x509.NewCertPool()
	raw, err := os.ReadFile(cert)
	require.NoError(t, err)
	roots.AppendCertsFromPEM(raw)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	get := func(c *tls.Config) error {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		response, err := client.Get(server.URL + "/health")
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	assert.NoError(t, get(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}))
	assert.ErrorContains(t, get(&tls.Config{RootCAs: roots}), "certificate required")
	assert.ErrorContains(t, get(&tls.Config{Certificates: []tls.Certificate{pair}}), "unknown authority")

	for says, args := range map[string][]string{
		"need TLS":             {"--ssl-ca-certs", cert},
		"no such file":         {"--ssl-certfile", "/nowhere", "--ssl-keyfile", key},
		"holds no certificate": {"--ssl-certfile", cert, "--ssl-keyfile", key, "--ssl-ca-certs", key},
	} {
		o, err := parse(args, io.Discard)
		require.NoError(t, err)
		_, err = o.tls()
		assert.ErrorContains(t, err, says)
	}
}
