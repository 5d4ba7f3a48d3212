# Everything a fresh machine with Python >= 3.11 needs: `make run` serves over tun0, `make test` shows that it works.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# At a terminal pip shows how far it is.
QUIET := $(shell test -t 2 || echo --quiet)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: help setup run demo docs site test lint test-long test-all-pythons fuzz fuzz-live mutate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.ready ## .venv with everything in it; the others make it where it is needed

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'pystack needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'installing pystack, and what it is developed with, into $(VENV): a minute or two the first time' >&2
	@$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The environment belongs to the user; only the server itself runs as root.
run: setup ## serve over tun0, as root; ARGS are options of pystack serve
	@$(SUDO) $(BIN)/pystack serve $(ARGS)

demo: setup ## a tour in a private network; needs no root
	@$(BIN)/pystack demo $(ARGS)

# Writes anew the pages that are made from the code: RFC index, requirement table, state diagram, tables of counters.
docs: setup ## the pages that are made from the code
	$(BIN)/python tools/docs.py

# The documentation as a site, in build/site; open build/site/index.html. The variable keeps the theme from advertising.
site: setup ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file .mkdocs.yml

lint: setup ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## that, and the tests; ARGS are options of pytest (-n 0: one after the other)
	$(BIN)/python -m pytest -m 'not long' -n auto --dist loadfile $(ARGS)

test-long: lint ## the tests that take minutes, too
	$(BIN)/python -m pytest -m 'not long' -n auto --dist loadfile $(ARGS)
	$(BIN)/python -m pytest -m long $(ARGS)

test-all-pythons: setup ## the sans-IO core on Python 3.11, 3.12 and 3.13, as far as found; PYTHONS="…" names others
	@$(BIN)/python tools/pythons.py $(ARGS)

# atheris has no wheels for some Pythons, so that it belongs to no other target.
fuzz: setup ## coverage-guided fuzzing of the parsers and of a whole host; ARGS are options of libFuzzer
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@$(BIN)/python tools/fuzz.py $(ARGS)

# Random and damaged packets into a live server; needs no root where a private network can be made.
fuzz-live: setup ## random packets into a live server; ARGS: --packets N --seconds N --seed N --capture FILE
	$(BIN)/python tools/fuzz_live.py $(ARGS)

# Known bugs, one at a time, in a copy of the tree: each has to make a test fail.
mutate: setup ## planted bugs, which the tests have to catch; ARGS: --only NAME -j N --json --docs --list
	@$(BIN)/python tools/mutate.py $(ARGS)

clean: ## remove .venv and what was built
	rm -rf $(VENV) $(VENV)-3.* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
