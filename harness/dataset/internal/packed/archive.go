package packed

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// zip unpacks the files of a ZIP archive.
func (u *unpacking) zip(file io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(file, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return inZip(err)
	}
	if len(archive.File) > members {
		return errTooMany
	}
	for _, member := range archive.File {
		name, wanted, err := memberName(member.Name, member.Mode())
		switch {
		case err != nil:
			return err
		case !wanted:
			continue
		case member.Flags&1 != 0:
			return fmt.Errorf("%q in it is encrypted; unpack it first", member.Name)
		}
		text, err := member.Open()
		if err != nil {
			return inZip(err)
		}
		if err := errors.Join(u.write(name, text), text.Close()); err != nil {
			return fmt.Errorf("%q in it: %w", member.Name, err)
		}
	}
	return nil
}

func inZip(err error) error {
	if errors.Is(err, zip.ErrFormat) {
		return errors.New("it is no ZIP archive, or its end is missing")
	}
	return fmt.Errorf("it cannot be unpacked: %w", err)
}

// tar unpacks the files of a tar archive.
func (u *unpacking) tar(from io.Reader) error {
	archive := tar.NewReader(from)
	for n := 0; ; n++ {
		member, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, tar.ErrHeader):
			return errors.New("it is no tar archive, as its ending says")
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return inOurWords(err)
		case n > members:
			return errTooMany
		}
		name, wanted, err := memberName(member.Name, member.FileInfo().Mode())
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := u.write(name, archive); err != nil {
			return fmt.Errorf("%q in it: %w", member.Name, err)
		}
	}
}

var errTooMany = fmt.Errorf("it holds more than %d files", members)

// memberName is the name that a member of an archive gets, and whether it is a file that is wanted: folders, links and
// what systems leave in archives are not. One that would lie outside is refused.
func memberName(raw string, mode fs.FileMode) (name string, wanted bool, err error) {
	name = path.Clean(strings.ReplaceAll(raw, `\`, "/"))
	switch {
	case !mode.IsRegular() || Hidden(name):
		return "", false, nil
	case !fs.ValidPath(name) || strings.Contains(name, ":"):
		return "", false, fmt.Errorf("%q in it lies outside of it; make it anew", raw)
	}
	return name, true, nil
}

// Hidden reports whether a path leads through a name that systems hide, or that macOS adds.
func Hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "__MACOSX" || strings.HasPrefix(part, ".") && part != "." && part != ".." {
			return true
		}
	}
	return false
}
