# make reproduce: environment, then the whole comparison. make test: the tests.
VENV ?= .venv
PYTHON ?= python3
JOBS ?= 2
PORT ?= 5000

export PATH := $(abspath $(VENV))/bin:$(PATH)
# Writing no bytecode would make every stage compile its imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help env reproduce test check readme ui bench load audit lock

help:
	@echo "make reproduce [JOBS=2]  install, then rebuild the comparison table"
	@echo "make test [JOBS=2]       install, then run the tests"
	@echo "make check               formatting, lint and types"
	@echo "make readme              the tables of the README, after a new comparison"
	@echo "make ui [PORT=5000]      the trainings in the MLflow UI"
	@echo "make bench [NAMES=steps] time and memory beside what people would use instead;"
	@echo "     [REPRODUCE=s]       the seconds that 'make reproduce' took"
	@echo "make load                the served champion under 8 clients for a minute"
	@echo "make audit               known weaknesses of the pinned packages (needs uv, and PyPI)"
	@echo "make lock                pin the dependencies of pyproject.toml anew (needs uv)"

env: $(VENV)/installed

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	if command -v uv >/dev/null; \
	then uv pip install --compile-bytecode --python $(VENV)/bin/python --require-hashes -r requirements.txt; \
	else python -m pip install --require-hashes -r requirements.txt; fi
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

reproduce: env
	rnnbench check
	dvc repro preprocess
	dvc stage list --name-only train | xargs -P $(JOBS) -n 1 dvc --wait-for-lock repro --quiet --single-item
	dvc repro
	@echo "The table is in metrics/comparison.md; 'make ui' shows every training."

# A file's tests share what is dear to make, so they stay in one process.
test: env
	python -m pytest -n $(JOBS) --dist loadfile

check: env
	ruff format --check src tests benchmarks
	ruff check src tests benchmarks
	mypy

readme: env
	python -m rnnbench.report.readme

ui: env
	rnnbench ui --port $(PORT)

bench: env
	python -m benchmarks $(NAMES) $(if $(REPRODUCE),--reproduce $(REPRODUCE))

load: env
	python benchmarks/serving.py --clients 8 --seconds 60

audit:
	uvx pip-audit --requirement requirements.txt --disable-pip --require-hashes

lock:
	uv pip compile pyproject.toml --quiet --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--output-file requirements.txt
