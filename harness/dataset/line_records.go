package dataset

import "github.com/vllmspec/vllmspec/harness"

// lineRecords are the lines of a file, each of which is read by parse.
func lineRecords(file *openFile, parse func(text []byte) (line, error), read reading, told progress) (*records, error) {
	conversation := func(text []byte, inline bool) (harness.Conversation, error) {
		l, err := parse(text)
		if err != nil {
			return harness.Conversation{}, err
		}
		return read(l, inline)
	}
	all, left, err := checkLines(file, func(text []byte) error {
		_, err := conversation(text, false)
		return err
	}, told)
	if err != nil {
		return nil, err
	}
	again := func(record int64) ([]harness.Conversation, error) {
		at := all.before(record)
		l := newLines(file.from(at.offset), at.offset)
		for n := at.first - 1; l.scan.Scan(); {
			if l.text() == nil {
				continue
			}
			if n++; n < record {
				continue
			}
			c, err := conversation(l.text(), true)
			return asked(file, c, err)
		}
		return nil, file.changed(l.err())
	}
	return &records{units: left.of, usable: left.of - left.sum(), left: left, read: again, file: file}, nil
}
