# Everything that is done here, on a laptop and in CI alike: `make help`.
.DEFAULT_GOAL := help
SHELL := /bin/bash

BASE ?= main
GROUPS ?=
PORT ?= 5000
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := $(or $(shell command -v uv),$(CURDIR)/.tools/bin/uv)
BIN := .venv/bin
STATE := .mainline

export UV
export UV_COMPILE_BYTECODE := 1
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
# Without bytecode every start takes two to three times as long.
unexport PYTHONDONTWRITEBYTECODE
# Another project's environment is none of ours.
unexport VIRTUAL_ENV

##@ The loop

.PHONY: run
run: $(BIN)/.train ## Validate, train, compare with BASE=main on the same rows, report
	@$(BIN)/mainline run --base $(BASE)

.PHONY: monitor
monitor: $(BIN)/.train ## Hold the prediction log against the training (LOG=…, LABELS=…, METRICS=…)
	@$(BIN)/mainline monitor $(if $(LOG),--log "$(LOG)") $(if $(LABELS),--labels "$(LABELS)") $(if $(METRICS),--metrics "$(METRICS)")

.PHONY: ui
ui: $(BIN)/.train ## Open MLflow's page over the local store (PORT=5000)
	@$(BIN)/mainline ui --port $(PORT)

.PHONY: data
data: $(BIN)/.train ## Rebuild data/raw from the pinned source archive and compare (WRITE=1 replaces it)
	@$(BIN)/python -m flights.source $(if $(WRITE),--write)

##@ Work on it

.PHONY: install
install: $(BIN)/.train ## Install what training needs, and GROUPS="cloud database" beside it
ifneq ($(strip $(GROUPS)),)
	@"$(UV)" sync --locked --inexact --quiet $(addprefix --group ,$(GROUPS))
endif

.PHONY: test
test: lint ## Lint, types, unit and pipeline tests: everything
	@$(BIN)/pytest

.PHONY: check
check: lint ## The quick part: lint, types, and the tests that need no server and no whole run
	@$(BIN)/pytest -m "not slow"

.PHONY: lint
lint: $(BIN)/.all ## Format, lint, types, workflows, Dockerfiles, schemas, secrets
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

.PHONY: fix
fix: $(BIN)/.all ## Format and mend what can be mended by itself
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: docs
docs: $(BIN)/.train ## Write anew what is generated: the schema and the reference of params.yaml
	@$(BIN)/mainline reference docs

.PHONY: bench
bench: $(BIN)/.all ## Measure against one bare script, in one run
	@$(BIN)/python -m benchmarks

.PHONY: hooks
hooks: $(BIN)/.all ## Run the lint before every commit
	@$(BIN)/pre-commit install

.PHONY: clean
clean: ## Remove reports and caches; the MLflow store and the records stay
	@rm -rf reports $(STATE)/frames $(STATE)/checks $(STATE)/cache $(STATE)/worktrees $(STATE)/last.json

.PHONY: help
help: ## This page
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
		/^[a-z]+:.*## / {printf "  \033[36m%-8s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST); echo

# What is installed is stamped: a target that finds its stamp starts at once.
$(BIN)/.train: uv.lock pyproject.toml | $(UV)
	@"$(UV)" sync --locked --inexact --quiet
	@touch $@

$(BIN)/.all: uv.lock pyproject.toml | $(UV)
	@"$(UV)" sync --locked --inexact --all-groups --quiet
	@touch $(BIN)/.train $@

# Only where the machine has no uv of its own.
$(CURDIR)/.tools/bin/uv:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not here: install Python 3.11 or later" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, $$($(PYTHON) --version) was found: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv .tools || { echo "$(PYTHON) cannot make environments: install its venv package (on Debian and Ubuntu: python3-venv)" >&2; exit 2; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
		{ echo "uv $(UV_VERSION) could not be fetched: install uv yourself, or set pip's index" >&2; exit 4; }
