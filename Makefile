# Two commands on a fresh machine: `make demo` and `make test`. Both make their own .venv.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
OUT ?= audits/demo
# Two workers with two threads each on two cores would spend their time waiting for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help demo test quick lint types format clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## audit the bundled pictures, into $(OUT); two minutes
	$(BIN)/auditor demo --out $(OUT)

test: $(VENV)/installed-test lint types ## everything that CI runs: lint, types, all tests; about half an hour on two cores
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder # long files first: tests/conftest.py

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

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,offline]"
	touch $@

clean: ## remove .venv, audits and what was built
	rm -rf $(VENV) audits build dist
