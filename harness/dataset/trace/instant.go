package trace

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// A decimal is a number as a file has it, to a billionth: instants since 1970 have more
// digits than a float64.
type decimal struct {
	whole, billionths int64 // of one sign
}

// parseDecimal reads 1700000000.25, or 1.7e9.
func parseDecimal(text []byte) (d decimal, ok bool) {
	const most = math.MaxInt64/10 - 1
	digits, negative := text, false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative, digits = digits[0] == '-', digits[1:]
	}
	i := 0
	for ; i < len(digits) && digits[i]-'0' < 10; i++ {
		if d.whole > most {
			return floatDecimal(text)
		}
		d.whole = d.whole*10 + int64(digits[i]-'0')
	}
	read := i
	if i < len(digits) && digits[i] == '.' {
		i++
		for unit := int64(1e8); i < len(digits) && digits[i]-'0' < 10; i++ {
			d.billionths += int64(digits[i]-'0') * unit
			unit, read = unit/10, read+1
		}
	}
	if i < len(digits) || read == 0 {
		return floatDecimal(text)
	}
	if negative {
		d.whole, d.billionths = -d.whole, -d.billionths
	}
	return d, true
}

// floatDecimal reads what has an exponent.
func floatDecimal(text []byte) (d decimal, ok bool) {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) >= math.MaxInt64 {
		return d, false
	}
	whole, rest := math.Modf(v)
	return decimal{int64(whole), int64(math.Round(rest * 1e9))}, true
}

func (d decimal) float() float64 { return float64(d.whole) + float64(d.billionths)/1e9 }

// in is so much of a unit; ok is false where a time.Duration does not reach so far.
func (d decimal) in(unit time.Duration) (at time.Duration, ok bool) {
	if most := math.MaxInt64/int64(unit) - 1; d.whole > most || d.whole < -most {
		return 0, false
	}
	return time.Duration(d.whole)*unit + time.Duration(math.Round(float64(d.billionths)*unit.Seconds())), true
}

// A calendar reads instants such as 2023-11-16T18:01:51.68Z. It keeps the last day: the
// next instant is mostly of the same.
type calendar struct {
	day   [10]byte
	since time.Duration // from 1970 to that day
}

// parse reads the time since 1970. Without a zone it is UTC.
func (c *calendar) parse(text []byte) (at time.Duration, ok bool) {
	const dateLength = len("2006-01-02")
	if len(text) < dateLength+len("T15:04") {
		return 0, false
	}
	date, clock := text[:dateLength], text[dateLength+1:]
	if separator := text[dateLength]; separator != ' ' && separator != 'T' && separator != 't' {
		return 0, false
	}
	if !bytes.Equal(date, c.day[:]) {
		plain := bytes.ReplaceAll(date, []byte("/"), []byte("-"))
		day, err := time.Parse(time.DateOnly, string(plain))
		if err != nil || day.Year() < 1970 || day.Year() > 2200 {
			return 0, false
		}
		c.since = time.Duration(day.Unix()) * time.Second
		copy(c.day[:], date)
	}
	hour, isHour := two(clock)
	minute, isMinute := two(clock[3:])
	if !isHour || !isMinute || clock[2] != ':' || hour > 23 || minute > 59 {
		return 0, false
	}
	at = c.since + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	rest := clock[5:]
	if len(rest) > 2 && rest[0] == ':' {
		second, isSecond := two(rest[1:])
		if !isSecond || second > 60 {
			return 0, false
		}
		at, rest = at+time.Duration(second)*time.Second, rest[3:]
		if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
			i := 1
			for unit := 100 * time.Millisecond; i < len(rest) && rest[i]-'0' < 10; i++ {
				at += time.Duration(rest[i]-'0') * unit
				unit /= 10
			}
			rest = rest[i:]
		}
	}
	ahead, ok := zone(rest)
	return at - ahead, ok
}

// two is a number of two digits.
func two(text []byte) (n int, ok bool) {
	if len(text) < 2 || text[0]-'0' > 9 || text[1]-'0' > 9 {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

// zone is how far a time zone is ahead of UTC: Z, UTC, +02:00, +0200 or +02.
func zone(text []byte) (ahead time.Duration, ok bool) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return 0, true
	}
	switch string(text) {
	case "Z", "z", "UTC", "GMT":
		return 0, true
	}
	hours, isHour := two(text[1:])
	if !isHour || hours > 14 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	ahead = time.Duration(hours) * time.Hour
	if rest := bytes.TrimPrefix(text[3:], []byte(":")); len(rest) > 0 {
		minutes, isMinute := two(rest)
		if !isMinute || len(rest) != 2 || minutes > 59 {
			return 0, false
		}
		ahead += time.Duration(minutes) * time.Minute
	}
	if text[0] == '-' {
		ahead = -ahead
	}
	return ahead, true
}
