# Each target does all its own set-up. Python 3.11 or newer, git and make are all that must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PROCESSES ?= 4
CHECKED := bot handlers pipeline tests

SAID := -k tr -k trn:1,2 -k mark -k Stage:2

# Hundreds of Pythons start in the tests: none is to compile again what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo demo-headless demo-docker demo-docker-headless test tests-alone check bench kills chaos lock messages clean

setup: $(READY)

$(READY): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)  ## a local Slack, a product and the bot: open the page that it prints
	$(BIN)/releasebot demo

demo-headless: $(READY)  ## the whole story without a browser
	$(BIN)/releasebot demo --headless --state .releasebot/headless

demo-docker: $(READY)  ## the same with the product in containers: needs a Docker engine, and no registry
	$(BIN)/releasebot demo --docker --state .releasebot/docker

demo-docker-headless: $(READY)  ## the whole story in containers without a browser
	$(BIN)/releasebot demo --docker --headless --state .releasebot/docker-headless

check: $(READY)  ## format, lint, types, layers
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY)  ## everything that CI runs: check, and beside it the tests
	$(MAKE) --no-print-directory --jobs 2 check tests-alone

tests-alone: $(READY)
	$(BIN)/pytest --numprocesses $(PROCESSES)

bench: $(READY)  ## figures beside their baselines, in build/bench.json
	$(BIN)/python -m tests.benchmarks

kills: $(READY)  ## the tests that take some of many cases, with every one of them
	EVERY_KILL=1 $(BIN)/pytest --numprocesses $(PROCESSES) tests/integration/test_crashes.py tests/integration/test_slots_kill.py \
	  tests/acceptance/test_kill.py tests/acceptance/test_docker_kill.py \
	  tests/integration/test_migration_catalogue.py

chaos: $(READY)  ## seeded kills, stops and a moody Slack: SEEDS=n, SEED=k to replay one, DB=sqlite|postgresql|both
	$(BIN)/python -m tests.chaos

lock: $(READY)  ## pin the dependencies again
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --extra otel pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --extra dev pyproject.toml -o requirements-dev.txt

messages: $(READY)  ## renew the catalogues of handlers/locale after sentences have changed
	mkdir -p build
	$(BIN)/pybabel -q extract $(SAID) --no-location --sort-output -o build/messages.pot handlers pipeline/playbook.py
	$(BIN)/pybabel -q update -i build/messages.pot -D releasebot -d handlers/locale --no-fuzzy-matching --ignore-obsolete --omit-header --no-wrap

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
