# What a newcomer, a developer and CI type; `make` alone explains it.
# The virtual environment is made once for each interpreter; the stamp files in it let a second call start at once.

PYTHON ?= python3
CONFIG ?=
ARGS ?=

VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(patsubst python%,%,$(notdir $(PYTHON))))
BIN := $(VENV)/bin
TEST_PARTS := mosquitto mosquitto-clients gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
	prometheus chromium systemd

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test parts check format bench fidelity clean

help: ## Show this help
	@echo 'edgeheat: heat maps of where people move. Type make and one of:'
	@sed -nE 's/^([a-z]+):.* ## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
	@echo 'PYTHON=python3.12 chooses the interpreter ($(PYTHON) now, in $(VENV)); 3.11 or newer.'

run: $(VENV)/.opencv ## Start on the built-in shop, or on your cameras: make run CONFIG=my.toml
	@exec $(BIN)/edgeheat $(if $(CONFIG),run --config '$(CONFIG)',demo)

test: $(VENV)/.dev $(VENV)/.opencv ## Run all tests, with the real parts they need; some of them: make test ARGS='-k mqtt'
	@tools/apt-install $(TEST_PARTS) || \
		echo '!!! Some real parts are missing: the tests that need them will be skipped.' >&2
	$(BIN)/python -m pytest $(ARGS)

parts: ## Install the real parts that the tests talk to: broker, RTSP server, Prometheus, browser (apt, as root)
	@tools/apt-install $(TEST_PARTS)

check: $(VENV)/.dev ## Lint, format, types and the direction of the imports; quick
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(VENV)/.dev ## Put the code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev $(VENV)/.opencv ## Measure cost and speed; prints a table and a JSON line
	$(BIN)/python -m benchmarks $(ARGS)

fidelity: $(VENV)/.dev $(VENV)/.opencv ## Measure how true the heat is, beside other ways; writes docs/fidelity.md
	$(BIN)/python -m benchmarks.fidelity $(ARGS)

clean: ## Remove all that make has made, the virtual environments included
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo benchmarks/out
	find edgeheat tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# ensurepip writes pip last, so an interrupted environment is made again.
$(BIN)/pip:
	@python=$$(tools/find-python '$(PYTHON)') && \
	{ $$python -c 'import ensurepip' 2>/dev/null || tools/apt-install $(notdir $(PYTHON))-venv; } && \
	echo "Making $(VENV) with $$python" && \
	$$python -m venv $(VENV)

$(VENV)/.package: pyproject.toml | $(BIN)/pip
	@echo 'Installing edgeheat and what it needs into $(VENV); the first time takes a minute or two.'
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/pip
	@echo 'Installing edgeheat and the tools of its development into $(VENV).'
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.package

# On x86, OpenCV's wheel needs two libraries that slim images leave out.
$(VENV)/.opencv: $(VENV)/.package
	@$(BIN)/python -c 'import cv2' 2>/dev/null || tools/apt-install libgl1 libglib2.0-0
	@$(BIN)/python -c 'import cv2'
	@touch $@
