package quantity

import "strings"

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
)

// Units of a comparison's value: the figure of these runs ÷ that of those they are
// held against.
const (
	OfBaseline Unit = "of the baseline"
	OfOther    Unit = "of the other server"
)

// scales are the units a quantity may be written in, and what one of each is
// in the base unit.
func (u Unit) scales() map[string]float64 {
	switch u {
	case Seconds:
		return map[string]float64{"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "milliseconds": 1e-3, "s": 1, "second": 1, "seconds": 1, "minute": 60, "minutes": 60, "hours": 3600}
	case Ratio:
		return map[string]float64{"%": 0.01}
	case PerSecond:
		return map[string]float64{"per second": 1, "per minute": 1.0 / 60, "requests per second": 1}
	case TokensPerSecond:
		return map[string]float64{"tokens per second": 1}
	case Tokens:
		return map[string]float64{"": 1, "tokens": 1}
	case Bytes:
		return map[string]float64{"MB": 1e6, "GB": 1e9, "MiB": 1 << 20, "GiB": 1 << 30}
	case BytesPerSecond:
		return map[string]float64{"kB/s": 1e3, "MB/s": 1e6, "GB/s": 1e9, "KiB/s": 1 << 10, "MiB/s": 1 << 20, "GiB/s": 1 << 30}
	case Cores:
		return map[string]float64{"cores": 1, "core": 1}
	case Watts:
		return map[string]float64{"W": 1, "kW": 1e3}
	case Joules:
		return map[string]float64{"mJ": 1e-3, "J": 1, "kJ": 1e3, "MJ": 1e6, "Wh": 3600, "kWh": 3.6e6}
	case Celsius:
		return map[string]float64{"°C": 1, "C": 1}
	case Hertz:
		return map[string]float64{"MHz": 1e6, "GHz": 1e9}
	default:
		return map[string]float64{"": 1, "requests": 1}
	}
}

// Example is a quantity in the unit, as one writes it in a table.
func (u Unit) Example() string {
	return map[Unit]string{Seconds: "500 ms", Ratio: "5%", PerSecond: "7.5 per second", TokensPerSecond: "1,200 tokens per second",
		Tokens: "512", Count: "64", Bytes: "40 GiB",
		BytesPerSecond: "100 MB/s", Cores: "2 cores", Watts: "500 W", Joules: "0.5 J", Celsius: "80 °C", Hertz: "1,200 MHz"}[u]
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
