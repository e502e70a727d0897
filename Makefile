# Every target says what it does: `make help`.
# On a fresh machine this needs Python >= 3.11 and nothing else; `make up` needs Docker.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

MINIMUM = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
WANTED = econstream needs Python >= 3.11 with its venv module (on Debian: python3-venv)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(MINIMUM)' >/dev/null 2>&1 && { echo $$p; break; }; done)
ARGS ?=
# Tests wait for brokers and browsers as long as they compute.
PROCESSES ?= 3

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
LOCK := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(ARGS)
CHECKED = shared services tests $(wildcard benchmarks scripts)

.PHONY: help setup dev demo test faults lint format bench up down lock schema clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo '  ARGS="…" passes arguments on, as in: make demo ARGS=--exit'

setup: .venv/.setup ## make .venv with econstream and its pinned dependencies
	@echo '$(BIN)/econstream is ready'

demo: .venv/.setup ## stream the recorded samples through the whole pipeline, then serve the API
	@$(BIN)/python -m services.cli demo $(ARGS)

test: .venv/.dev ## run all tests, on a real broker, a real database and in a real browser
	@scripts/install-chromium || true
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

faults: .venv/.dev ## strike every fault often and try properties on thousands of cases: hours
	@TEST_LONG=1 $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/faults \
		tests/unit/test_versions.py tests/unit/test_decode.py \
		tests/integration/test_versions_in_databases.py $(ARGS)

lint: .venv/.dev ## check style, types and the layers of the imports
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check --diff .
	@$(BIN)/mypy --no-error-summary $(CHECKED)
	@$(BIN)/lint-imports --no-cache --no-logo

format: .venv/.dev ## put the code into the house's format
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

bench: .venv/.dev ## measure the pipeline's parts, each beside the limit of what it stands on
	@$(BIN)/python -m benchmarks $(ARGS)

up: ## run the deployment in Docker: PostgreSQL, Kafka and the services, API on 127.0.0.1:8000
	@deploy/make-env .env
	@ECONSTREAM_REVISION=$${ECONSTREAM_REVISION:-$$(git rev-parse HEAD 2>/dev/null || echo unknown)} \
		docker compose up --build --detach --wait $(ARGS) || \
		{ docker compose logs --tail 3 migrate fetcher loader processor api; exit 1; }
	@echo "The API is at http://$$(docker compose port api 8000)/docs"

down: ## stop that deployment; ARGS=--volumes also deletes its data
	@docker compose down $(ARGS)

schema: .venv/.setup ## write sql/init/01_schema.sql anew from the datasets
	@$(BIN)/python -m services.cli schema sql > .venv/schema.sql
	@mv .venv/schema.sql sql/init/01_schema.sql

lock: .venv/.dev ## pin what pyproject.toml asks for, with hashes; ARGS=--upgrade takes the newest
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo 'lock with \
	the oldest Python there is support for: its pins hold on all later ones' >&2; exit 1; }
	@$(LOCK) --all-build-deps --only-build-deps -o requirements-build.lock pyproject.toml
	@$(LOCK) -o requirements.lock pyproject.toml
	@$(LOCK) --extra dev --extra test -c requirements-build.lock -c requirements.lock \
		-o requirements-dev.lock pyproject.toml

clean: ## remove .venv and all caches; data/ stays
	@rm -rf .venv build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@rm -rf econstream.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

dev: .venv/.dev

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo '$(WANTED); make PYTHON=/path/to/python names one' >&2; exit 1; }
	@$(PYTHON) -c '$(MINIMUM)' 2>/dev/null || { echo '$(WANTED); $(PYTHON) is none' >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv

.venv/.setup: .venv/bin/python pyproject.toml requirements-build.lock requirements.lock
	@echo 'Installing the pinned dependencies into .venv (a minute, once)'
	@$(PIP) install --require-hashes -r requirements-build.lock -r requirements.lock
	@$(PIP) --quiet install --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/.dev: .venv/.setup requirements-dev.lock
	@echo 'Installing the pinned tools for tests and checks into .venv (a minute, once)'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
