# fraudstack: `make demo` runs the platform on this machine, `make test` checks it. Both set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export CDK_DISABLE_CLI_TELEMETRY := true
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

ENV ?= dev
DATA ?=
EVENT_TYPE ?=
PORT ?= 4566
TESTS ?= tests
WORKERS ?= 2

.PHONY: localstack help setup demo demo-loop test lint scan snapshots synth deploy destroy up down bench docs lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Python 3.11 to 3.13 is needed; found: $(PYTHON). Name one: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

setup: $(BIN)/python ## install everything into .venv and node_modules (a second run skips what is done)
	@$(BIN)/python scripts/toolchain.py

demo: setup ## the whole life cycle on the embedded local cloud  [DATA=file.parquet|csv] [EVENT_TYPE=name|file.yaml] [PORT=4566]
	@$(BIN)/python -m scripts.demo --port $(PORT) $(if $(DATA),--data "$(DATA)") $(if $(EVENT_TYPE),--event-type "$(EVENT_TYPE)")

demo-loop: setup ## drift in live traffic, and the platform that retrains itself  [PORT=4566]
	@$(BIN)/python -m scripts.demo --loop --port $(PORT)

test: setup ## every test  [TESTS=tests/unit] [WORKERS=2, 0 for one process]
	@# Tests with real processes have deadlines that a busy machine can miss: what failed runs once more, and decides.
	@$(BIN)/python -m pytest -n $(WORKERS) --no-loadscope-reorder $(TESTS) \
		|| $(BIN)/python -m pytest $(TESTS) --last-failed --last-failed-no-failures none

lint: setup ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

build/checkov/bin/checkov:
	@$(PYTHON) -m venv build/checkov && build/checkov/bin/pip install --quiet checkov==3.3.30

scan: setup build/checkov/bin/checkov ## cfn-lint, cdk-nag, checkov and rules of our own, beside comparable projects
	@$(BIN)/python -m scripts.scan

snapshots: setup ## take the templates as reviewed, after a look at the diff
	@TAKE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/infra/test_snapshots.py tests/infra/test_upgrades.py && git diff --stat tests/infra

synth: setup ## the CloudFormation templates of one environment into cdk.out  [ENV=dev|staging|prod]
	@node_modules/.bin/cdk synth --quiet -c env=$(ENV)

deploy: setup ## deploy to the AWS account of your credentials  [ENV=dev|staging|prod]
	@node_modules/.bin/cdk deploy --all -c env=$(ENV)

destroy: setup ## delete a platform and, where its configuration says so, its data  [ENV=dev] [YES=1]
	@$(BIN)/python -m scripts.empty --env $(ENV) $(if $(YES),--yes) && node_modules/.bin/cdk destroy --all -c env=$(ENV) $(if $(YES),--force)

up: setup ## start the local cloud in the background  [PORT=4566]
	@$(BIN)/python -m local_cloud up --port $(PORT)

down: ## stop the local cloud, and the demo's
	@$(BIN)/python -m local_cloud down
	@$(BIN)/python -m local_cloud down --state-dir .local-cloud/demo

bench: setup ## every benchmark, as ratios
	@for b in benchmarks/bench_*.py; do echo "== $$b"; $(BIN)/python -m benchmarks.$$(basename $$b .py) || exit 1; done

docs: setup ## regenerate the generated parts of docs/
	@$(BIN)/python -m scripts.generate_configuration_docs
	@$(BIN)/python -m scripts.generate_event_type_docs
	@$(BIN)/python -m scripts.generate_openapi
	@$(BIN)/python -m local_cloud.coverage

lock: $(BIN)/python ## resolve pyproject.toml anew into the locks
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra test \
		--no-emit-package nvidia-nccl-cu12 --no-emit-package pip pyproject.toml -o requirements.lock
	@$(BIN)/python -m scripts.build_wheelhouse --relock && $(BIN)/python -m scripts.build_functions --relock
	@$(BIN)/uv pip compile --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
		--generate-hashes --no-header --no-annotate --constraint requirements.lock inference_code/server/server.in \
		-o inference_code/server/server.lock

localstack: setup ## a real LocalStack into build/, for tests/localstack (needs Python 3.13 or later)
	@$(BIN)/python -m tests.localstack.endpoints

clean: ## remove what the targets made (the local cloud's state too)
	@-$(MAKE) --no-print-directory down 2>/dev/null
	@rm -rf $(VENV) node_modules build cdk.out out .local-cloud
