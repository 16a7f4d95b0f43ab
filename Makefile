# Everything runs in .venv, made on first use; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The tests start Python hundreds of times: what it compiles is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# Python compiles what is imported; to compile all that is installed would take a minute.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
	-c constraints.txt
# A test waits for a third of its time, so one more of them than there are cores.
WORKERS := $(shell expr $$(nproc) + 1)
TESTS := -m pytest -n $(WORKERS) --dist loadgroup --durations=15
# One thread of PyTorch for each worker: threads that wait for each other cost a third more.
ALONE := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help serve install test check check-types check-others format bench bench-peers screenshot constraints clean

help:  ## Show these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

serve: $(VENV)/.serving  ## Serve the shipped models, with the page, on http://127.0.0.1:8000
	$(BIN)/booth serve

install: $(VENV)/.developing  ## Install everything that developing needs

test: $(VENV)/.developing  ## Run all tests; with COVERAGE=1, fail where they leave too many branches out
ifdef COVERAGE
	rm -f .coverage*
	$(ALONE) $(BIN)/coverage run $(TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(ALONE) $(BIN)/python $(TESTS)
endif

check: $(VENV)/.developing  ## Lint, types, who may import whom, known vulnerabilities, wheels for each platform, a list of all packages
	$(MAKE) --no-print-directory --jobs=2 check-types check-others

check-types:
	$(BIN)/mypy

check-others:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.audit
	$(BIN)/python -m deploy.platforms
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --no-validate --pyproject pyproject.toml \
		--output-file build/booth.cdx.json $(BIN)/python

format: $(VENV)/.developing  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.developing  ## Measure Booth beside the machine's ceiling and a plain endpoint, in under 5 minutes
	$(BIN)/python -m benchmarks

bench-peers: $(VENV)/.developing  ## The same with other servers, each in an environment of its own, and ResNet-50
	$(BIN)/python -m benchmarks --peers --resnet

screenshot: $(VENV)/.developing  ## Take the README's picture of the page that `make serve` shows
	$(BIN)/python -m demo.screenshot

constraints: $(VENV)/.developing  ## Pin what is installed now, after a change of dependencies
	echo '# What `make` installs. The ranges that Booth works with stand in pyproject.toml.' > constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' >> constraints.txt

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .*_cache .coverage* build

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Booth needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serving: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[demo,fast,heic,openvino]'
	@touch $@

$(VENV)/.developing: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[demo,dev,train]'
	@touch $@ $(VENV)/.serving
