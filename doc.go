// Package vllmspec is plain-English SLOs for vLLM, run by go test. [Run] runs the
// features of any module in a test of one line, and [Option] adds a dataset, a metric, a sampler or a protocol of one's
// own. The map of the rest:
//
//	features/              scenarios to begin with, and the test that runs them
//	proofs/                scenarios that show that verdicts are true; package steps/stored runs them
//	internal/suite/        finds, chooses and runs feature files; tells terminals and CI systems what became of them
//	examples/own-repo/     a module of its own that uses this one
//	steps/                 sentences → experiment.Plan
//	steps/internal/        how sentences are matched, and what was probably meant
//	harness/experiment/    a plan is carried out: once, repeatedly, swept, searched, on two servers; stored, judged, published
//	steps/stored/          what every feature stores gives its verdicts again
//	harness/               the domain: scenario, load, runner, record, sample, run
//	harness/arrival/       when requests are due
//	harness/dataset/       what is asked
//	harness/dataset/trace/ what a service was asked, and when: played again
//	harness/client/        carries requests to a server: connections, TLS, replicas, failures
//	harness/openai/        what is asked and answered over OpenAI's interface
//	harness/http1/         the engine under the client, for streams over HTTP/1.1
//	harness/vllm/          vLLM's own names: of its metrics, and of paths beside OpenAI's
//	harness/credentials/   what lets us in, and what must not be shown
//	internal/stamp/        when data arrived on a connection
//	harness/sampler/       watches beside: the server's metrics, the host
//	harness/server/        where the server under test comes from
//	harness/metric/        the catalogue of metrics, as data
//	harness/ledger/        what the client and the server counted of one run
//	harness/measure/       a run, measured once by the catalogue
//	harness/slo/           objectives, and judging a measured run by them
//	harness/quantity/      numbers and units, read and written
//	harness/compare/       runs against a baseline or another server; drift over a history
//	harness/diagnose/      why an objective was not met: where the time went, and what the server did
//	harness/fleet/         the engines of a fleet, each by itself: requests, metrics, which one is slow
//	harness/reconcile/     client against server: what both count
//	internal/runtest/      small runs for the tests of all these
//	harness/stats/         quantiles and intervals
//	harness/trials/        several runs of one scenario: repeats, a sweep's curve, a search for capacity
//	harness/store/         a run on disk
//	harness/judge/         verdicts from runs, as measured just now or read back from disk
//	harness/export/        a run shown while it goes on: Prometheus, OpenTelemetry
//	internal/environment/  the variables: where the server is, with what credentials, where runs go
//	internal/spelling/     "did you mean"
//	internal/digest/       files named by what is in them
//	internal/modelname/    whether two names mean one model
//	internal/redact/       an address without credentials
//	internal/measures/     how large functions, types and packages are, and the limits they keep
//	internal/selfcheck/    the load generator graded against a known truth
//	internal/calibration/  verdicts held against a known truth, over many runs
//	cmd/vllmspec/          one command for all that is not go test; its subcommands are below internal/command
//	reports/               the page that shows a run
//	reports/ci/            what CI systems read of a whole go test: JUnit, summary, badge
//	reports/live/          the same page while the run goes on
//	mockvllm/              a mock of a vLLM server, step by step
//	mockvllm/internal/     its tokenizer, answers, faults, metrics, engine and HTTP front end
//	mockvllm/calibrate/    fits its profiles to runs of real servers
//	fixtures/              prompts and traces that come along; a real vLLM, and what it answered
package vllmspec
