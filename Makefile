# make run    a server on port 8000 with everything it needs; nothing else has to be installed
# make test   everything the tests need, then all tests
# make check  formatting, lint, types, import contracts, migrations, settings, knowledge, schema

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts django-checks knowledge openapi openapi-check \
        coverage accuracy hpo evaluate documents-check bench bench-check bench-agents configuration lock install install-dev format clean \
        stack deploy-check bench-growth restore-drill faults

PYTHON ?= python3
VIGNETTES_DIR ?= ../shared/vignettes
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 18

# --- installing -----------------------------------------------------------------------------------

install: .venv/installed ## the virtual environment with what the server needs
install-dev: .venv/installed-dev ## and with what tests and checks need

.venv/installed: requirements.txt
	@PYTHON=$(PYTHON) scripts/make-venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt
	@PYTHON=$(PYTHON) scripts/make-venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch .venv/installed $@

.venv/installed-bench: .venv/installed-dev requirements-bench.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.venv/bin/uv:
	@PYTHON=$(PYTHON) scripts/make-venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv

lock: .venv/bin/uv ## compile the pinned requirements from pyproject.toml; UPGRADE=--upgrade for newer ones
	$(BIN)/uv pip compile --quiet --no-header $(UPGRADE) --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --no-header $(UPGRADE) --python-version 3.11 --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --no-header $(UPGRADE) --python-version 3.11 --extra bench -c requirements-dev.txt pyproject.toml -o requirements-bench.txt
	@# resolved for a platform whose torch is without CUDA, so that the pins do not insist on it
	$(BIN)/uv pip compile --quiet --no-header $(UPGRADE) --python-version 3.11 --python-platform windows --no-emit-package colorama \
	    --extra encoders -c requirements.txt pyproject.toml -o requirements-encoders.txt

# --- running --------------------------------------------------------------------------------------

run: .venv/installed ## start a server, PORT=8000 and HOST=127.0.0.1 unless given
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) load_knowledge
	@echo "Demo accounts:" && $(MANAGE) demo_accounts
	@echo "Serving on http://$(HOST):$(PORT)/ - stop with Ctrl+C"
	@LOG_FORMAT=$${LOG_FORMAT:-text} exec $(BIN)/python -m healthcare.serve --host $(HOST) --port $(PORT)

stack: .venv/installed-dev ## production's topology on loopback, nginx on PORT=8080; WORKERS, MAX_CONNECTIONS, BACKENDS
	@exec $(BIN)/python -m scripts.stack --port $(if $(filter file,$(origin PORT)),8080,$(PORT))

faults: .venv/installed-dev ## break every part under load, rewrite docs/reliability.md; FAULTS=names for some
	@exec $(BIN)/python -m faults $(FAULTS)

# --- testing and checking -------------------------------------------------------------------------

test: .venv/installed-dev ## all tests, on every stack that answers
	@scripts/test

check: .venv/installed-dev lint types contracts django-checks knowledge openapi-check documents-check deploy-check ## everything but the tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed-dev ## rewrite the code as ruff would have it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

PRODUCTION := ENV_FILE= ENVIRONMENT=production ALLOWED_HOSTS=cds.example.org \
    SECRET_KEY=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP \
    DATABASE_URL=postgres://cds@localhost/cds REDIS_URL=redis://localhost:6379/0

django-checks:
	ENV_FILE= $(MANAGE) makemigrations --check --dry-run
	ENV_FILE= $(BIN)/python -m scripts.check_migrations
	$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING
	ENV_FILE= $(BIN)/python -m scripts.configuration --check

knowledge: .venv/installed ## check the knowledge files and count what they hold
	$(BIN)/python -m agents.knowledge

coverage: .venv/installed ## rewrite docs/coverage.md from the knowledge
	$(BIN)/python -m scripts.coverage

hpo: .venv/installed-dev ## rewrite the wordings borrowed from the Human Phenotype Ontology
	$(BIN)/python -m scripts.hpo

accuracy: .venv/installed ## measure on own and public vignettes, rewrite docs/accuracy.md
	$(BIN)/python -m scripts.accuracy

evaluate: .venv/installed ## accuracy and triage on own vignettes and those in VIGNETTES_DIR
	$(MANAGE) evaluate agents/tests/held_out/*.jsonl
	$(MANAGE) evaluate agents/tests/vignettes/*.jsonl
	@if ls $(VIGNETTES_DIR)/*_dev.jsonl > /dev/null 2>&1; then \
	    for cases in $(VIGNETTES_DIR)/*_dev.jsonl; do echo "== $$cases"; $(MANAGE) evaluate $$cases; done; fi

MANIFESTS = $(shell find docker/kubernetes -name '*.yaml' ! -name kustomization.yaml ! -name ray-service.yaml)

deploy-check: .venv/installed-dev ## what lies in docker/: schemas, lint, references, nginx
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/kubernetes-validate --strict --quiet $(MANIFESTS)
	$(BIN)/python -m scripts.deploy_check

documents-check: .venv/installed-dev
	$(BIN)/python -m scripts.coverage --check
	$(BIN)/python -m scripts.accuracy --check

bench: .venv/installed-bench ## load against the product and two baselines; writes docs/performance.md; QUICK=1 only prints
	@scripts/ensure-packages wrk
	$(BIN)/python -m benchmarks.load $(if $(QUICK),--quick)

bench-check: .venv/installed-bench ## every piece of the benchmark for a second
	$(BIN)/python -m pytest benchmarks/test_load.py -p no:cacheprovider -q

bench-agents: .venv/installed-dev ## CPU and memory of the agents alone, by size; writes docs/performance-agents.md
	$(BIN)/python -m benchmarks.agents
	$(BIN)/python -m pytest benchmarks --benchmark-only -p no:cacheprovider -q

bench-growth: .venv/installed-dev ## what 10 thousand and a million stored sessions cost; writes docs/performance-growth.md
	$(BIN)/python -m benchmarks.growth

restore-drill: .venv/installed-dev ## back up, kill and restore a PostgreSQL of its own; nothing acknowledged may be missing
	@scripts/restore-drill

openapi: .venv/installed-dev ## rewrite the OpenAPI schema
	ENV_FILE= $(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

openapi-check:
	@ENV_FILE= $(MANAGE) spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@diff -u docs/openapi.yaml .venv/openapi.yaml > /dev/null \
	    || { echo "docs/openapi.yaml is out of date: make openapi"; exit 1; }

configuration: .venv/installed ## rewrite docs/configuration.md from the settings
	ENV_FILE= $(BIN)/python -m scripts.configuration

clean: ## remove what make has made; the database in var/ stays
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
