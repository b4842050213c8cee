package download

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// A keeping is a file that is kept, with two small ones beside it: its checksum in the form of sha256sum, and the
// entity tag by which its server knows this state of it.
type keeping struct {
	path string
	disk *disk.Disk
}

var errChanged = errors.New("the copy on this machine has changed")

// verified is the checksum of the file that is kept, if it is still the one that was written down.
func (k *keeping) verified() (string, error) {
	raw, err := os.ReadFile(k.path + ".sha256")
	if err != nil {
		return "", err
	}
	noted, _, _ := strings.Cut(string(raw), " ")
	file, err := os.Open(k.path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != noted {
		return "", errChanged
	}
	return noted, nil
}

// tag is the entity tag of the file that is kept; "" where it has none.
func (k *keeping) tag() string {
	raw, _ := os.ReadFile(k.path + ".etag") // without it, all of the file is asked for
	return strings.TrimSpace(string(raw))
}

// note writes both down.
func (k *keeping) note(sum, tag string) error {
	err := k.disk.Replace(k.path+".sha256", []byte(sum+"  "+filepath.Base(k.path)+"\n"))
	if tag == "" {
		return errors.Join(err, k.disk.Remove(k.path+".etag"))
	}
	return errors.Join(err, k.disk.Replace(k.path+".etag", []byte(tag+"\n")))
}

// since is the day on which the file was downloaded.
func (k *keeping) since() string {
	info, err := os.Stat(k.path)
	if err != nil {
		return "an earlier run"
	}
	return info.ModTime().Format("2 January 2006")
}
