# Everything a person or CI does with this repository. `make` alone says what there is.
# Needed beforehand: Python 3.11 to 3.13 with its venv module, and make. `.ci/venv` does the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
# Compiled kernels live with the environment: the second start is quick, `make clean` removes them.
export NUMBA_CACHE_DIR := $(CURDIR)/.venv/.numba
# Other projects' test data, read where a checkout of it lies beside this one.
TOCSIN_CORPORA ?= $(abspath $(wildcard ../shared/corpora))
export TOCSIN_CORPORA
ARGS ?=

.PHONY: help demo run test lint types bench ci chart conformance dist lock clean runtime dev

help:
	@echo 'Tocsin watches streams of metrics and logs and tells people, once and in time.'
	@echo
	@echo '  Start here:  make demo             a made-up fleet, alerts, Slack and email in a local inbox'
	@echo '               make demo ONCE=1      the same, ends by itself after one alert fired and resolved'
	@echo '  Then:        .venv/bin/tocsin init my-alerts    a commented configuration of your own'
	@echo '               make run CONFIG=my-alerts/tocsin.yaml'
	@echo
	@echo '  make test    lint, types, import contracts and the quick tests; lists what it did not run'
	@echo '  make lint    ruff and the import contracts;  make types   mypy'
	@echo '  make ci      exactly what CI runs: also real Kafka and Redis, crashes, peers, the chart'
	@echo '  make bench   the benchmarks of tests/bench;  make chart   check helm/tocsin'
	@echo '  make conformance          run the cases of Prometheus; floors in tests/conformance'
	@echo '  make dist    sdist and wheel in dist/;       make lock    write the lock files anew'
	@echo '  make clean   remove what the above made (.venv too)'

demo: runtime
	@exec $(BIN)/tocsin demo $(if $(filter-out 0 no false,$(ONCE)),--once) $(ARGS)

run: runtime
	@test -n '$(CONFIG)' || { echo 'Say which configuration: make run CONFIG=my-alerts/tocsin.yaml (`.venv/bin/tocsin init my-alerts` writes one).'; exit 2; }
	@exec $(BIN)/tocsin run --config '$(CONFIG)' $(ARGS)

test: dev lint types
	@$(BIN)/pytest -q -n auto --dist loadfile -m 'not slow and not real' $(ARGS)

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: dev
	@$(BIN)/mypy

bench: dev
	@test -d tests/bench || { echo 'No benchmark yet: tests/bench is missing.'; exit 2; }
	@$(BIN)/python -m tests.bench $(ARGS)

ci:
	@bash .ci/run $(STAGES)

chart:
	@bash .ci/run chart

conformance: dev
	@$(BIN)/python -m tests.conformance $(ARGS)

dist: dev
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist .

lock: dev
	@sh .ci/lock

clean:
	@rm -rf .venv .tocsin-demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@sh .ci/venv runtime

dev:
	@sh .ci/venv dev
