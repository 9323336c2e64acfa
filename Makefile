# make demo   crawl the sample newsroom on this machine and look at the result
# make test   lint, types, layers and tests
# make player what scrapy replay needs: ReplayWeb.page, fetched once
# make fuzz   every parser, for ten minutes
# make audit  the bill of materials of our dependencies, and their known faults
# make peers  other people's programs that judge our files, for those tests that ask them
.PHONY: demo test fuzz audit peers player lint lock docs clean

PYTHON ?= python3
BIN := .venv/bin

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Broadsheet needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/ready
	@$(BIN)/python -m tests.newsroom.demo

test: lint
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# the same inputs for the same seed: make fuzz MINUTES=10 SEED=1
fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

audit: .cache/audit/ready
	mkdir -p build
	.cache/audit/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	.cache/audit/bin/python tests/audit.py requirements.lock

.cache/audit/ready: tests/audit.txt
	$(PYTHON) -m venv .cache/audit
	.cache/audit/bin/python -m pip install --quiet --disable-pip-version-check -r tests/audit.txt
	touch $@

peers: .cache/peers/ready .cache/pywb/ready

.cache/peers/ready: tests/peers.txt
	$(PYTHON) -m venv .cache/peers
	.cache/peers/bin/python -m pip install --quiet --disable-pip-version-check -r tests/peers.txt
	touch $@

.cache/pywb/ready: tests/pywb.txt
	$(PYTHON) -m venv .cache/pywb
	.cache/pywb/bin/python -m pip install --quiet --disable-pip-version-check -r tests/pywb.txt
	touch $@

# the player that scrapy replay serves: fetched once with npm, its checksum looked at
player: .venv/ready
	$(BIN)/scrapy replay --fetch-player

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# needs uv; writes versions and hashes alone, never an index address
lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

docs: .venv/ready
	$(BIN)/python -m archive.schema_page > docs/schema.md
	$(BIN)/python -m tests.newsroom.hostile --page > docs/hostile.md

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
