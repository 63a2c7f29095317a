# The same targets on a laptop and in CI: `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

TOP := $(shell dirname "$(strip $(MAKEFILE_LIST))")
ifneq ($(TOP),.)
# `make -f ../Makefile run` from a folder below: every path is meant from the top.
.PHONY: $(or $(MAKECMDGOALS),help)
$(firstword $(MAKECMDGOALS) help):
	@$(MAKE) --no-print-directory -C "$(TOP)" $(MAKECMDGOALS)
$(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS)):
	@:
else

BASE ?=
GROUPS ?=
PORT ?= 5000
SERVE_PORT ?= 8080
IMAGE ?=
OPEN ?=
TODAY ?=
MINUTES ?=
MONTHS ?=
LOCAL ?=
TARGET ?=
VERSION ?=
ANEW ?=
HERE ?=
HAND_ON ?=
IN ?=
RECURRING ?=
RETURNED ?=
WITH ?=
PARTS ?=
ONLY ?=
IMAGES ?=
FOR ?=
TORCH ?= cpu
TORCH_INDEX ?=
SHIP ?=
PYTHON ?= python3
UV_VERSION := 0.13.8
OWN_UV := .tools/bin/uv
UV := $(or $(shell command -v uv),$(CURDIR)/$(OWN_UV))
# Only where the machine has no uv of its own; by its relative name, which a space in the checkout's path does not split.
NEEDS_UV := $(if $(findstring command,$(origin UV))$(shell command -v uv),,$(OWN_UV))
# Optional groups of packages: those of the project, and those that WITH= has brought to this machine.
OPTIONAL := boosting torch keras spark
IN_PROJECT := $(shell sed -n 's/^frameworks = \[\([^]]*\)\].*/\1/p' pyproject.toml | tr -d '",')
FRAMEWORKS = $(sort $(WITH) $(IN_PROJECT) $(shell cat $(BIN)/.with 2>/dev/null))
# In a recipe, the word $(MAKE) has the line run by `make -n` too.
THIS_MAKE := $(MAKE)
WRITABLE = test -w . || { echo "$(CURDIR) cannot be written to: clone or copy it to a folder of your own" >&2; exit 4; }
BIN := .venv/bin
STATE := .mainline
BROWSERS := chromium chromium-browser google-chrome-stable google-chrome chrome
GITHUB_API := tests/github/node_modules/.stamp
NPM := $(or $(shell command -v npm),"$(CURDIR)/$(BIN)/npm")

# One of several models: its name goes through the environment, where it is no syntax. (A MODEL of the shell is no call.)
ifeq ($(origin MODEL),command line)
export MAINLINE_SELECT := $(value MODEL)
endif

export UV
export UV_COMPILE_BYTECODE := 1
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export ORT_DISABLE_TELEMETRY := 1
# Without bytecode every start takes two to three times as long.
unexport PYTHONDONTWRITEBYTECODE
# The active environment of another project does not count, nor do modules from elsewhere.
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

# The order of Python's sets is the same in every training. The server keeps its random hashes.
init run kfp review verify margins search candidate promote retrain: export PYTHONHASHSEED := 0

##@ The loop

.PHONY: run
run: $(BIN)/$(if $(filter docker,$(IN)),.core,.train) ## Validate, train, compare with BASE=… on the same rows, report (IN=docker, kubernetes: in the trainer image)
	@$(BIN)/mainline run $(if $(BASE),--base "$(BASE)") $(if $(value IN),--in "$$IN")

.PHONY: sources
sources: $(BIN)/.train ## Read every table of data.sources, and report what was read and put aside
	@$(BIN)/mainline sources

.PHONY: trainer
trainer: $(BIN)/.core ## Build the image of the locked training environment, for IN= and `make kfp`; push it below MAINLINE_IMAGE
	@$(BIN)/mainline trainer

