package store

import (
	"encoding/binary"
	"math"
	"slices"
)

// A packer writes a row's fields one after the other, or reads them again, so that
// a row lists them once for both. Text and lists begin with their length, what can
// be missing with whether it is there, and numbers are varints (encoding/binary).
// A request is packed when it ends: this costs a tenth of JSON.
type packer struct {
	data    []byte // what is written, or still to be read
	reading bool
	wrong   bool // what is read was not written like this
}

// packed is a row that a packer can write and read.
type packed interface{ pack(*packer) }

// read takes one number from what is still to be read.
func (p *packer) read() (v int64) {
	v, size := binary.Varint(p.data)
	if size <= 0 {
		p.data, p.wrong = nil, true
		return 0
	}
	p.data = p.data[size:]
	return v
}

// length is that of something that follows, of which each part takes a byte at least.
func (p *packer) length(n int) int {
	if !p.reading {
		p.data = binary.AppendVarint(p.data, int64(n))
		return n
	}
	v := p.read()
	if v < 0 || v > int64(len(p.data)) {
		p.data, p.wrong = nil, true
		return 0
	}
	return int(v)
}

func (p *packer) number(v *int64) {
	if p.reading {
		*v = p.read()
	} else {
		p.data = binary.AppendVarint(p.data, *v)
	}
}

func (p *packer) flag(v *bool) {
	n := int64(0)
	if *v {
		n = 1
	}
	p.number(&n)
	*v = n != 0
}

func (p *packer) text(v *string) {
	n := p.length(len(*v))
	if p.reading {
		*v, p.data = string(p.data[:n]), p.data[n:]
	} else {
		p.data = append(p.data, *v...)
	}
}

func (p *packer) float(v *float64) {
	bits := int64(math.Float64bits(*v))
	p.number(&bits)
	*v = math.Float64frombits(uint64(bits))
}

// list packs the differences between one number and the next: they are short.
func (p *packer) list(v *[]int64) {
	n := p.length(len(*v))
	if p.reading {
		*v = make([]int64, n)
	}
	before := int64(0)
	for i := range *v {
		step := (*v)[i] - before
		p.number(&step)
		before += step
		(*v)[i] = before
	}
}

func (p *packer) labels(v *map[string]string) {
	n := p.length(len(*v))
	if !p.reading {
		for name, value := range *v {
			p.text(&name)
			p.text(&value)
		}
		return
	}
	if n > 0 {
		*v = make(map[string]string, n)
	}
	for range n {
		var name, value string
		p.text(&name)
		p.text(&value)
		(*v)[name] = value
	}
}

// optional packs what can be missing.
func optional[V any](p *packer, v **V, pack func(*packer, *V)) {
	there := *v != nil
	if p.flag(&there); !there {
		*v = nil
		return
	}
	if p.reading {
		*v = new(V)
	}
	pack(p, *v)
}

func (p *packer) numbers(all ...**int64) {
	for _, v := range all {
		optional(p, v, (*packer).number)
	}
}

func (p *packer) texts(all ...**string) {
	for _, v := range all {
		optional(p, v, (*packer).text)
	}
}

func (r *row) pack(p *packer) {
	p.text(&r.Run)
	p.text(&r.Scenario)
	p.text(&r.Class)
	p.number(&r.Seq)
	p.number(&r.Session)
	p.number(&r.Turn)
	p.number(&r.DueNS)
	p.numbers(&r.User, &r.SentNS, &r.HeadersNS, &r.FirstTokenNS, &r.FirstAnswerNS, &r.DoneNS, &r.TTFTNS, &r.TPOTNS, &r.E2ENS, &r.LagNS,
		&r.ConnectingNS, &r.ResolvingNS, &r.SecuringNS, &r.ReadDelayNS, &r.ServerQueueNS, &r.ServerPrefillNS, &r.ServerDecodeNS)
	p.list(&r.ChunkNS)
	p.list(&r.ChunkTokens)
	p.numbers(&r.PromptTokens, &r.OutputTokens, &r.CachedTokens, &r.ReasoningTokens, &r.ShareableTokens, &r.RequestedPromptTokens, &r.RequestedOutputTokens, &r.HTTPStatus)
	p.texts(&r.Finish, &r.Failure, &r.Error, &r.RequestID, &r.Model, &r.RequestedModel, &r.Replica)
	p.flag(&r.Warmup)
	p.flag(&r.Good)
	p.flag(&r.FullLength)
	p.numbers(&r.RequestedMinOutputTokens, &r.Inputs)
	p.texts(&r.CountFault)
	p.flag(&r.Refused)
	p.texts(&r.ChunksKnown)
	p.flag(&r.DueUnknown)
	p.texts(&r.Validity)
	p.numbers(&r.ClipNS)
}

func (r *reading) pack(p *packer) {
	p.number(&r.AtNS)
	p.text(&r.Source)
	p.text(&r.Series)
	p.labels(&r.Labels)
	p.float(&r.Value)
}

// appendPacked adds a row with its length before it; between is memory to use again.
func appendPacked(to []byte, between *packer, r packed) []byte {
	between.data = between.data[:0]
	r.pack(between)
	to = slices.Grow(to, len(between.data)+binary.MaxVarintLen64)
	return append(binary.AppendUvarint(to, uint64(len(between.data))), between.data...)
}

// nextPacked reads a row. There is none where the data ends before it does; it is
// wrong where it cannot be what appendPacked wrote.
func nextPacked(data []byte, r packed) (rest []byte, there, wrong bool) {
	length, size := binary.Uvarint(data)
	if size <= 0 || length > uint64(len(data)-size) {
		return nil, false, size < 0
	}
	end := size + int(length)
	p := packer{data: data[size:end], reading: true}
	r.pack(&p)
	return data[end:], true, p.wrong || len(p.data) > 0
}
