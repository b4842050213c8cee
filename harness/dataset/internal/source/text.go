package source

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"unicode/utf16"
	"unicode/utf8"
)

// largestUTF16 bounds files in UTF-16, which are converted in memory.
const largestUTF16 = 256 << 20

// OpenText opens a file of text, and reads it as UTF-8 without a byte order mark and with
// lines that end in LF or CRLF, however it was saved.
func OpenText(files fs.FS, path string) (*File, error) {
	file, err := Open(files, path)
	if err != nil {
		return nil, err
	}
	if err := file.asText(); err != nil {
		return nil, errors.Join(InFile(path, err), file.Close())
	}
	return file, nil
}

// asText finds the encoding and the line ends by the beginning of the file.
func (f *File) asText() error {
	head := make([]byte, stretch)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	encoding, mark := encodingOf(head)
	switch encoding {
	case utf8Text:
		f.ReaderAt, f.Size = io.NewSectionReader(f.ReaderAt, int64(mark), f.Size-int64(mark)), f.Size-int64(mark)
		head = head[mark:]
	case utf16Little, utf16Big:
		if f.Size > largestUTF16 {
			return fmt.Errorf("it is UTF-16 and larger than %d MiB; save it as UTF-8", largestUTF16>>20)
		}
		raw := make([]byte, f.Size)
		if _, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text, err := UTF8(raw)
		if err != nil {
			return err
		}
		f.ReaderAt, f.Size = bytes.NewReader(text), int64(len(text))
		head = text[:min(len(text), stretch)]
	default:
		return encoding.refusal()
	}
	if endsInCR(head) {
		f.ReaderAt = carriageReturns{f.ReaderAt}
	}
	return nil
}

// An encoding is how a file of text is written.
type encoding int

const (
	utf8Text encoding = iota
	utf16Little
	utf16Big
	utf32Text
	gzipped
	zipped
)

// marks are the first bytes that tell an encoding; those of UTF-32 begin with those of UTF-16.
var marks = []struct {
	bytes    string
	encoding encoding
}{
	{"\xff\xfe\x00\x00", utf32Text}, {"\x00\x00\xfe\xff", utf32Text},
	{"\xff\xfe", utf16Little}, {"\xfe\xff", utf16Big},
	{"\xef\xbb\xbf", utf8Text}, {"\x1f\x8b", gzipped}, {"PK\x03\x04", zipped},
}

// encodingOf is the encoding of a text that begins so, and the length of its mark.
func encodingOf(head []byte) (encoding, int) {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.encoding, len(m.bytes)
		}
	}
	return utf8Text, 0
}

// refusal is what to do about an encoding that is not read.
func (e encoding) refusal() error {
	switch e {
	case utf32Text:
		return errors.New("it is UTF-32; save it as UTF-8")
	case gzipped:
		return errors.New("it is compressed with gzip; let its name end in .gz")
	case zipped:
		return errors.New("it is a ZIP archive, as spreadsheets are; save its table as CSV in UTF-8, or let its name end in .zip")
	}
	return nil
}

// UTF8 is a text as UTF-8 without a byte order mark, with lines that end in LF or CRLF. The error of a text that is neither
// UTF-8 nor marked as UTF-16 names the line.
func UTF8(raw []byte) ([]byte, error) {
	encoding, mark := encodingOf(raw)
	if err := encoding.refusal(); err != nil {
		return nil, err
	}
	text, err := raw[mark:], error(nil)
	if encoding != utf8Text {
		if text, err = fromUTF16(text, encoding); err != nil {
			return nil, err
		}
	}
	if endsInCR(text) {
		text = bytes.ReplaceAll(text, []byte{'\r'}, []byte{'\n'})
	}
	line := int64(1)
	for begins := 0; begins < len(text); line++ {
		end := begins + 1 + bytes.IndexByte(text[begins:], '\n')
		if end <= begins {
			end = len(text)
		}
		if err := ValidText(text[begins:end]); err != nil {
			return nil, &LineError{line, err}
		}
		begins = end
	}
	return text, nil
}

func fromUTF16(raw []byte, encoding encoding) ([]byte, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if encoding == utf16Big {
		order = binary.BigEndian
	}
	text := make([]byte, 0, len(raw)/2)
	line := int64(1)
	broken := &LineError{0, errors.New("a character is incomplete; the file is no proper UTF-16: save it as UTF-8")}
	for ; len(raw) > 1; raw = raw[2:] {
		unit := rune(order.Uint16(raw))
		if utf16.IsSurrogate(unit) {
			if len(raw) < 4 {
				break
			}
			raw = raw[2:]
			if unit = utf16.DecodeRune(unit, rune(order.Uint16(raw))); unit == utf8.RuneError {
				broken.Line = line
				return nil, broken
			}
		}
		if unit == '\n' {
			line++
		}
		text = utf8.AppendRune(text, unit)
	}
	if len(raw) > 0 {
		broken.Line = line
		return nil, broken
	}
	return text, nil
}

// ValidText refuses what is not UTF-8: it would be asked as U+FFFD.
func ValidText(text []byte) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return errors.New("there is a NUL byte in the text; where the file is UTF-16 without a byte order mark, save it as UTF-8")
	}
	if utf8.Valid(text) {
		return nil
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("the text is not UTF-8: there is a byte 0x%02x in it; save the file as UTF-8", text[i])
		}
		i += size
	}
	return nil
}

// endsInCR reports whether the first line ends in CR alone, as on the first Macintosh and
// in what spreadsheets there still save.
func endsInCR(head []byte) bool {
	cr := bytes.IndexByte(head, '\r')
	lf := bytes.IndexByte(head, '\n')
	return cr >= 0 && (lf < 0 || cr < lf-1)
}

// carriageReturns reads a file whose lines end in CR as if they ended in LF.
type carriageReturns struct{ io.ReaderAt }

func (c carriageReturns) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, offset)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// HalfCharacter reports whether a text in JSON holds half of a surrogate pair, as texts do
// that were cut at a fixed length: it would be asked as U+FFFD.
func HalfCharacter(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return false
	}
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		first, ok := escaped(raw[i:])
		if !ok || !utf16.IsSurrogate(first) {
			continue
		}
		if i+5 >= len(raw) || raw[i+5] != '\\' {
			return true
		}
		second, ok := escaped(raw[i+6:])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 10
	}
	return false
}

// escaped is the code unit of u0041, which follows a backslash.
func escaped(raw []byte) (unit rune, ok bool) {
	if len(raw) < 5 || raw[0] != 'u' {
		return 0, false
	}
	for _, b := range raw[1:5] {
		switch {
		case '0' <= b && b <= '9':
			unit = unit<<4 | rune(b-'0')
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			unit = unit<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

// ExplainJSON says in our words what encoding/json says in Go's.
func ExplainJSON(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("there is a JSON %s where it does not belong", kind.Value)
	}
	return err
}
