# Every target makes its own environment in .venv: only Python 3.11 or newer, pip and make are needed.

PYTHON ?= python3
BIN := .venv/bin
# Two stamps: what the program needs, and what working on it needs beside that.
INSTALLED := .venv/.installed
TOOLS := .venv/.tools
WHEEL := build/wheel
# pip talks only when it fails.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOGGED := >.venv/install.log 2>&1 || { cat .venv/install.log; exit 1; }
FUZZ_MINUTES ?= 4
ORACLE ?= ../shared/oracle/oracle
ORACLE_CASES ?= $(wildcard ../shared/oracle/scenarios/*.toml)

.DEFAULT_GOAL := help
.PHONY: help install tools demo test lint pytest bench fuzz fixtures oracle parity manual deb wheel constraints sbom container clean

help:
	@echo 'make demo      a server, 2,000 exchanges, its trace played back: under two minutes'
	@echo 'make test      style, types, contracts and every test'
	@echo 'make lint      style, types and contracts alone'
	@echo 'make bench     measure against ISC dhcpd and Kea where they are installed (root); BUILD=pure: not the compiled build'
	@echo 'make fuzz      look for inputs that break it: FUZZ_MINUTES=4 for all doors (needs atheris)'
	@echo 'make fixtures  record the traces of real clients anew (root)'
	@echo 'make oracle    record ISC dhcpd'"'"'s answers to new scenarios, compare over the public ones (root); ORACLE_ALL=--all: to all'
	@echo 'make parity    ask ISC dhcpd and this parser about random configurations, whole and damaged'
	@echo 'make manual    the pages of the manual in build/man'
	@echo 'make deb       a Debian package in build/deb (debhelper, dh-virtualenv)'
	@echo 'make wheel     the compiled build: the way of a packet made native by mypyc, in build/wheel (a C compiler; minutes)'
	@echo 'make container an image of the server (podman, or CONTAINER=docker)'
	@echo 'make sbom      build/sbom.json: what the package consists of, in CycloneDX'
	@echo 'make constraints  the versions and hashes of all libraries anew, into packaging/constraints.txt'
	@echo 'make clean     remove the environment and the caches'

$(INSTALLED): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@echo 'Installing into .venv ...'
	@$(PIP) --upgrade 'pip>=25.1' $(LOGGED)
	@$(PIP) --editable . $(LOGGED)
	@touch $@

$(TOOLS): $(INSTALLED)
	@echo 'Installing the tools for development ...'
	@$(PIP) --group dev $(LOGGED)
	@touch $@

install: $(INSTALLED)

tools: $(TOOLS)

demo: $(INSTALLED)
	@$(BIN)/python -m dhcpd.replay.demo.demo

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

pytest: $(TOOLS)
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

# The compiled build, or with BUILD=pure the sources as they are. Its modules are found before those of this tree.
BUILD := compiled
ifeq ($(BUILD),compiled)
BENCHED := $(WHEEL)/.built
BENCH_PATH := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(WHEEL)/site:$(CURDIR)
else
BENCHED := $(TOOLS)
endif
bench: $(BENCHED)
	$(BENCH_PATH) $(BIN)/python -m bench $(BENCH_ARGUMENTS)

fuzz: $(TOOLS)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) atheris $(LOGGED)
	@status=0; for door in packet configuration leases trace isc pcap failover omapi dns; do \
	  nice $(BIN)/python -m tests.fuzz.run $$door --seconds $$(( $(FUZZ_MINUTES) * 60 / 9 )) || status=1; done; exit $$status

fixtures: $(TOOLS)
	$(BIN)/python fixtures/record.py $(FIXTURE_ARGUMENTS)

oracle: $(TOOLS)
	@test -x $(ORACLE) || { echo 'no oracle at $(ORACLE): set ORACLE=...'; exit 1; }
	$(BIN)/python tests/scenarios/tools/record.py --oracle $(ORACLE) $(ORACLE_ALL) tests/scenarios/*.toml
	$(BIN)/python tests/scenarios/tools/record.py --oracle $(ORACLE) $(ORACLE_ALL) --into tests/scenarios/public $(ORACLE_CASES)
	$(ORACLE) compare $(ORACLE_CASES) --log --server $(abspath $(BIN)/dhcpd)

parity: $(TOOLS)
	$(BIN)/python -m tests.engine.conf.tools.differential --kind valid $(PARITY_ARGUMENTS)
	$(BIN)/python -m tests.engine.conf.tools.differential --kind damaged $(PARITY_ARGUMENTS)

manual: $(INSTALLED)
	$(BIN)/python packaging/manual/make.py build/man

# The compiled build is made in a copy, whose setup.py is packaging/compiled's: the tree itself stays pure.
wheel: $(WHEEL)/.built
	@ls $(WHEEL)/*.whl

$(WHEEL)/.built: $(TOOLS) pyproject.toml packaging/compiled/setup.py $(wildcard $(shell git ls-files -- '*.py' ':!tests' ':!bench' ':!fixtures'))
	@command -v cc >/dev/null || { echo 'a C compiler is missing: apt-get install gcc python3-dev'; exit 1; }
	rm -rf $(WHEEL)
	mkdir -p $(WHEEL)/source
	git ls-files -z -- dhcpd disk engine replay trace README.md LICENSE pyproject.toml | tar -c --null -T - | tar -x -C $(WHEEL)/source
	cp packaging/compiled/setup.py $(WHEEL)/source
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir $(WHEEL) $(WHEEL)/source
	$(BIN)/python -m zipfile -e $(WHEEL)/*.whl $(WHEEL)/site
	@touch $@

# The package holds the compiled build. It is built in a copy of what git knows (and of what is changed, not yet committed).
DEB := build/deb
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

deb: $(WHEEL)/.built
	@command -v dh_virtualenv >/dev/null || { echo 'dh-virtualenv is missing: apt-get install debhelper dh-virtualenv'; exit 1; }
	rm -rf $(DEB)
	mkdir -p $(DEB)/dhcpd-$(VERSION)
	git ls-files -z --cached --others --exclude-standard -- . ':!tests' ':!fixtures' ':!bench' | tar -c --null -T - | tar -x -C $(DEB)/dhcpd-$(VERSION)
	cp -R packaging/debian $(DEB)/dhcpd-$(VERSION)/debian
	cp $(WHEEL)/*.whl $(DEB)/dhcpd-$(VERSION)/debian
	cp packaging/systemd/dhcpd.* packaging/systemd/dhcpd@.service $(DEB)/dhcpd-$(VERSION)/debian
	cd $(DEB)/dhcpd-$(VERSION) && dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary --no-check-builddeps
	@ls $(DEB)/*.deb

# Tools that only these targets need have an environment of their own.
RELEASE := build/release
$(RELEASE)/.installed:
	@$(PYTHON) -m venv $(RELEASE)
	@$(RELEASE)/bin/pip install --quiet --disable-pip-version-check pip-tools cyclonedx-bom
	@touch $@

constraints: $(RELEASE)/.installed
	CUSTOM_COMPILE_COMMAND='make constraints' $(RELEASE)/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	  --no-emit-index-url --no-emit-find-links --output-file packaging/constraints.txt pyproject.toml

sbom: $(RELEASE)/.installed
	$(RELEASE)/bin/cyclonedx-py requirements packaging/constraints.txt --pyproject pyproject.toml --output-reproducible \
	  --of JSON -o build/sbom.json

# The check of its health is not in OCI's format of images.
CONTAINER ?= podman
container:
	BUILDAH_FORMAT=docker $(CONTAINER) build $(CONTAINER_FLAGS) --file packaging/container/Containerfile --tag dhcpd:$(VERSION) .

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
