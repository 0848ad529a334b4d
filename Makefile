# Copydesk's build: `make` lists the targets. Everything lives in .venv, made on first use from the locks.

.DEFAULT_GOAL := help
SHELL := /bin/sh
ARGS ?=
VERSIONS := 3.11 3.12 3.13
PIP := -m pip --disable-pip-version-check --no-input install --quiet --quiet --progress-bar off

# Prints the path of the first Python that will do; PYTHON=... chooses another.
FIND_PYTHON := for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { command -v "$$python"; break; }; done

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Copydesk needs Python 3.11, 3.12 or 3.13, and none was found; install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi; \
	echo "Making .venv with $$python"; \
	"$$python" -m venv .venv

# The stamps say what was installed last, so that nothing is done twice.
.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing what requirements.lock names (about a minute the first time)"
	@.venv/bin/python $(PIP) --require-hashes -r requirements.lock
	@.venv/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp | .venv/bin/python
	@echo "Installing what requirements-dev.lock names"
	@.venv/bin/python $(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: run
run: .venv/run.stamp ## start everything, load the samples, run until Ctrl-C
	@.venv/bin/copydesk up --samples

# Four files of tests at a time: each process has servers of its own, and most of them wait most of the time.
.PHONY: test
test: .venv/dev.stamp ## run every test (ARGS="-k words" chooses, ARGS="-n 0" one after the other)
	@.venv/bin/pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: test-all
test-all: $(VERSIONS:%=test-%) ## run the unit and contract tests on Python 3.11, 3.12 and 3.13

# pyenv's own folders are looked into, since its shims refuse versions that are not switched on.
.PHONY: $(VERSIONS:%=test-%)
$(VERSIONS:%=test-%): test-%: .venv-%/dev.stamp
	@echo "Python $*"
	@.venv-$*/bin/pytest tests/unit tests/contract $(ARGS)

.venv-%/dev.stamp: requirements-dev.lock pyproject.toml
	@python=; \
	for candidate in python$* "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$*.*/bin/python; do \
		"$$candidate" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$*")' 2>/dev/null \
		&& { python="$$candidate"; break; }; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python $* was not found, neither on PATH nor in pyenv; install it to run its tests" >&2; \
		exit 1; \
	fi; \
	"$$python" -m venv .venv-$*
	@.venv-$*/bin/python $(PIP) --require-hashes -r requirements-dev.lock
	@.venv-$*/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: bench
bench: .venv/dev.stamp ## measure rates, costs and delays (ARGS=--quick for a short run)
	@.venv/bin/python -m bench.run $(ARGS)

.PHONY: chaos
chaos: .venv/dev.stamp ## ten minutes of random faults, then count what was lost (ARGS="--seed 7 --index tantivy")
	@.venv/bin/python -m tests.faults.chaos --index elasticsearch $(ARGS)

.PHONY: faults
faults: .venv/dev.stamp ## every fault on every kind of servers; `make test` has each fault once
	@.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder tests/faults -m "not compose" $(ARGS)

.PHONY: compose-test
compose-test: .venv/dev.stamp ## bring the docker-compose stacks up, use them, take them down
	@.venv/bin/pytest -p no:randomly tests/compose -m compose $(ARGS)

.PHONY: lint
lint: .venv/dev.stamp ## check style, types and the import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

.PHONY: fmt
fmt: .venv/dev.stamp ## put the code into the house's format
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

# Of what runs; the tools of development are in requirements-dev.lock (LOCK=requirements-dev.lock).
LOCK ?= requirements.lock

.PHONY: sbom
sbom: .venv/dev.stamp ## write build/sbom.json (CycloneDX): what the lock installs, with versions and hashes
	@mkdir -p build
	@.venv/bin/python -W ignore -m cyclonedx_py requirements $(LOCK) --pyproject pyproject.toml \
		--output-reproducible --sv 1.6 --of JSON --output-file build/sbom.json
	@echo "build/sbom.json names what $(LOCK) installs"

.PHONY: audit
audit: .venv/dev.stamp ## ask for known vulnerabilities in the lock; 3: could not be asked (LOCK=..., ARGS=...)
	@.venv/bin/python deploy/audit.py $(LOCK) $(ARGS)

.PHONY: clean
clean: ## remove what was built or installed; data/ stays
	@rm -rf .venv .venv-3.* build dist tests/elasticsearch_node/target *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