# The values of the call are in the environment of the recipe: a query has quotes and blanks.
.PHONY: init
init: $(BIN)/.train ## Make a project of a table: FILE=churn.csv LABEL=churned (TIME=, KEY=, NAME=, TASK=, LABELS=, KEEP=1)
	@$(if $(value FILE),,$(error FILE is missing: make init FILE=churn.csv LABEL=churned))$(if $(value LABEL),,$(error LABEL is missing: make init FILE=churn.csv LABEL=churned))
	@$(BIN)/mainline init "$$FILE" --label "$$LABEL" $(if $(value TIME),--time "$$TIME") $(if $(value KEY),--key "$$KEY") \
		$(if $(value NAME),--name "$$NAME") $(if $(value TASK),--task "$$TASK") $(if $(value POSITIVE),--positive "$$POSITIVE") \
		$(if $(value LABELS),--labels "$$LABELS") $(if $(value DATABASE),--database "$$DATABASE") $(if $(KEEP),--keep)

.PHONY: margins
margins: $(BIN)/.train ## Measure gates.margins: how far equal models differ (MODELS=6, WINDOWS=3, WRITE=1: set them)
	@$(BIN)/mainline margins $(if $(MODELS),--models $(MODELS)) $(if $(WINDOWS),--windows $(WINDOWS)) $(if $(WRITE),--write)

.PHONY: search
search: $(BIN)/.search ## Search for better parameters on inner folds (MINUTES=20); the winner becomes a branch with its review
	@$(BIN)/mainline search $(if $(value MINUTES),--minutes "$$MINUTES")

# kfp has an environment of its own with a lock of its own: it would move packages of the training.
.PHONY: kfp
kfp: $(BIN)/.train .venv-kfp/.stamp ## Compile the run for Kubeflow Pipelines to reports/pipeline.yaml (RECURRING=1: for recurring runs)
	@$(BIN)/mainline kfp $(if $(BASE),--base "$(BASE)") $(if $(RECURRING),--recurring)

.PHONY: export
export: $(BIN)/.export ## Export the model to ONNX for the server, in .mainline/model (FOR=edge: for small devices; FORMAT=tfrecord: the frame)
	@$(if $(filter tfrecord,$(value FORMAT)),"$(UV)" sync --locked --inexact --group export --group tfrecord --quiet;) \
		$(BIN)/mainline export $(if $(value FOR),--for "$$FOR") $(if $(value FORMAT),--format "$$FORMAT")

.PHONY: suite
suite: $(BIN)/.train ## Write the suite of TABLE=… from SCHEMA=schema.pbtxt of TensorFlow Data Validation (REPLACE=1)
	@$(if $(value SCHEMA),,$(error SCHEMA is missing: make suite SCHEMA=schema.pbtxt TABLE=visits))
	@$(BIN)/mainline suite "$$SCHEMA" --table "$$TABLE" $(if $(REPLACE),--replace)

.PHONY: predict
predict: $(BIN)/.export ## Score FILE=… with this checkout's model (RAW=1: rows as in a source; EXPORT=folder: another export)
	@$(BIN)/mainline predict $(if $(RAW),--raw "$(RAW)") $(if $(EXPORT),--export "$(EXPORT)") $(if $(FILE),"$(FILE)",$(error FILE is missing: make predict FILE=flights.parquet))

.PHONY: serve
serve: export ## Serve the model on http://127.0.0.1:8080 (SERVE_PORT=8080)
	@exec $(BIN)/mainline serve --port $(SERVE_PORT)

.PHONY: ship
ship: $(BIN)/.export ## Copy the server's log (SPOOL=folder) to monitor.log as Parquet (EVERY=60: repeat every 60 seconds)
	@exec $(BIN)/mainline ship $(if $(SPOOL),--spool "$(SPOOL)") $(if $(EVERY),--every $(EVERY))

.PHONY: monitor
monitor: $(BIN)/.train ## Compare the prediction log with the training data (LOG=…, METRICS=…, NOW=…)
	@$(BIN)/mainline monitor $(if $(LOG),--log "$(LOG)") $(if $(METRICS),--metrics "$(METRICS)") $(if $(NOW),--now "$(NOW)")

.PHONY: ui
ui: $(BIN)/.train ## Open MLflow's page of runs and models (PORT=5000, REMOTE=1: of the state in the registry)
	@$(BIN)/mainline ui --port $(PORT) $(if $(REMOTE),--remote)

