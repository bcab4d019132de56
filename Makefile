# relayspec: `make conform` does the main job, `make test` runs the tests. See README.md.

RACE  := $(shell command -v gcc >/dev/null 2>&1 && [ "$$(go env CGO_ENABLED)" = 1 ] && echo -race)
FUZZ  ?= 20s

.PHONY: all build conform selftest drivers test full matrix bench storm fuzz lint codes clean

all: build

build: ## build bin/relayspec
	go build -o bin/relayspec .

conform: build ## judge the reference relay by every rule
	bin/relayspec conform --report report

selftest: build ## judge the judge: broken relays must be told from compliant ones
	bin/relayspec selftest

drivers: ## judge the reference relay under each driver and compare the verdicts
	.ci/drivers

test: ## run every test, with the race detector where a C compiler is there
	@mkdir -p bin
	@[ -n "$(RACE)" ] || echo "no C compiler: the tests run without the race detector"
	@go tool gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg --jsonfile bin/test.json -- $(RACE) -timeout 20m ./...; \
		status=$$?; awk -f .ci/count.awk bin/test.json; exit $$status

full: ## what .ci/run leaves out for its time: ceilings really sent, repeated runs, long fuzzing, benchmarks, the storm, all relays
	.ci/full

matrix: ## judge the relays of features/relays, none of them ours, each against its baseline; NAMES='postfix exim' chooses
	.ci/matrix $(NAMES)

storm: ## 10,000 garbage, 10,000 idle and 1,000 slow sessions beside a client that works; prints what it met, and memory
	.ci/full storm

bench: ## ratios against peers, measured in one run; BENCH='-bench.only BDAT' chooses lines, -bench.rounds 21 takes longer
	@mkdir -p bin
	go test -c -o bin/bench.test ./loadgen
	bin/bench.test -bench.table $(BENCH)

fuzz: ## each fuzz target of the tree for FUZZ (default 20s; FUZZ=10m for long)
	.ci/fuzz $(FUZZ)

lint: ## gofmt, go vet, staticcheck, go mod tidy
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff

codes: build ## write the table of error codes that stands in the tree anew
	bin/relayspec codes --markdown > reference/services/codes.md

clean:
	rm -rf bin report
