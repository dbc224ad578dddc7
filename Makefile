# Export Portal. `make help` says what there is.

PYTHON ?= python3
UV ?= uv

VENV := .venv
BIN := $(VENV)/bin
# Every pinned version is in the lock files, so pip has nothing to resolve.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --prefer-binary --no-deps
COMPILE := $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help demo install test check format lock bench soak clean

help: ## Say what each command does
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo '  PYTHON=python3.13, PORT=9000, PORTAL_DATA_DIR=/path, PYTEST_ARGS="-k word" and SOAK_ARGS="--minutes 1" are understood.'

demo: $(VENV)/.demo-stamp ## Start everything on this machine, with sample data and a mailbox
	@PORTAL_DEMO=1 exec $(BIN)/python -m portal.cli up

install: $(VENV)/.dev-stamp ## Install what development needs into .venv

test: $(VENV)/.dev-stamp ## Run all tests
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

check: $(VENV)/.dev-stamp ## Check format, lint, types and templates; runs no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates

format: $(VENV)/.dev-stamp ## Bring code and templates into our format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djlint --quiet --reformat templates || true # it exits 1 when it changed something

bench: $(VENV)/.dev-stamp ## Run the benchmarks, one after the other
	@for script in $(filter-out benchmarks/soak.py,$(wildcard benchmarks/*.py)); do \
		echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

soak: $(VENV)/.dev-stamp ## Kill processes of a portal at work for 10 minutes, then check every promise
	$(BIN)/python benchmarks/soak.py $(SOAK_ARGS)

lock: ## Pin the dependencies again (LOCK_FLAGS=--upgrade for newer versions; needs uv)
	$(COMPILE) $(LOCK_FLAGS) --all-extras --output-file requirements.lock
	$(COMPILE) $(LOCK_FLAGS) --extra demo --constraints requirements.lock --output-file requirements-demo.lock

clean: ## Remove .venv, caches and build output; the data in var/ stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find portal tests migrations benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The demo runs from the checkout (`python -m`), so it needs the dependencies only, and nothing to build us with.
$(VENV)/.demo-stamp: requirements-demo.lock | $(BIN)/python
	@echo 'Installing what the demo needs into $(VENV) ...'
	@$(PIP_INSTALL) --requirement requirements-demo.lock
	@touch $@

$(VENV)/.dev-stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo 'Installing what development needs into $(VENV) ...'
	@$(PIP_INSTALL) --requirement requirements.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo-stamp

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) was not found; name a Python 3.11 or newer, as in PYTHON=python3.13'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $$($(PYTHON) --version) was found; name another, as in PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