.PHONY: verify
verify: $(BIN)/.train ## Train every record again and report those that are not what they claim (REMOVE=1 removes them)
	@$(BIN)/mainline verify $(if $(REMOVE),--remove)

.PHONY: data
data: $(BIN)/.train ## Rebuild data/raw from its pinned archive and compare (WRITE=1 replaces it, DVC=url: push and get back)
	@$(BIN)/python -m flights.source $(if $(WRITE),--write) $(if $(value DVC),--dvc "$$DVC")
	@$(BIN)/mainline sources

##@ Pull requests

.PHONY: models
models: $(BIN)/.core ## In GitHub Actions: report which models a run is about (ALL=1: every model)
	@$(BIN)/mainline ci models $(if $(ALL),--all) $(if $(ONE),--one)

# A machine for one run: of 10,600 files it imports 3,800, which costs less than half of compiling them all first.
.PHONY: review
review: $(BIN)/.core ## In GitHub Actions: run for a pull request, and leave what its comment shows
	@$(BIN)/mainline review --install "$(THIS_MAKE) $(BIN)/.stage UV_COMPILE_BYTECODE=0"

.PHONY: ci
ci: $(BIN)/.all ## Run review.yml on this machine with act (EVENT=push WORKFLOW=quality)
	@$(BIN)/python -m tests.workflows $(if $(EVENT),--event $(EVENT)) $(if $(WORKFLOW),--workflow $(WORKFLOW))

.PHONY: pins
pins: | $(NEEDS_UV) ## Check the workflows' actions on GitHub too (GH_TOKEN; WORKFLOWS=folder, default: .github)
	@"$(UV)" run --locked --only-group lint --quiet zizmor --persona pedantic "$(or $(WORKFLOWS),.github)"

.PHONY: doctor
doctor: ## List the repository's settings on GitHub that are still off (FIX=1 turns them on)
	@PYTHONPATH=src $(or $(wildcard $(BIN)/python),$(PYTHON)) -m mainline doctor $(if $(FIX),--fix)

##@ The release

.PHONY: candidate
candidate: $(BIN)/.stage ## Evaluate this commit's model against production; build, push and test its image (HAND_ON=1: push nothing)
	@$(BIN)/mainline candidate $(if $(HAND_ON),--hand-on)

.PHONY: promote
promote: $(BIN)/.stage ## Bring this commit's model to production if it passes its gates (TARGET=none, IMAGE=sha256:…)
	@$(BIN)/mainline promote $(if $(TARGET),--target $(TARGET)) $(if $(value IMAGE),--image "$$IMAGE") $(if $(value CANDIDATE),--candidate "$$CANDIDATE")

.PHONY: image
image: $(BIN)/.export ## Build the server's image, and push it to MAINLINE_IMAGE (SHIP=1: the image of `make ship`)
	@$(BIN)/mainline image $(if $(SHIP),--ship)

.PHONY: stage
stage: $(BIN)/.stage ## Test the image as it will run (IMAGE=…, default: the last image built), by the gates of params.yaml
	@$(BIN)/mainline stage $(IMAGE)

.PHONY: deploy
deploy: $(BIN)/.export ## Deploy a staged image to TARGET=registry, docker or kubernetes (IMAGE=…)
	@$(BIN)/mainline deploy --target $(or $(TARGET),registry) $(IMAGE)

.PHONY: rollback
rollback: $(BIN)/.train ## Return production to the previous version, or to VERSION= (TARGET=, default: where it runs)
	@$(BIN)/mainline rollback $(if $(value VERSION),"$$VERSION") $(if $(TARGET),--target $(TARGET))

.PHONY: audit
audit: $(BIN)/.train ## Verify the audit log and print it
	@$(BIN)/mainline audit

##@ Watching

.PHONY: demo
demo: $(BIN)/.stage ## Play a year in minutes: release, drift, retraining, refusals, a rollback (MONTHS=2, LOCAL=1)
	@exec $(BIN)/mainline demo $(if $(MONTHS),--months $(MONTHS)) $(if $(LOCAL),--local)

