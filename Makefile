# make reproduce: environment, then the whole comparison. make test: the tests.
VENV ?= .venv
PYTHON ?= python3
JOBS ?= 2
# The address of a Dask scheduler, whose workers train; without one, JOBS processes do.
CLUSTER ?=
PORT ?= 5000

export PATH := $(abspath $(VENV))/bin:$(PATH)
# A copy of the project runs its own code, also if another one is installed in the environment.
export PYTHONPATH := $(abspath src)$(if $(PYTHONPATH),:$(PYTHONPATH))
export RNNBENCH_JOBS := $(JOBS)
export RNNBENCH_CLUSTER := $(CLUSTER)
# Without bytecode every stage would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help doctor env cluster-env dev references quick reproduce test test-full test-references test-bits check readme docs tour ui bench load audit lock vendor

help:
	@echo "make reproduce [JOBS=2]  install, then rebuild the comparison table"
	@echo "    CLUSTER=tls://HEAD:8786  train on the workers of a Dask scheduler, docs/cluster.md"
	@echo "make cluster-env         what is needed for it, without training anything"
	@echo "make quick               install, then a first table, of a slice of the reviews: a minute"
	@echo "make doctor              what stands in the way of it on this machine, before the installation"
	@echo "make test [JOBS=2]       install the development tools, then run the tests"
	@echo "make test-full [JOBS=2]  the same, with the slow tests"
	@echo "make test-references     cells against those of other authors; installs PyTorch"
	@echo "make test-bits [JOBS=2]  trainings under emulated CPUs; needs qemu-user and binutils"
	@echo "make check               formatting, lint and types"
	@echo "make readme              update the README's tables after a new comparison"
	@echo "make docs                docs/params.md and params.schema.json, from the settings"
	@echo "make tour                run docs/tour.ipynb again, whose outputs show the present results"
	@echo "make ui [PORT=5000]      the trainings in the MLflow UI"
	@echo "make bench [NAMES=text]  time and memory, compared with the alternatives;"
	@echo "                         needs idle cores, see benchmarks/results.md"
	@echo "make load                load test: the served champion, 8 clients, one minute"
	@echo "make audit               known vulnerabilities of the pinned packages (needs uv, network)"
	@echo "make vendor              fetch the libraries inside metrics/report.html again (needs network)"
	@echo "make lock                pin the dependencies of pyproject.toml again (needs uv, network)"

doctor:
	@$(PYTHON) src/rnnbench/core/doctor.py

env: $(VENV)/installed

cluster-env: $(VENV)/installed-cluster

dev: $(VENV)/installed-dev

define install
	if command -v uv >/dev/null; \
	then uv pip install --compile-bytecode --python $(VENV)/bin/python --require-hashes -r $(1); \
	else python -m pip install --require-hashes -r $(1); fi
endef

$(VENV)/installed: requirements.txt pyproject.toml | doctor
	$(PYTHON) -m venv $(VENV)
	$(call install,requirements.txt)
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/installed-cluster: $(VENV)/installed requirements-cluster.txt
	$(call install,requirements-cluster.txt)
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(call install,requirements-dev.txt)
	touch $@

reproduce: $(if $(CLUSTER),cluster-env,env)
	rnnbench check
	dvc repro preprocess
	rnnbench train-all
	dvc repro
	@echo "The table is in metrics/comparison.md; 'make ui' shows every training."

quick: env
	rnnbench quick

test: dev
	python -m pytest -n $(JOBS) --dist worksteal

test-full: dev
	python -m pytest -n $(JOBS) --dist worksteal -m "not references"

# An environment of its own: PyTorch must not change what the other tests import.
$(VENV)/references/installed: $(VENV)/installed-dev tests/rnncells/references.txt
	$(PYTHON) -m venv $(VENV)/references
	$(VENV)/bin/python -c "import site; print(*site.getsitepackages())" \
		> $$(echo $(VENV)/references/lib/python3*/site-packages)/rnnbench.pth
	$(VENV)/bin/python -m pip --python $(VENV)/references/bin/python install -r tests/rnncells/references.txt
	touch $@

references: $(VENV)/references/installed

test-references: references
	$(VENV)/references/bin/python -m pytest -m references tests/rnncells

test-bits: dev
	python -m pytest -n $(JOBS) tests/test_bits.py -m ""

check: dev
	ruff format --check src tests benchmarks docs
	ruff check src tests benchmarks docs
	mypy

readme: env
	python -m rnnbench.report.readme

docs: env
	python docs/params.py
	python docs/params_schema.py

tour: dev
	python docs/tour.py

vendor: env
	python -m rnnbench.report.publication.vendor

ui: env
	rnnbench ui --port $(PORT)

bench: dev
	python -m benchmarks $(NAMES)

load: dev
	python -m benchmarks load

audit:
	uvx pip-audit -r requirements.txt -r requirements-dev.txt --disable-pip --require-hashes

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links

lock:
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --extra cluster --constraints requirements.txt \
		--output-file requirements-cluster.txt
	$(LOCK) --group dev --constraints requirements-cluster.txt --output-file requirements-dev.txt
