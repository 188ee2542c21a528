# Each target sets up what it needs in a folder of its own; nothing goes into the system's Python.
# Another interpreter: make test PYTHON=python3.12 (its environment is then .venv-3.12).

.PHONY: help demo test test-slicer lint bench mutate cmake-lists clean
.DEFAULT_GOAL := help

ifndef PYTHON
  PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
  VENV ?= .venv
endif
ifndef VENV
  VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif

PEER_VENV := .venv-dicompyler
DEMO ?= demo
SETUP := sh Testing/Tools/environment.sh
TOOLS := pyproject.toml Testing/Tools/environment.sh

help:
	@echo "make demo    the whole job on a digital patient: report, dose map, pictures in $(DEMO)/"
	@echo "make test    all tests"
	@echo "make test-slicer SLICER=/path/to/Slicer    the panel's tests inside 3D Slicer"
	@echo "make lint    style, types, architecture"
	@echo "make mutate  change the library, one number at a time, and see whether a test notices"
	@echo "make bench   speed and memory against named peers, one table"
	@echo "make clean   remove environments and caches (results stay)"

# Results are never overwritten: a second run takes demo-2, and so on.
demo: $(VENV)/.has-library
	@out=$(DEMO); n=1; while [ -e "$$out" ]; do n=$$((n + 1)); out=$(DEMO)-$$n; done; \
	$(VENV)/bin/y90 demo --out "$$out"

test: $(VENV)/.has-tests
	$(VENV)/bin/python Testing/Tools/run_tests.py $(PYTEST_ARGS)

# Inside the application, in its own Python; on Linux without a screen in Xvfb. Once with its window, once without.
SLICER_TESTS := import slicer.testing as t; t.runUnitTest(['$(CURDIR)/Testing/Slicer'], 'test_application'); t.exitSuccess()
SLICER_RUN = $(if $(filter-out Linux,$(shell uname))$(DISPLAY),,xvfb-run -a -s "-screen 0 1920x1080x24") \
  env Y90_SLICER="$(SLICER)" "$(SLICER)" --no-splash --testing --additional-module-paths "$(CURDIR)/Y90Dosimetry"

test-slicer:
	@[ -n "$(SLICER)" ] || { echo "Say where Slicer is: make test-slicer SLICER=/path/to/Slicer"; exit 2; }
	$(SLICER_RUN) --python-code "$(SLICER_TESTS)"
	$(SLICER_RUN) --no-main-window --python-code "$(SLICER_TESTS)"

lint: $(VENV)/.has-linters
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q Testing/Library/test_architecture.py Testing/Library/test_cmake.py

bench: $(VENV)/.has-library
	@command -v plastimatch >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	{ echo "Installing plastimatch (Debian) as a peer"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends plastimatch >/dev/null; } || \
	echo "plastimatch can't be installed: its rows are skipped"
	@[ -e $(PEER_VENV)/.has-peer ] || \
	{ $(SETUP) "$(PYTHON)" $(PEER_VENV) "dicompyler-core==0.5.6" "pydicom<3" && touch $(PEER_VENV)/.has-peer; } || \
	echo "dicompyler-core can't be installed: its rows are skipped"
	@if [ -e $(PEER_VENV)/.has-peer ]; then export Y90_DICOMPYLER_PYTHON="$(CURDIR)/$(PEER_VENV)/bin/python"; fi; \
	$(VENV)/bin/python Testing/Bench/run.py $(BENCH_ARGS)

# Changes every number, comparison and severity of the rules, then numbers, comparisons, `and` and `or` of the
# library, one at a time: an hour. MUTATE_ARGS="--sample 20 quantities" takes less.
mutate: $(VENV)/.has-tests
	$(VENV)/bin/python Testing/Mutation/perturb_rules.py
	$(VENV)/bin/python Testing/Mutation/mutate.py $(MUTATE_ARGS)

cmake-lists:
	@$(or $(PYTHON),python3) Testing/Tools/cmake_lists.py

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, filled in steps (each step needs the one before it, so that `make -j` is safe).
$(VENV)/.has-library: $(TOOLS)
	@$(SETUP) "$(PYTHON)" "$(VENV)" --editable .
	@touch $@

# The wheels of Slicer's core and of Qt are not there for every system: without them their tests skip.
$(VENV)/.has-tests: $(VENV)/.has-library Testing/Tools/graphics.sh Testing/Tools/orthanc.sh
	@sh Testing/Tools/graphics.sh
	@sh Testing/Tools/orthanc.sh $(VENV)/orthanc
	@$(SETUP) "$(PYTHON)" "$(VENV)" --editable ".[test,scene]" || \
	{ echo "Without Slicer's core or Qt: the tests of the module are skipped"; \
	  $(SETUP) "$(PYTHON)" "$(VENV)" --editable ".[test]"; }
	@touch $@

$(VENV)/.has-linters: $(VENV)/.has-tests
	@$(SETUP) "$(PYTHON)" "$(VENV)" --editable ".[lint]"
	@touch $@