.PHONY: watch
watch: $(BIN)/.train ## In GitHub Actions: monitor, or report why the log cannot be read from there
	@$(BIN)/mainline watch

.PHONY: alert
alert: ## Open, update or close the monitor's issue on GitHub
	@PYTHONPATH=src $(or $(wildcard $(BIN)/python),$(PYTHON)) -m mainline alert

.PHONY: retrain
retrain: $(BIN)/.train ## Open a retraining branch with its report (OPEN=1: as a pull request; TODAY=2013-11-03)
	@$(BIN)/mainline retrain $(if $(BASE),--base "$(BASE)") $(if $(OPEN),--open) $(if $(TODAY),--today $(TODAY))

##@ Steps of the release workflows

.PHONY: settings
settings: $(BIN)/.core ## Set the release's variables for later steps (SETTINGS: the repository's, as JSON)
	@$(BIN)/mainline ci settings

.PHONY: due
due: $(BIN)/.core ## Report whether this commit is to be released, without training
	@$(BIN)/mainline ci due

.PHONY: login
login: $(BIN)/.core ## Log the container engine in to the registries of the release
	@$(BIN)/mainline ci login

.PHONY: begin
begin: $(BIN)/.train ## Begin the state before the first release (ANEW=true: also where its state is lost; HERE=1: in a folder)
	@$(BIN)/mainline ci begin $(if $(filter true,$(ANEW)),--anew) $(if $(HERE),--here)

.PHONY: merged
merged: $(BIN)/.core ## Report which pull request brought this commit, and who approved it
	@$(BIN)/mainline ci merged

.PHONY: approved
approved: $(BIN)/.core ## Report who approved this deployment
	@$(BIN)/mainline ci approved

.PHONY: subjects
subjects: $(BIN)/.core ## Report what later jobs take from the candidate: digests, and the folders of record and image
	@$(BIN)/mainline ci subjects

.PHONY: refused
refused: $(BIN)/.train ## Write into the audit log that the candidate of another job was refused
	@$(BIN)/mainline ci refused

.PHONY: unattested
unattested: $(BIN)/.core ## Report that this plan of GitHub has no attestations
	@$(BIN)/mainline ci unattested

.PHONY: publish
publish: $(BIN)/.core ## Publish the release page on GitHub (RETURNED=1: after a rollback)
	@$(BIN)/mainline ci publish $(if $(RETURNED),--returned)

##@ Development

.PHONY: install
install: $(BIN)/.train ## Install what training needs, and GROUPS="cloud database" too
ifneq ($(strip $(GROUPS)),)
	@"$(UV)" sync --locked --inexact --quiet $(addprefix --group ,$(GROUPS))
endif

.PHONY: add
add: $(BIN)/.core ## Add a package to the lock and install it: make add PACKAGE=xgboost-cpu GROUP=train
	@"$(UV)" add --group "$(or $(GROUP),train)" $(if $(PACKAGE),$(foreach each,$(PACKAGE),"$(each)"),$(error PACKAGE is missing: make add PACKAGE=lightgbm))

.PHONY: tools
tools: $(BIN)/.all $(if $(WITH),$(BIN)/.frameworks) ## Install everything that training, tests and lint need (WITH="boosting torch keras spark")

# No file: with WITH= the groups are looked at every time.
$(BIN)/.frameworks: $(BIN)/.train
	@$(if $(filter-out $(OPTIONAL),$(FRAMEWORKS)),$(error no such frameworks: $(filter-out $(OPTIONAL),$(FRAMEWORKS)): there are $(OPTIONAL)))
	$(WITH_FRAMEWORKS)

.PHONY: test
test: lint $(GITHUB_API) browser ## Lint, types, unit, pipeline, workflow and container tests
	@$(BIN)/pytest -m "not trainer"

.PHONY: test-trainer
test-trainer: $(BIN)/.all .venv-kfp/.stamp ## Tests of the trainer image, which they build: runs in it, Jobs, the Kubeflow pipeline
	@$(BIN)/pytest -m trainer tests/mainline/execution tests/kubeflow

