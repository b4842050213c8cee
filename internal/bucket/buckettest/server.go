// Package buckettest starts a real object store for tests: VersityGW (https://github.com/versity/versitygw), which serves
// a folder by S3's protocol.
package buckettest

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/loopback"
)

// Version is that of the store, which .ci/run installs.
const Version = "v1.8.0"

// A Store is one that runs until its test ends.
type Store struct {
	bucket.Settings
	Folder string // in which each bucket is a folder
}

// Start starts a store with a bucket called runs, or skips the test where there is no program for it.
func Start(t testing.TB) *Store {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		t.Skip("there is no versitygw here; to run this test: go install github.com/versity/versitygw/cmd/versitygw@" + Version)
	}
	port, err := loopback.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s := &Store{Settings: bucket.Settings{Endpoint: "http://" + host, Region: "us-east-1", Key: "vllmspec", Secret: "not-a-secret-at-all", NoMetadata: true}, Folder: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.Folder, "runs"), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--port", host, "--access", s.Key, "--secret", s.Secret, "--region", s.Region, "--quiet", "posix", "--sidecar", t.TempDir(), s.Folder)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})
	for began := time.Now(); !answers(s.Endpoint); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("it ended: %s", said.String())
		default:
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("it does not answer")
		}
	}
	return s
}

// Variables are the settings as variables of the environment.
func (s *Store) Variables() []string {
	return []string{"AWS_ENDPOINT_URL_S3=" + s.Endpoint, "AWS_REGION=" + s.Region, "AWS_ACCESS_KEY_ID=" + s.Key, "AWS_SECRET_ACCESS_KEY=" + s.Secret, "AWS_EC2_METADATA_DISABLED=true"}
}

func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return true
}
