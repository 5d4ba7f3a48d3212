# Everything a fresh machine with Python >= 3.11 needs: `make run` serves over tun0, `make test` shows that it works.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: setup run demo docs test lint test-long fuzz-live clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'pystack needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The environment belongs to the user; only the server itself runs as root.
run: setup
	@$(SUDO) $(BIN)/pystack serve $(ARGS)

demo: setup
	@$(BIN)/pystack demo $(ARGS)

# Writes anew the pages that are made from the code: RFC index, requirement table, state diagram, tables of counters.
docs: setup
	$(BIN)/python tools/docs.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -m 'not long' $(ARGS)

test-long: lint
	$(BIN)/python -m pytest $(ARGS)

# Random and damaged packets into a live server; needs no root where a private network can be made.
fuzz-live: setup
	$(BIN)/python tools/fuzz_live.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
