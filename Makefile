# `make help` lists what there is to do. Everything is installed below this folder.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV := .tools/bin/uv
PY := .venv/bin/python
ENV ?= dev
DATA ?=
ML ?=
# Folders of tests.
TESTS ?=
# Further settings of the app, such as `-c repository=<owner>/<name>`; of one environment alone for
# `make assemble`, which makes both.
CONTEXT ?=
CONTEXT_dev ?=
CONTEXT_prod ?=
# Anything, to have `make lock` take the newest versions.
UPGRADE ?=
# Benchmarks to run; all of them where it is empty.
NAMES ?=
# Processes that run tests, each with a database server of its own; 0 runs them one after the other.
JOBS ?= 0

PYTEST = $(PY) -m pytest -q -n $(JOBS) --dist loadscope --no-loadscope-reorder

# CDK runs on Node 20 too; the warning about its age would drown every other line.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1

# The first Python >= 3.12 among those on PATH and those pyenv keeps; 3.13 is what Lambda runs.
find_python = for candidate in python3.13 python3.12 python3 \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3 \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12*/bin/python3; do \
	if "$$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	"$$candidate" -c 'import sys; print(sys.executable)'; exit 0; fi; done; \
	echo "error: Python 3.12 or newer is needed" >&2; exit 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

$(UV):
	@echo "installing uv $(UV_VERSION)"
	@python=$$($(find_python)); "$$python" -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.installed: tests/requirements.txt pyproject.toml | $(UV)
	@echo "installing the development environment"
	@python=$$($(find_python)); $(UV) venv --quiet --allow-existing --python "$$python" .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes tests/requirements.txt
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.installed: package-lock.json
	@echo "installing the Node tools"
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: setup
setup: .venv/.installed node_modules/.installed ## Install the development environment and tools

.PHONY: run
run: setup ## Bring the whole system up locally (DATA=folder of real disclosures, else synthetic; ML=1 with MLflow)
	@$(PY) localstack/supervisor run $(if $(ML),--ml) $(if $(DATA),--data "$(DATA)")

.PHONY: stop
stop: .venv/.installed ## Stop the local system; its database is kept
	@$(PY) localstack/supervisor stop

.PHONY: test
test: setup browser ## Run all tests (TESTS=folders, else all)
	@$(PY) localstack/supervisor install
ifdef TESTS
	@$(PYTEST) $(TESTS)
else
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-deployed test-others
endif

# What asks a deployed API waits for it most of the time, so that the other tests can run meanwhile.
.PHONY: test-deployed
test-deployed: setup browser
	@$(PY) localstack/supervisor install
	@$(PYTEST) tests/e2e

.PHONY: test-others
test-others: setup test-localstack
	@$(PYTEST) $(filter-out tests/e2e tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))

.PHONY: test-localstack
test-localstack: setup ## Test what LocalStack is taught
	@$(PY) localstack/supervisor install
	@.local/envs/localstack/bin/python -m pytest -q localstack/extension/tests

# Tests in a browser need one: Debian's is installed where that is possible, else they are skipped.
.PHONY: browser
browser:
	@if ! command -v chromium chromium-browser google-chrome >/dev/null \
	&& command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	echo "installing Chromium"; apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; fi

.PHONY: lint
lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

.PHONY: check
check: lint test ## Lint, check types and run all tests

# Beside the development environment, whose versions it has: what we measure ourselves against.
BENCH := .local/envs/bench
$(BENCH)/.installed: tests/requirements.txt tests/bench/requirements.txt pyproject.toml | $(UV)
	@echo "installing the environment of the benchmarks"
	@python=$$($(find_python)); $(UV) venv --quiet --allow-existing --python "$$python" $(BENCH)
	@$(UV) pip sync --quiet --python $(BENCH)/bin/python --require-hashes tests/requirements.txt \
	tests/bench/requirements.txt
	@$(UV) pip install --quiet --python $(BENCH)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: bench
bench: setup $(BENCH)/.installed ## Measure speed (NAMES=benchmarks), and write docs/benchmarks.md
	@$(PY) localstack/supervisor install
	@$(PY) -m infra.build --target local
	@$(BENCH)/bin/python tests/bench $(NAMES)

.PHONY: simulate
simulate: setup ## Simulate what the analytics find and do not, and write docs/methods/validation.md
	@$(PY) tests/simulation

.PHONY: report
report: setup ## Measure real disclosures (DATA=folder), train on them, and write the reports in docs/
	@$(PY) tests/realdata $(if $(DATA),--data "$(DATA)")

