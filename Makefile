# Two commands on a fresh machine: `make demo` and `make test`. Both make their own .venv.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
OUT ?= audits/demo
LOCK := $(VENV)/tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c constraints.txt
# Two workers with two threads each on two cores would spend their time waiting for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help demo test quick lint types format wheels lock locked sbom vulnerabilities clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## audit the bundled pictures, into $(OUT); two minutes
	$(BIN)/auditor demo --out $(OUT)

test: $(VENV)/installed-test lint types ## everything that CI runs: lint, types, all tests; 22 minutes on two quiet cores
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=40 # long files first: tests/conftest.py

quick: $(VENV)/installed-test lint ## lint, and the tests that are not slow; about five minutes on two cores
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" tests/unit tests/property

lint: $(VENV)/installed-test ## format, style, and which package may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/installed-test ## mypy: strict for the packages, the bodies of the tests
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini

format: $(VENV)/installed-test ## put format and simple faults of style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheels: $(VENV)/tools ## dist/auditor-*.whl, and dist/auditor_sample_data-*.whl for its demo
	$(VENV)/tools/bin/python -m build --wheel --outdir dist .
	$(VENV)/tools/bin/python -m build --wheel --outdir dist sample_data

lock: $(VENV)/tools ## write the files *.lock again: what constraints.txt pins, for every system, with hashes
	$(LOCK) pyproject.toml .ci/build.txt -o requirements-gate.lock
	$(LOCK) --extra run pyproject.toml .ci/build.txt -o requirements.lock
	$(LOCK) --extra run --extra test --extra offline pyproject.toml .ci/build.txt -o requirements-test.lock

locked: | $(VENV)/bin/python ## a .venv of nothing but what requirements-test.lock names by its hash
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-test.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(VENV)/installed $(VENV)/installed-test

sbom: $(VENV)/installed ## write sbom.cdx.json: all that auditor is made of here (CycloneDX)
	$(BIN)/python .ci/sbom.py > sbom.cdx.json

vulnerabilities: $(VENV)/tools ## ask the package index for known vulnerabilities of what is locked; without an answer it fails
	$(VENV)/tools/bin/python .ci/vulnerabilities.py $(VENV)/tools/bin/pip-audit

$(VENV)/tools: # their own environment: none of it is needed to run or to test
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet build==$(shell sed -n 's/^build==//p' constraints.txt) uv==0.13.9 pip-audit==2.10.1

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[run]"
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[run,test,offline]"
	touch $@

clean: ## remove .venv, audits and what was built
	rm -rf $(VENV) audits build dist
