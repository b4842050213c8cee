package slo

import "github.com/vllmspec/vllmspec/harness"

type gpu struct{}

func (w *watched) takeGPU(s harness.Sample) {}
