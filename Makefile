# The face of the project. `make help` lists what there is.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
DATA ?=
LABEL ?=
EVIDENCE ?= none
STOP ?=
CHEAT ?=
LANGUAGE ?= en
unexport LANGUAGE  # gettext has a variable of this name
SUITE ?=
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.PHONY: all demo test test-long bench fmt tidy clean help setup-demo setup-test build-demo build-test check-story

all: build-demo ## Build the peaberry binary

setup-demo:
	@tools/setup demo
setup-test:
	@tools/setup test

build-demo: setup-demo
	@tools/contracts build
	@cmake --preset release -Wno-dev >build.log 2>&1 || (cat build.log; exit 1)
	@tools/quiet_build build peaberry

build-test: setup-test
	@tools/contracts build
	@cmake --preset dev -Wno-dev >build.log 2>&1 || (cat build.log; exit 1)
	@tools/quiet_build build all

demo: build-demo ## Play the story: one bean through all five layers (STOP=roastery, CHEAT=swap-model, LANGUAGE=zh, DATA=my.csv LABEL=column, EVIDENCE=quorum)
	@build/bin/peaberry demo --folder build/demo --evidence $(EVIDENCE) $(if $(STOP),--stop "$(STOP)") $(if $(CHEAT),--cheat "$(CHEAT)") $(if $(filter zh%,$(LANGUAGE)),--language zh) $(if $(DATA),--data "$(DATA)" --label "$(LABEL)")
	@tools/check_story

check-story: ## Read the demo's story again from the chain
	@tools/check_story

test: build-test ## All tests: unit, vectors, integration with a real chain, sandbox attacks, faults, npm clients, floors
	@tools/run_tests

test-long: build-test ## What takes long: sanitizers, fuzzers for 60 s each, thread sanitizer
	@tools/run_tests_long

bench: setup-test ## Measure; SUITE=name for one suite. Writes build/bench/<suite>.json
	@tools/contracts build
	@cmake --preset bench -Wno-dev >build.log 2>&1 || (cat build.log; exit 1)
	@tools/quiet_build build all
	@tools/bench $(SUITE)

fmt: ## Format the sources
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

tidy: ## clang-tidy over everything
	@tools/setup tidy
	@tools/contracts build
	@cmake --preset tidy -Wno-dev >/dev/null && cmake --build build-tidy --target peaberry_ocean_bindings_headers >/dev/null && git ls-files 'src/*.cpp' | xargs -P $(JOBS) -n 4 clang-tidy -p build-tidy --quiet

clean: ## Remove what was built
	@rm -rf build build-* build.log

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
