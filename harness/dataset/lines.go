package dataset

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// lineRecords are the lines of a file, each of which is read by parse.
func lineRecords(file *source.File, parse func(text []byte) (line.Line, error), read reading, progress source.Progress) (*records, error) {
	conversation := func(text []byte, inline bool) (harness.Conversation, error) {
		l, err := parse(text)
		if err != nil {
			return harness.Conversation{}, err
		}
		return read(l, inline)
	}
	all, left, err := source.CheckLines(file, func(text []byte) error {
		_, err := conversation(text, false)
		return err
	}, progress)
	if err != nil {
		return nil, err
	}
	again := func(record int64) ([]harness.Conversation, error) {
		at := all.Before(record)
		l := source.NewLines(file.From(at.Offset), at.Offset)
		for n := at.First - 1; l.Scan(); {
			if l.Text() == nil {
				continue
			}
			if n++; n < record {
				continue
			}
			c, err := conversation(l.Text(), true)
			return asked(file, c, err)
		}
		return nil, file.Changed(l.Err())
	}
	return &records{units: left.Of, usable: left.Of - left.Sum(), left: left, read: again, file: file}, nil
}
