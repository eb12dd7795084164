# The commands of users, developers and CI; `make` alone lists them.
# Each interpreter gets a virtual environment of its own; stamp files in it record what is installed already.

PYTHON ?= python3
CONFIG ?=
ARGS ?=

VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(patsubst python%,%,$(notdir $(PYTHON))))
BIN := $(VENV)/bin
LOWEST := $(VENV)-lowest

TEST_PARTS := mosquitto mosquitto-clients gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
	prometheus chromium systemd
# Shared libraries that OpenCV's wheels need from the system, on x86 and on ARM; slim images lack them.
OPENCV_LIBRARIES := libgl1 libglib2.0-0 libxcb1
# All packages but the sources, the daemon and the doctor: two minutes. Of the daemon, tests/cli starts the demo.
QUICK_TESTS := tests/core tests/config tests/cli tests/web tests/store tests/offline tests/sinks
# Every direct dependency: the sources read live streams through PyAV. Of the daemon, the demo is enough.
LOWEST_TESTS := $(QUICK_TESTS) tests/sources tests/defs tests/test_schedule.py

INSTALL_PARTS = tools/apt-install $(TEST_PARTS) || \
	echo '!!! Some programs are missing: the tests that need them will be skipped.' >&2

# What depends on PyAV, whose major versions differ between interpreters, and on how processes are started.
NEWER_TESTS := tests/sources tests/offline tests/core/test_pipeline.py tests/test_one_engine.py tests/history/test_query.py \
	$(addprefix tests/daemon/,test_app.py test_camera_worker.py test_history_app.py test_managed_process.py test_start_and_stop.py)

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test test-quick test-core test-newer test-lowest parts check format bench fidelity soak soak-history clean

help: ## Show this help
	@echo 'edgeheat: heat maps of where people move. Type make and one of:'
	@sed -nE 's/^([a-z-]+):.* ## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 15
	@echo 'PYTHON=python3.12 selects the interpreter ($(PYTHON) now, in $(VENV)); 3.11 or newer.'

run: $(VENV)/.opencv ## Start with the built-in demo shop, or with your cameras: make run CONFIG=my.toml
	@exec $(BIN)/edgeheat $(if $(CONFIG),run --config '$(CONFIG)',demo)

test: $(VENV)/.dev $(VENV)/.opencv ## Run all tests with the programs they need; some of them: make test ARGS='-k mqtt'
	@$(INSTALL_PARTS)
	$(BIN)/python -m pytest $(ARGS)

test-quick: $(VENV)/.dev $(VENV)/.opencv ## Run the quick tests: all packages but sources, daemon and doctor
	@$(INSTALL_PARTS)
	$(BIN)/python -m pytest $(QUICK_TESTS) $(ARGS)

test-core: $(VENV)/.dev $(VENV)/.opencv ## Run the tests of the engine
	@$(INSTALL_PARTS)
	$(BIN)/python -m pytest tests/core $(ARGS)

test-newer: $(VENV)/.dev $(VENV)/.opencv ## Run what may differ on another interpreter: decoding, and how processes are started
	@$(INSTALL_PARTS)
	$(BIN)/python -m pytest $(NEWER_TESTS) $(ARGS)

test-lowest: $(LOWEST)/.dev $(VENV)/.opencv ## Run quick tests, sources and schedule with the lowest versions that pyproject.toml allows
	@$(INSTALL_PARTS)
	$(LOWEST)/bin/python -m pytest $(LOWEST_TESTS) $(ARGS)

parts: ## Install the programs that the tests use: broker, RTSP server, Prometheus, browser (apt, as root)
	@tools/apt-install $(TEST_PARTS)

check: $(VENV)/.dev ## Check style, format, types and the direction of imports; quick
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev $(VENV)/.opencv ## Measure cost and speed; prints a table and a JSON line
	$(BIN)/python -m benchmarks $(ARGS)

fidelity: $(VENV)/.dev $(VENV)/.opencv ## Measure how accurate the heat is, compared with other methods; writes docs/fidelity.md
	$(BIN)/python -m benchmarks.fidelity $(ARGS)

soak: $(VENV)/.dev $(VENV)/.opencv ## Start seven cameras on two busy cores and watch whether they stay online; two minutes
	@$(BIN)/python -m benchmarks.soak $(ARGS)

soak-history: $(VENV)/.dev ## Kill a process 500 times while it writes the history; verify that nothing is lost; some minutes
	@$(BIN)/python -m benchmarks.history_kills $(ARGS)

clean: ## Remove everything that make has created, virtual environments included
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo benchmarks/out
	find edgeheat tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# ensurepip writes pip last, so an interrupted environment is created again.
$(BIN)/pip:
	@python=$$(tools/find-python '$(PYTHON)') && \
	{ $$python -c 'import ensurepip' 2>/dev/null || tools/apt-install $(notdir $(PYTHON))-venv; } && \
	echo "Creating $(VENV) with $$python" && \
	$$python -m venv $(VENV)

$(VENV)/.package: pyproject.toml | $(BIN)/pip
	@echo 'Installing edgeheat and its dependencies into $(VENV); the first time takes a minute or two.'
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/pip
	@echo 'Installing edgeheat, its dependencies and the development tools into $(VENV).'
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.package

# Created anew whenever pyproject.toml changes, because uv keeps installed versions that a lowered bound would replace.
$(LOWEST)/.dev: pyproject.toml | $(VENV)/.dev
	@echo 'Installing edgeheat with the lowest allowed versions of its direct dependencies into $(LOWEST).'
	@$(BIN)/python -m venv --clear --without-pip $(LOWEST)
	@$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[dev]'
	@touch $@

$(VENV)/.opencv: $(VENV)/.package
	@$(BIN)/python -c 'import cv2' 2>/dev/null || tools/apt-install $(OPENCV_LIBRARIES)
	@$(BIN)/python -c 'import cv2'
	@touch $@
