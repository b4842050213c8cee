package chart

import "github.com/vllmspec/vllmspec/harness/fleet"

// Engines are the requests that were judged by the engine that answered; nil where none was named.
func (d *Drawing) Engines() []*fleet.Engine { return d.engines.Engines() }

// Gauges are what the metrics of an engine showed; false where they were not read by themselves.
func (d *Drawing) Gauges(engine string) (fleet.Gauges, bool) { return d.pages.Of(engine) }

// TooManyEngines reports whether there were more names of engines than can be kept apart.
func (d *Drawing) TooManyEngines() bool { return d.engines.TooMany() }
