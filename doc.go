// Package vllmspec is plain-English SLOs for vLLM, run by go test. This package
// holds no code, only the map:
//
//	features/            scenarios, and the test that runs them
//	steps/               sentences → harness.Scenario
//	harness/             the domain: scenario, load, runner, record, sample, run
//	harness/arrival/     when requests are due
//	harness/dataset/     what is asked
//	harness/openai/      asks the server, and reads its streams
//	harness/http1/       the engine under it, for streams over HTTP/1.1
//	harness/credentials/ what lets us in, and what must be shown to nobody
//	harness/stamp/       when data arrived on a connection
//	harness/sampler/     watches beside: the server's metrics, the host
//	harness/server/      where the server under test comes from
//	harness/slo/         the metric catalogue, and judging a run by it
//	harness/stats/       quantiles and intervals
//	harness/trials/      several runs of one scenario: repeats, a sweep's curve, a search for capacity
//	harness/store/       a run on disk
//	harness/export/      a run shown while it goes on: Prometheus, OpenTelemetry
//	harness/spelling/    "did you mean"
//	harness/cmd/         selfcheck: the load generator graded against a known truth;
//	                     drift: since when a figure is another one than before
//	reports/             the page that shows a run
//	reports/live/        the same page while the run goes on
//	mockvllm/            a mock of a vLLM server, step by step
//	mockvllm/calibrate/  fits its profiles to runs of real servers
//	fixtures/            prompts and traces that come along; a real vLLM, and what it answered
package vllmspec