# In an environment of its own, so that the usual one stays as most projects have it.
.PHONY: test-frameworks
test-frameworks: java ## Tests of LightGBM, XGBoost, CatBoost, PyTorch, Keras and Spark, in an environment of their own
	@UV_PROJECT_ENVIRONMENT=.venv-frameworks $(MAKE) --no-print-directory BIN=.venv-frameworks/bin WITH="$(OPTIONAL)" tools
	@.venv-frameworks/bin/pytest tests/frameworks tests/spark

# What is there already is taken.
.PHONY: java
java: ## See that a Java for Spark is there (root on Debian gets one)
	@command -v java > /dev/null || test -x "$$JAVA_HOME/bin/java" || \
		{ test "$$(id -u)" = 0 && grep -qx ID=debian /etc/os-release 2> /dev/null && apt-get -qq update > /dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends openjdk-17-jre-headless > /dev/null; } || \
		{ echo "no java is here: install Java 17, or the tests of Spark cannot run" >&2; test -z "$$CI"; }

.PHONY: check
check: $(BIN)/.all $(GITHUB_API) ## The quick part: lint, types, and the tests that need no server and no whole run
	@said=$$(mktemp); trap 'kill $$linting 2> /dev/null; rm -f "$$said"' EXIT; \
		$(THIS_MAKE) --no-print-directory lint > "$$said" 2>&1 & linting=$$!; \
		$(BIN)/pytest -m "not slow" -p no:logging -o tmp_path_retention_policy=failed; tests=$$?; wait $$linting; lint=$$?; cat "$$said"; test $$lint$$tests = 00

# A browser of the machine's own; the tests that need one skip themselves without it, and fail in CI.
.PHONY: browser
browser: ## See that a Chromium or Chrome is there for the tests of the pages (root on Debian gets one)
	@command -v $(BROWSERS) > /dev/null || test -d "/Applications/Google Chrome.app" || \
		{ test "$$(id -u)" = 0 && grep -qx ID=debian /etc/os-release 2> /dev/null && apt-get -qq update > /dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium fonts-dejavu-core > /dev/null; } || \
		{ echo "no Chromium or Chrome is here: install one, or the tests of the pages cannot run" >&2; test -z "$$CI"; }

.PHONY: lint
lint: $(BIN)/.all ## Format, lint, types, workflows, Dockerfiles, schemas, secrets
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

.PHONY: fix
fix: $(BIN)/.all ## Format, and fix what can be fixed automatically
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: docs
docs: $(BIN)/.train ## Generate the reference of params.yaml and the environment, the figure of the rooms, the table of jobs
	@$(BIN)/mainline reference docs
	@$(BIN)/python -m tests.docs.house
	@$(BIN)/python -m tests.docs.jobs

.PHONY: bench
bench: $(BIN)/.all $(GITHUB_API) ## Measure against a plain script, in one run (PARTS="job frameworks"; IMAGES=1: images of frameworks; scale, large by name)
	@$(BIN)/python -m benchmarks $(PARTS) $(if $(IMAGES),--images) $(if $(ONLY),--only $(ONLY))

.PHONY: bench-serve
bench-serve: $(BIN)/.all export ## Measure the server against its limit, MLflow, MLServer and BentoML, in one run
	@$(BIN)/python -m benchmarks.serve $(SERVERS)

.PHONY: hooks
hooks: $(BIN)/.all ## Run the lint before every commit
	@$(BIN)/pre-commit install

