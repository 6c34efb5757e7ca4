# `make run` and `make test` set up all they need by themselves, once, and then start.

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt
ARGS ?=
EXTRAS := video$(shell command -v nvidia-smi >/dev/null 2>&1 && echo ,cuda)

help:  ## what can be made (this list)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/for-run  ## set up, then open the demo scene; ARGS="path/to/model" opens yours
	$(BIN)/python main.py $(ARGS)

test: $(VENV)/for-test  ## set up, then check style, types, layers and behaviour
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

demo: $(VENV)/for-run  ## write the demo scene of assets/ again
	$(BIN)/python assets/make_demo.py

pictures: $(VENV)/for-run  ## draw the README's pictures again
	sh assets/make_pictures.sh $(BIN)/python

keys: $(VENV)/for-test  ## write the README's table of keys again
	$(BIN)/python -m tests.test_setup

families: $(VENV)/for-test  ## write the README's table of formats again, from test results
	$(BIN)/python -m tests.families

clean:  ## remove the virtual environment, caches and what runs left in out/
	rm -rf $(VENV) out build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says that the environment holds what pyproject.toml asks for.
$(VENV)/for-run: pyproject.toml constraints.txt | packages-for-run
	@sh .ci/venv $(VENV)
	$(INSTALL) -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/for-test: pyproject.toml constraints.txt | packages-for-test
	@sh .ci/venv $(VENV)
	$(INSTALL) -e '.[test]'
	@touch $@

# Looked at every time: it takes a moment, and a stamp would not notice a package that went away.
packages-for-run:
	@sh .ci/packages run

packages-for-test: packages-for-run
	@sh .ci/packages test

.DEFAULT_GOAL := help
.PHONY: help run test demo pictures keys families clean packages-for-run packages-for-test
