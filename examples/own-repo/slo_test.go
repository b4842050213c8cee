// Package ownrepo shows vllmspec in a module of one's own, with a dataset and a metric of its own.
package ownrepo

import (
	"testing"

	"github.com/vllmspec/vllmspec"
)

func TestSLO(t *testing.T) {
	vllmspec.Run(t, "slo", vllmspec.WithDataset("tickets", tickets{"slo/tickets.csv"}), vllmspec.WithMetric(writing()))
}
