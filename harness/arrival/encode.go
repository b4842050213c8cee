package arrival

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// Arrivals is any arrival process: one of this package, or one from elsewhere.
type Arrivals interface {
	Times(*rand.Rand) iter.Seq[time.Duration]
	Rate() float64
}

// A Kind names an arrival process in data.
type Kind string

// The kinds. Other is a process that this package does not know.
const (
	KindPoisson  Kind = "poisson"
	KindEven     Kind = "even"
	KindBursty   Kind = "bursty"
	KindAtOnce   Kind = "at once"
	KindStaged   Kind = "staged"
	KindSwinging Kind = "swinging"
	KindTrace    Kind = "trace"
	KindOther    Kind = "other"
)

// A form is an arrival process as data: its kind, and the fields that the kind has.
type form struct {
	Kind      Kind    `json:"kind"`
	PerSecond float64 `json:"per_second,omitempty"`
	CV        float64 `json:"cv,omitempty"`

	Process  *form   `json:"process,omitempty"` // under stages and swings
	Stages   []Stage `json:"stages,omitempty"`
	Low      float64 `json:"low_per_second,omitempty"`
	High     float64 `json:"high_per_second,omitempty"`
	PeriodNS int64   `json:"period_ns,omitempty"`

	Trace *Summary `json:"trace,omitempty"`
	Other *Other   `json:"other,omitempty"`
}

// Encode is an arrival process as JSON, which [Decode] reads. It fails for a rate that
// is no number only.
func Encode(a Arrivals) (json.RawMessage, error) { return json.Marshal(formOf(a)) }

func formOf(a Arrivals) form {
	switch p := a.(type) {
	case Poisson:
		return form{Kind: KindPoisson, PerSecond: p.PerSecond}
	case Even:
		return form{Kind: KindEven, PerSecond: p.PerSecond}
	case Bursty:
		return form{Kind: KindBursty, PerSecond: p.PerSecond, CV: p.CV}
	case AtOnce:
		return form{Kind: KindAtOnce}
	case Staged:
		return form{Kind: KindStaged, Process: formUnder(p.Process), Stages: p.Stages}
	case Swinging:
		return form{Kind: KindSwinging, Process: formUnder(p.Process), Low: p.Low, High: p.High, PeriodNS: int64(p.Period)}
	case Listed:
		summary := p.Summary()
		return form{Kind: KindTrace, Trace: &summary}
	case Summary:
		return form{Kind: KindTrace, Trace: &p}
	case Other:
		return form{Kind: KindOther, Other: &p}
	}
	steady, ok := a.(interface{ Steady() bool })
	return form{Kind: KindOther, Other: &Other{Says: fmt.Sprint(a), PerSecond: a.Rate(), AtOneRate: ok && steady.Steady()}}
}

// formUnder is the process whose rate stages or swings change; nil where none is named.
func formUnder(p Process) *form {
	if p == nil {
		return nil
	}
	of := formOf(p)
	return &of
}

// Decode reads what [Encode] wrote. The processes of this package read back to the
// same value, but for two: a trace reads back as its [Summary], and [HeldUp], which is a
// fault of the client around a process, as an [Other] that describes itself alike.
func Decode(raw json.RawMessage) (Arrivals, error) {
	var of form
	if err := json.Unmarshal(raw, &of); err != nil {
		return nil, fmt.Errorf("arrivals: %w", err)
	}
	return of.arrivals()
}

func (f form) arrivals() (Arrivals, error) {
	switch {
	case f.Kind == KindPoisson:
		return Poisson{f.PerSecond}, nil
	case f.Kind == KindEven:
		return Even{f.PerSecond}, nil
	case f.Kind == KindBursty:
		return Bursty{f.PerSecond, f.CV}, nil
	case f.Kind == KindAtOnce:
		return AtOnce{}, nil
	case f.Kind == KindStaged && len(f.Stages) > 0:
		under, err := f.under()
		return Staged{Process: under, Stages: f.Stages}, err
	case f.Kind == KindSwinging:
		under, err := f.under()
		return Swinging{Process: under, Low: f.Low, High: f.High, Period: time.Duration(f.PeriodNS)}, err
	case f.Kind == KindTrace && f.Trace != nil:
		return *f.Trace, nil
	case f.Kind == KindOther && f.Other != nil:
		return *f.Other, nil
	}
	return nil, fmt.Errorf("arrivals of the kind %q are not known to this version, or are not whole", f.Kind)
}

func (f form) under() (Process, error) {
	if f.Process == nil {
		return nil, nil
	}
	of, err := f.Process.arrivals()
	if err != nil {
		return nil, err
	}
	if p, ok := of.(Process); ok {
		return p, nil
	}
	return nil, fmt.Errorf("arrivals of the kind %q have no rate that stages or swings could change", f.Process.Kind)
}

// A Summary is a trace without its instants: what is stored of one with a run. It
// describes itself as the trace did and has its rate; it cannot be played.
type Summary struct {
	Name   string        `json:"name"`
	SHA256 string        `json:"sha256,omitempty"` // of the instants: 64-bit little-endian nanoseconds; "" of a recording
	Count  int           `json:"count"`
	First  time.Duration `json:"first_ns"`
	Last   time.Duration `json:"last_ns"`
	Speed  float64       `json:"speed,omitempty"` // so many times as fast; 0 is 1
}

// Summary is the trace without its instants. Those of a recording are not read for it:
// what their file holds is said elsewhere.
func (l Listed) Summary() Summary {
	r := l.recorded()
	s := Summary{Name: l.Name, Count: r.Count, First: l.first(), Last: r.Last, Speed: l.Speed}
	if l.Recorded != nil {
		return s
	}
	sum := sha256.New()
	var one [8]byte
	for _, at := range l.Instants {
		binary.LittleEndian.PutUint64(one[:], uint64(at))
		sum.Write(one[:])
	}
	s.SHA256 = fmt.Sprintf("%x", sum.Sum(nil))
	return s
}

// Times yields nothing: the instants are not here.
func (Summary) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(func(time.Duration) bool) {}
}

// Rate is the mean from the first instant to the last.
func (s Summary) Rate() float64 { return meanRate(s.Count, s.Last-s.First, s.Speed) }

func (s Summary) String() string { return asInTrace(s.Name, s.Speed, s.Rate()) }

// An Other is an arrival process of a type that this package does not know, as far as
// it describes itself. It cannot be played.
type Other struct {
	Says      string  `json:"says"`
	PerSecond float64 `json:"per_second"`
	AtOneRate bool    `json:"steady"`
}

// Times yields nothing: how the instants are drawn is not known.
func (Other) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(func(time.Duration) bool) {}
}

// Rate is the mean of requests per second.
func (o Other) Rate() float64 { return o.PerSecond }

// Steady reports whether the rate never changes.
func (o Other) Steady() bool { return o.AtOneRate }

func (o Other) String() string { return o.Says }
