# The commands of every day. `make` alone lists them.
.PHONY: help test test-vllm features demo selfcheck calibration kills image generate lint fuzz govulncheck licences

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

test: ## all tests of the project, the features among them
	go test -timeout 30m $(FLAGS) $(or $(PACKAGES),./...)

test-vllm: ## the features that a small server carries, and each interface, against a real vLLM on this machine's CPU: ten minutes; UPDATE=-update writes docs/interfaces-checked.md
	VLLMSPEC_UNKNOWN=warn VLLMSPEC_FEATURES=proofs/vllm.feature fixtures/vllm/serve go test -v -count=1 ./features
	for model in generate embed classify rank; do VLLM_SERVES=$$model fixtures/vllm/serve go test -v -count=1 . -run 'Interfaces_areCheckedOnAServer|throughputIsThatOfVLLMBench' $(UPDATE) || exit 1; done

features: ## the features only, with every sentence on the screen
	go test -v ./features

demo: ## a server that freezes while you watch, in real time over TCP: half a minute
	go run ./cmd/vllmspec demo

calibration: ## how often intervals contain the truth and verdicts are wrong, on the mock: about an hour of CPU
	go run ./cmd/vllmspec calibrate

selfcheck: ## what the load generator itself can do on this machine: about five minutes
	go run ./cmd/vllmspec selfcheck

kills: ## processes killed at random moments and in writes, and every failure of a disk: about half an hour
	go test -v -timeout 60m ./steps/writes -run 'Kills|CanFail|canFail' -kills 300 -op-kills 60 -every-fault

image: ## the command and the mock as container images, vllmspec/vllmspec and vllmspec/mockvllm
	tools/image

generate: ## markup, the vocabulary and the tables of docs/metrics.md from their sources
	go generate ./...

lint: ## what CI checks beside the tests
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...

fuzz: ## each fuzz target for FUZZTIME, 10m by default, one after the other
	tools/fuzz

govulncheck: ## known vulnerabilities in what we depend on
	tools/vulnerabilities

licences: ## the licence of each module that is linked; fails on one that cannot be, or is not known
	tools/licences
