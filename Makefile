PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check peers bench score score-full bench-full clean

demo: .venv/ready  ## show the adapter doing its real job, faults and a kill -9 included
	$(BIN)/panjereh demo

test: export PYTHONDONTWRITEBYTECODE =  # the suite starts some 200 processes: what one has compiled the next one reads
test: AT_ONCE ?= 3  # on two cores, for a third of the suite's time is waiting
test: .venv/ready-dev check peers  ## all that must hold before anything lands
	$(BIN)/pytest -rs -n $(AT_ONCE) --dist worksteal tests

check: .venv/ready-dev  ## format, lint, types, the direction of imports, the shipped folders
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/panjereh check

peers:  ## the foreign clients, servers and the browser that tests speak with, where this machine allows it
	tests/peers.sh

bench: .venv/ready-dev peers  ## the figures of acceptance, the daemon and the journal, beside their limits
	$(BIN)/python -m tests.bench

score: .venv/ready-dev  ## crashes, lost answers, and the sabotage that must be found
	$(BIN)/python -m tests.score

score-full: .venv/ready-dev
	$(BIN)/python -m tests.score --full

bench-full: .venv/ready-dev peers
	$(BIN)/python -m tests.bench --full

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/ready: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/ready-dev: .venv/bin/python requirements-dev.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ .venv/ready

clean:
	rm -rf .venv build dist
