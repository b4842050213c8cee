package quantity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Unit is the base unit of a metric; limits and values are kept in it.
type Unit string

// The units.
const (
	Seconds         Unit = "s"
	Ratio           Unit = "ratio" // 0–1, per cent only in text
	PerSecond       Unit = "/s"
	TokensPerSecond Unit = "tokens/s"
	Tokens          Unit = "tokens"
	Count           Unit = "count"
	Bytes           Unit = "bytes"
	BytesPerSecond  Unit = "bytes/s"
	Cores           Unit = "cores" // CPU seconds per second
	Watts           Unit = "W"
	Joules          Unit = "J"
	Celsius         Unit = "°C"
	Hertz           Unit = "Hz"

	Factor           Unit = "×"   // how many times as long, or as much
	SecondsPerSecond Unit = "s/s" // of sound, in the time that passes
)

// Units of a comparison's value: the figure of these runs ÷ that of those they are
// held against.
const (
	OfBaseline Unit = "of the baseline"
	OfOther    Unit = "of the other server"
)

// A scale is a unit that a quantity may be written in.
type scale struct {
	name  string // as it is written; "" for a bare number
	scale float64
	also  string // what else people type for it, between blanks; in words with blanks _ stands for one
}

// scales are the units a quantity may be written in.
func (u Unit) scales() []scale {
	switch u {
	case Seconds:
		return []scale{{"µs", 1e-6, "us μs microsecond microseconds"}, {"ms", 1e-3, "msec msecs millis millisecond milliseconds"}, {"s", 1, "sec secs second seconds"},
			{"minutes", 60, "min mins minute"}, {"hours", 3600, "h hr hrs hour"}}
	case Ratio:
		return []scale{{"%", 0.01, "percent per_cent pct"}}
	case PerSecond:
		return []scale{{"per second", 1, perSecond("requests", "request", "reqs", "req", "") + " rps qps"}, {"per minute", 1.0 / 60, "requests_per_minute req/min rpm"}}
	case TokensPerSecond:
		return []scale{{"tokens per second", 1, perSecond("tokens", "token", "toks", "tok", "") + " tps t/s"}}
	case Tokens:
		return []scale{{"", 1, "tokens token toks tok"}}
	case Bytes:
		return []scale{{"MB", 1e6, "mb"}, {"GB", 1e9, "gb"}, {"MiB", 1 << 20, "mib"}, {"GiB", 1 << 30, "gib"}}
	case BytesPerSecond:
		return []scale{{"kB/s", 1e3, ""}, {"MB/s", 1e6, ""}, {"GB/s", 1e9, ""}, {"KiB/s", 1 << 10, ""}, {"MiB/s", 1 << 20, ""}, {"GiB/s", 1 << 30, ""}}
	case Cores:
		return []scale{{"cores", 1, "core cpus cpu"}}
	case Watts:
		return []scale{{"W", 1, "w watt watts"}, {"kW", 1e3, "kw kilowatts"}}
	case Joules:
		return []scale{{"mJ", 1e-3, ""}, {"J", 1, "j joule joules"}, {"kJ", 1e3, "kj"}, {"MJ", 1e6, ""}, {"Wh", 3600, "wh"}, {"kWh", 3.6e6, "kwh"}}
	case Celsius:
		return []scale{{"°C", 1, "C c °c celsius degrees"}}
	case Hertz:
		return []scale{{"MHz", 1e6, "mhz"}, {"GHz", 1e9, "ghz"}}
	case Factor:
		return []scale{{"", 1, "× x times"}}
	case SecondsPerSecond:
		return []scale{{"seconds per second", 1, perSecond("seconds", "second", "sec", "s")}}
	default:
		return []scale{{"", 1, "requests request reqs req"}}
	}
}

// perSecond are the ways in which people write things per second.
func perSecond(things ...string) string {
	var all []string
	for _, thing := range things {
		for _, second := range []string{"s", "sec", "second"} {
			all = append(all, thing+"/"+second, strings.TrimPrefix(thing+"_per_"+second, "_"), strings.TrimPrefix(thing+"_a_"+second, "_"))
		}
	}
	return strings.Join(all, " ")
}

// named is the unit that people write so, in any case where no other case is another unit.
func (u Unit) named(written string) (scale, bool) {
	written = strings.Join(strings.Fields(written), "_")
	written = strings.NewReplacer("_/", "/", "/_", "/").Replace(written)
	spellings := []string{written}
	if u != Bytes && u != BytesPerSecond { // of which Mb are bits
		spellings = append(spellings, strings.ToLower(written))
	}
	for _, as := range spellings {
		for _, s := range u.scales() {
			if as == strings.ReplaceAll(s.name, " ", "_") || as != "" && slices.Contains(strings.Fields(s.also), as) {
				return s, true
			}
		}
	}
	return scale{}, false
}

// write is a number of the unit, as it is written everywhere.
func (s scale) write(n float64) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	whole, part, _ := strings.Cut(text, ".")
	if of, err := strconv.Atoi(whole); err == nil && !s.couldBeFraction(of) {
		whole = Grouped(of)
	}
	if part != "" {
		whole += "." + part
	}
	switch {
	case s.name == "" || s.name == "%":
		return whole + s.name
	case n == 1 && (s.name == "minutes" || s.name == "hours" || s.name == "cores"):
		return whole + " " + strings.TrimSuffix(s.name, "s")
	}
	return whole + " " + s.name
}

// couldBeFraction reports whether a number with its thousands parted would be read as a fraction by those whose decimal
// point is a comma: 1,500 s.
func (s scale) couldBeFraction(n int) bool {
	return slices.Contains([]string{"s", "minutes", "hours"}, s.name) && n < 1e6
}

// unknown is the error of a number with a unit that this one does not have.
func (u Unit) unknown(number, written, of string) error {
	switch {
	case u == Seconds && written == "m":
		return fmt.Errorf("%q is no unit of %s; did you mean %s ms? Minutes are written %[3]s min", written, of, number)
	case u == Seconds:
		return fmt.Errorf("%q is no unit of %s; write %s", written, of, u.given(number))
	}
	return fmt.Errorf("%q is no unit of %s; write %s", written, of, u.Example())
}

// Example is a quantity in the unit, as one writes it in a table.
func (u Unit) Example() string {
	return map[Unit]string{Seconds: "500 ms", Ratio: "5%", PerSecond: "7.5 per second", TokensPerSecond: "1,200 tokens per second",
		Tokens: "512", Count: "64", Bytes: "40 GiB",
		BytesPerSecond: "100 MB/s", Cores: "2 cores", Watts: "500 W", Joules: "0.5 J", Celsius: "80 °C", Hertz: "1,200 MHz",
		Factor: "0.2", SecondsPerSecond: "40 seconds per second"}[u]
}

// given is a number that was written without a unit, as it would be with one.
func (u Unit) given(number string) string {
	switch u {
	case Seconds:
		return number + " ms or " + number + " s"
	case Ratio:
		return number + "%"
	case Bytes:
		return number + " MiB or " + number + " GiB"
	}
	_, unit, _ := strings.Cut(u.Example(), " ")
	return strings.TrimSpace(number + " " + unit)
}
