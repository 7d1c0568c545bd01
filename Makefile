# Needs make and Python 3.10 to 3.13 (on Debian and Ubuntu also the package python3-venv). Everything else goes into
# .venv, from lock files with hashes. A stamp file per lock makes a second run instant.

VENV := .venv
BIN := $(VENV)/bin
PROJECT := setup.cfg setup.py pyproject.toml
RUNTIME_READY := $(VENV)/.runtime-ready
DEMO_READY := $(VENV)/.demo-ready
TEST_READY := $(VENV)/.test-ready

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint audit sbom bench chaos image lock

help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-6s  %s\n", $$1, $$2}' Makefile

setup: $(RUNTIME_READY) ## install gluonserve into .venv

demo: $(DEMO_READY) ## train on real data, publish, serve and make one call; ONCE=1 ends after the call
	@exec $(BIN)/python deploy/demo.py $(if $(filter 1,$(ONCE)),--once)

serve: $(RUNTIME_READY) ## serve the active model, by default on port 8000
	@exec $(BIN)/gluonserve serve

test: lint ## run lint and all tests
	@exec $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

lint: $(TEST_READY) ## check style, types, the Dockerfile and, where their service can be asked, known vulnerabilities
	@echo "ruff: style"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted; run: $(BIN)/ruff format"; exit 1; }
	@echo "mypy: types"
	@$(BIN)/mypy --strict --no-error-summary
	@echo "hadolint: Dockerfile"
	@$(BIN)/hadolint Dockerfile
	@echo "pip-audit: known vulnerabilities"
	@$(BIN)/python deploy/audit.py --if-reachable

audit: $(TEST_READY) ## ask about known vulnerabilities of every locked package; fails also when nobody answers
	@exec $(BIN)/python deploy/audit.py

sbom: $(TEST_READY) ## write the list of what a release is made of (CycloneDX) into dist
	@exec $(BIN)/python deploy/bill_of_materials.py

bench: $(TEST_READY) ## measure the servers side by side and write docs/performance.md; QUICK=1 for a short look
	@exec $(BIN)/python -m tests.bench $(if $(filter 1,$(QUICK)),--quick)

chaos: $(TEST_READY) ## break it under load in every way and write docs/reliability.md; ONLY=slow_clients for one part
	@exec $(BIN)/python -m tests.bench.faults $(if $(ONLY),--only $(ONLY))

image: ## build the container images gluonserve:full, gluonserve:slim and gluonserve:cluster
	docker build --target full --tag gluonserve:full .
	docker build --target cluster --tag gluonserve:cluster .
	docker build --target slim --tag gluonserve:slim .

lock: $(BIN)/python ## renew the lock files after a change of dependencies; UPGRADE=1 takes the newest versions
	@echo "Installing the developers' tools ..."
	@$(BIN)/python -m pip install --quiet --quiet --editable '.[dev]'
	@echo "Locking ..."
	@$(call lock,test,-test)
	@$(call lock,postgres --extra s3,,--constraint deploy/requirements-test.lock)
	@$(call lock,cluster,-cluster,--constraint deploy/requirements-test.lock)
	@$(call lock,demo,-demo,--constraint deploy/requirements-test.lock)
	@# For the slim image: boosters beside it, whose shared objects execute trees that are too large for a table.
	@printf '%s\n' 'setuptools>=77' lightgbm xgboost-cpu | $(compile) setup.cfg - --extra postgres \
		--extra s3 --excludes deploy/image/left-out-of-slim.txt --output-file deploy/requirements-slim.lock \
		--constraint deploy/requirements-test.lock
	@# For the images, which write the list of their own packages.
	@echo cyclonedx-bom | $(compile) - --output-file deploy/requirements-sbom.lock --constraint deploy/requirements-test.lock

# $(call lock,EXTRA,SUFFIX,OPTIONS): setuptools is locked too, it installs the project itself.
lock = echo 'setuptools>=77' | $(compile) setup.cfg - --extra $(1) --output-file deploy/requirements$(2).lock $(3)
compile = $(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) --universal --python-version 3.10 --generate-hashes --quiet \
	--no-emit-index-url --no-emit-find-links --annotation-style line --custom-compile-command 'make lock'

$(RUNTIME_READY): deploy/requirements.lock $(PROJECT) $(BIN)/python
	@$(install)

$(DEMO_READY): deploy/requirements-demo.lock $(PROJECT) $(BIN)/python
	@$(install)

$(TEST_READY): deploy/requirements-test.lock $(PROJECT) $(BIN)/python
	@$(install)

pip_install = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
define install
echo "Installing $< into $(VENV): about a minute when nothing is cached ..."
$(pip_install) --require-hashes --requirement $<
$(pip_install) --no-deps --no-build-isolation --editable .
touch $@
endef

# ensurepip is missing where Debian's python3-venv is.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.10; do \
		if "$$python" -c 'import ensurepip, ssl, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
			echo "Making $(VENV) with $$("$$python" --version) ..."; \
			exec "$$python" -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "No Python 3.10 to 3.13 with venv was found: install one (on Debian and Ubuntu: python3 and python3-venv) or name it with PYTHON=." >&2; \
	exit 1
