# make train   set everything up, train on the built-in animals, print the result
# make test    set everything up, pass all tests but a few, notebooks included; make test-long: these few, of minutes
# make lint    ruff over library, tests and notebooks; import-linter over the packages
# make lab     JupyterLab in notebooks/
# make docs    the documentation site, into docs/_build; make docs-serve shows it on http://localhost:8000
# make bench   speed side by side with peers, written to benchmarks/README.md
#
# Needed: Python 3.11 or newer and make. Arguments for papermill: make train ARGS="-p lr 1e-4"
# Without a GPU, a smaller torch: make setup TORCH="torch torchvision --index-url ADDRESS", the address of its CPU wheels
# as pytorch.org tells it.

VENV ?= .venv
ARGS ?=
TESTS ?=
MARK ?= not long
TORCH ?=
# In a terminal pip shows what it fetches, with a bar and the time left; a log stays short.
QUIET := $(if $(MAKE_TERMOUT),,--quiet)
# The first Python that is new enough; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
# Tests that start jobs, kernels and browsers mostly wait: one process more than there are processors, four at most.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup train test test-long lint lab docs docs-serve bench clean
.DELETE_ON_ERROR:

setup: $(READY)

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one, or pass PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version), once; this takes a few minutes."
	@$(if $(TORCH),echo "From pip first: $(TORCH)",echo "On Linux torch comes with CUDA: 5 of the 7 GB that this takes. Smaller, without a GPU: see the top of the Makefile.")
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian or Ubuntu, apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install $(QUIET) --upgrade pip
	$(if $(TORCH),$(BIN)/python -m pip install $(QUIET) $(TORCH))
	$(BIN)/python -m pip install $(QUIET) --editable '.[test]' $(if $(TORCH),torch==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("torch"))'))
	@$(BIN)/python -c 'import torchvision' 2>/dev/null || { echo "torchvision does not fit torch: name both in TORCH, from one place (see the top of the Makefile)"; exit 1; }
	@touch $(READY)

# The executed notebook lies in its run folder, whose name follows from the notebook's first cell, which may have been
# edited, and the arguments.
train: $(READY)
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m reid_lib train $(ARGS)

# Files side by side, one thread each: the end-to-end tests mostly wait. TESTS="tests/data/test_split.py -k leak" runs a few.
# Hundreds of processes start: what one has compiled the others read, also where Python is told to write no bytecode;
# tests/without holds what none of them needs to import.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= PYTHONPATH="$(CURDIR)/tests/without$${PYTHONPATH:+:$$PYTHONPATH}" PATH="$(abspath $(BIN)):$$PATH" OMP_NUM_THREADS="$${OMP_NUM_THREADS:-1}" $(BIN)/python -m pytest \
	-n $(WORKERS) --dist loadfile --no-loadscope-reorder -m '$(MARK)' $(TESTS)

test-long:
	@$(MAKE) test MARK=long

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Side by side with wildlife-tools, open-metric-learning and FAISS, which come into a folder of their own.
bench: $(READY) benchmarks/.peers/.ready
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python benchmarks/bench.py $(ARGS)

benchmarks/.peers/.ready: benchmarks/peers.txt
	rm -rf benchmarks/.peers
	$(BIN)/python -m pip install $(QUIET) --no-deps --target benchmarks/.peers --requirement benchmarks/peers.txt
	@touch $@

# Its root is the project, so that runs/ and its reports are in reach. As root, in a container, it would refuse to start;
# its token stays. Of a container: make lab ARGS=--ip=0.0.0.0
lab: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/jupyter lab --notebook-dir=. $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS) notebooks

# A warning is an error. The site needs no server and no network: docs/_build/index.html opens in a browser, too.
docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going docs docs/_build
	@echo "documentation: docs/_build/index.html"

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build 8000

clean:
	rm -rf docs/_build $(VENV) .pytest_cache .ruff_cache *.egg-info
