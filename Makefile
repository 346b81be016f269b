# Makes everything in a virtual environment; nothing needs to be sourced and no ROS be installed.
# Where ROS 2 is installed, use colcon instead: see README.md.

VENV ?= .venv
PYTHON ?=
# Options for the CMake build, such as CMAKE_ARGS=-DSPIKING_ENGINE=OFF
CMAKE_ARGS ?=
# Options for pytest, such as PYTEST_ARGS="-k evt3 -x"
PYTEST_ARGS ?=
# Options for `hybrid_pose demo`
DEMO_ARGS ?=

BIN := $(abspath $(VENV))/bin
STAMPS := $(VENV)/stamps
# A colcon build needs the environment as its ROS prefix. Python must not find the source folder
# before the installed package, which has the messages.
ENV := VIRTUAL_ENV=$(abspath $(VENV)) PATH=$(BIN):$$PATH \
	AMENT_PREFIX_PATH=$(abspath $(VENV)) CMAKE_PREFIX_PATH=$(abspath $(VENV)) PYTHONSAFEPATH=1
unexport PYTHONPATH

REQUIREMENTS := $(addprefix requirements/,run.txt ros.txt build.txt)
# What has to be compiled or configured anew when it changes. Python modules and data files are
# linked into the environment, so that only a new or a lost file asks for another installation.
BUILT := CMakeLists.txt package.xml $(wildcard msg/*.msg src/*.cpp src/*.hpp cmake/*.cmake) \
	$(shell find compat -type f -not -path '*/__pycache__/*')
LINKED := $(shell find hybrid_pose_ros config launch recordings weights scripts -type f \
	-not -path '*/__pycache__/*' -not -name '*.so' 2>/dev/null | LC_ALL=C sort | cksum | cut -d' ' -f1)

ifneq ($(words $(CURDIR)),1)
$(error The folder "$(CURDIR)" has a space in its name, which make and CMake cannot handle; move it)
endif

.DEFAULT_GOAL := help
.PHONY: help build demo test lint clean

help:
	@echo "make build   environment in $(VENV), messages, native engine, package"
	@echo "make demo    build, then replay the bundled recording through the live graph"
	@echo "make test    build, then all tests (PYTEST_ARGS=... is passed on)"
	@echo "make lint    ruff and mypy"
	@echo "make clean   remove $(VENV), out and caches"
	@echo "PYTHON=python3.12 chooses the interpreter (3.11 to 3.13) of a new environment"

build: $(STAMPS)/package-$(LINKED)

demo: build
	@$(BIN)/hybrid_pose demo $(DEMO_ARGS)

test: build $(STAMPS)/test
	@$(ENV) $(BIN)/python scripts/run_tests.py $(PYTEST_ARGS)

lint: build $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) out .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@scripts/make_venv "$(VENV)" "$(PYTHON)"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: $(STAMPS)/venv $(REQUIREMENTS)
	@scripts/install_requirements $(VENV) $(REQUIREMENTS)
	@touch $@

$(STAMPS)/test: $(STAMPS)/run requirements/test.txt
	@scripts/install_requirements $(VENV) requirements/test.txt
	@touch $@

$(STAMPS)/package-$(LINKED): $(STAMPS)/run $(BUILT)
	@$(ENV) scripts/build_package "$(abspath $(VENV))" $(CMAKE_ARGS)
	@rm -f $(STAMPS)/package-* && touch $@