.PHONY: synth
synth: setup ## Synthesise the CloudFormation templates (ENV=dev)
	@$(PY) -m infra.build --target aws
	@node_modules/.bin/cdk synth --quiet -c env=$(ENV) $(CONTEXT)

.PHONY: diff
diff: setup ## Compare the templates with what is deployed (ENV=dev)
	@$(PY) -m infra.build --target aws
	@node_modules/.bin/cdk diff --all --method template -c env=$(ENV) $(CONTEXT)

# In the region of the stacks (infra/config.py).
QUANT = AWS_DEFAULT_REGION=us-east-1 .venv/bin/quant

# Migrates the database and makes the first signing keys before it deploys code; fails at its end if
# the configuration is wrong.
.PHONY: deploy
deploy: setup ## Deploy to the AWS account of the current credentials (ENV=dev)
	@$(PY) -m infra.build --target aws
	@node_modules/.bin/cdk deploy --all -c env=$(ENV) $(CONTEXT)
	@$(QUANT) config check --functions quant-$(ENV)- --json

# One build for both environments: what was tried in one is what the other gets.
ASSEMBLIES := build/assemblies
.PHONY: assemble
assemble: setup ## Synthesise dev and prod of one build, for `make promote`
	@$(PY) -m infra.build --target aws
	@$(foreach environment,dev prod,node_modules/.bin/cdk synth --quiet -c env=$(environment) $(CONTEXT) \
	$(CONTEXT_$(environment)) --output $(ASSEMBLIES)/$(environment);)

OUTPUTS = build/outputs-$(ENV).json
.PHONY: promote
promote: setup ## Deploy what `make assemble` made, as it is (ENV=dev)
	@node_modules/.bin/cdk deploy --all --app $(ASSEMBLIES)/$(ENV) --require-approval never \
	--outputs-file $(OUTPUTS)
	@$(QUANT) config check --functions quant-$(ENV)- --no-secrets --json

.PHONY: smoke
smoke: setup ## Ask each route of what was promoted, as anybody (ENV=dev)
	@$(PY) -m pytest -q tests/e2e/test_gateway.py::test_route_is_public_or_asks_for_a_token \
	--base-url "$$($(PY) -c 'import json; print(json.load(open("$(OUTPUTS)"))["quant-$(ENV)-api"]["ApiUrl"])')"

.PHONY: audit
audit: setup ## Look everything that is locked up among published vulnerabilities
	@$(PY) -m infra.dependencies.audit

.PHONY: sbom
sbom: setup ## Write the bill of materials of each layer and image to build/sbom
	@$(PY) -m infra.dependencies.sbom

.PHONY: licences
licences: setup ## Check that everything that is deployed has a licence we may distribute it by
	@$(PY) -m infra.build --target aws
	@$(PY) -m infra.build --target local
	@$(PY) -m infra.dependencies.licences

.PHONY: snapshot
snapshot: setup ## Write down what the stacks hold, draw them and compute what they cost
	@QUANT_WRITE_SNAPSHOT=1 $(PY) -m pytest -q tests/infra/test_stateful.py tests/infra/test_architecture.py tests/infra/test_costs.py

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-annotate \
	--no-header $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(UV) ## Compile the hash-locked requirement files anew
	@$(COMPILE) --group dev -o tests/requirements.txt
	@$(COMPILE) --group bench -c tests/requirements.txt -o tests/bench/requirements.txt
	@$(COMPILE) --group api -c tests/requirements.txt -o layers/api/requirements.txt
	@$(COMPILE) --group auth -c tests/requirements.txt -o layers/auth/requirements.txt
	@$(COMPILE) --group pipeline -c tests/requirements.txt -o layers/pipeline/requirements.txt
	@$(COMPILE) --group analytics -c tests/requirements.txt -o layers/analytics/requirements.txt
	@$(COMPILE) --group export -c tests/requirements.txt -o layers/export/requirements.txt
	@$(COMPILE) --group schema -c tests/requirements.txt -o layers/schema/requirements.txt
	@$(COMPILE) --group training -c tests/requirements.txt -o layers/training/requirements.txt
	@$(COMPILE) --group backup -c tests/requirements.txt -o infra/images/backup/requirements.txt
	@$(COMPILE) localstack/requirements.in --override localstack/overrides.txt -o localstack/requirements.txt
	@$(COMPILE) localstack/runtime-requirements.in -o localstack/runtime-requirements.txt
	@$(COMPILE) localstack/mlflow-requirements.in -c layers/training/requirements.txt -o localstack/mlflow-requirements.txt
	@$(COMPILE) tests/infra/checkov-requirements.in -o tests/infra/checkov-requirements.txt
