# Every target sets up what it needs: a fresh clone, Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test test-long check lint run bench lock clean
help:
	@echo "make install | demo | test | test-long | check | run | bench | lock | clean"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; run e.g. make PYTHON=python3.12 install")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/tracker demo

run: $(STAMP)
	$(BIN)/tracker run

# Many tests wait for processes that they start, so three share two processors well. Those processes are many: without
# bytecode kept, each would compile the sources anew.
test test-long: export PYTHONDONTWRITEBYTECODE :=

# COVERAGE=1 also says which lines and branches nothing reaches. Before Python 3.12 every line of every library goes by
# the tracer then, which takes half as long again; CI does.
test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow" $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-long: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow or hypothesis" --hypothesis-profile all

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(MAKE) test COVERAGE=1

bench: $(STAMP)
	$(BIN)/python scripts/bench.py

lock:
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url --no-annotate --extra dev --extra fast pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info demo-out