.PHONY: clean
clean: ## Remove reports and caches; the MLflow store and the records stay
	@for model in $(STATE) $(STATE)/models/*; do rm -rf "$$model"/frames "$$model"/worktrees "$$model"/last.json; done
	@rm -rf reports $(STATE)/checks $(STATE)/cache

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST); echo

# Frameworks, where there are any. torch comes apart from its group, as a build for the processor: the lock's for Linux
# brings 3 GB of CUDA. TORCH=cu130 takes the one for a GPU, TORCH_INDEX=… a package index that has it. Where PyTorch's own
# index is out of reach, pip is asked, whose settings may name another.
WITH_FRAMEWORKS = $(if $(FRAMEWORKS),@$(call INSTALL_GROUPS,$(filter-out torch,$(FRAMEWORKS)))$(if $(filter torch,$(FRAMEWORKS)),$(INSTALL_TORCH))echo "$(FRAMEWORKS)" > $(BIN)/.with)
INSTALL_GROUPS = $(if $(1),"$(UV)" sync --locked --inexact --no-default-groups $(1:%=--group %) --quiet || exit $$?;)
TORCH_VERSION := $$(sed -n '/^name = "torch"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock)
OTHER_INDEX = $(if $(TORCH_INDEX),--index "$(TORCH_INDEX)",--torch-backend "$(TORCH)")
define INSTALL_TORCH
"$(UV)" export --locked --only-group torch --no-emit-project --prune torch --quiet --output-file $(BIN)/.torch.txt > /dev/null || exit $$?; \
	"$(UV)" pip install --quiet --python $(BIN)/python --requirement $(BIN)/.torch.txt || exit $$?; version=$(TORCH_VERSION); \
	$(BIN)/python -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '$$version')" 2> /dev/null || \
	"$(UV)" pip install --quiet --python $(BIN)/python $(if $(filter cpu,$(TORCH)),--no-deps) "torch==$$version" $(OTHER_INDEX) 2> $(BIN)/.torch.log || \
	"$(UV)" run --no-project --with pip --quiet python -m pip --python $(BIN)/python install --quiet --no-deps "torch==$$version" || \
	{ cat $(BIN)/.torch.log >&2; echo "torch $$version could not be installed: TORCH_INDEX=… names an index that has it" >&2; exit 4; };
endef

# What is installed is stamped: a target that finds its stamp starts at once.
# Enough to see that a change needs no training, in a second.
$(BIN)/.core: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --no-default-groups --quiet
	@touch $@

$(BIN)/.train: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --quiet
	$(WITH_FRAMEWORKS)
	@touch $(BIN)/.core $@

$(BIN)/.export: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --group export --quiet
	$(WITH_FRAMEWORKS)
	@touch $(BIN)/.core $(BIN)/.train $@

$(BIN)/.search: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --group export --group search --quiet
	$(WITH_FRAMEWORKS)
	@touch $(BIN)/.core $(BIN)/.train $(BIN)/.export $@

$(BIN)/.stage: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --group export --group stage --quiet
	$(WITH_FRAMEWORKS)
	@touch $(BIN)/.core $(BIN)/.train $(BIN)/.export $@

$(BIN)/.all: uv.lock pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@"$(UV)" sync --locked --inexact --all-groups $(OPTIONAL:%=--no-group %) --quiet
	$(WITH_FRAMEWORKS)
	@touch $(BIN)/.core $(BIN)/.train $(BIN)/.export $(BIN)/.search $(BIN)/.stage $@

# GitHub's descriptions of its API and of its events, from npm; the tests that need it skip themselves without it, and fail in CI.
$(GITHUB_API): tests/github/package-lock.json | $(BIN)/.all
	@cd tests/github && { $(NPM) ci --ignore-scripts --loglevel=error && touch node_modules/.stamp && \
		find node_modules/@octokit -path '*/generated/*.json' ! -name api.github.com.json -delete; } || \
		{ echo "npm could not fetch GitHub's descriptions of its API and events: tests that need them cannot run" >&2; test -z "$$CI"; }

.venv-kfp/.stamp: deploy/kubeflow/uv.lock deploy/kubeflow/pyproject.toml | $(NEEDS_UV)
	@$(WRITABLE)
	@UV_PROJECT_ENVIRONMENT="$(CURDIR)/.venv-kfp" "$(UV)" sync --project deploy/kubeflow --locked --group test --quiet
	@touch $@

$(OWN_UV):
	@$(WRITABLE)
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not installed: install Python 3.11 or later" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, $$($(PYTHON) --version) was found: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv .tools || { echo "$(PYTHON) cannot make environments: install its venv package (on Debian and Ubuntu: python3-venv)" >&2; exit 2; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
		{ echo "uv $(UV_VERSION) could not be fetched: install uv yourself, or set pip's index" >&2; exit 4; }

endif
