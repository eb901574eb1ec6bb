# Two commands for a fresh machine: `make demo` and `make test`. Each makes a virtual
# environment in .venv first; PYTHON names the interpreter to make it with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What needs no server and no other process.
FAST := values test_vocabulary.py test_names.py test_layout.py test_errors.py test_documents.py \
	test_log.py test_aliases.py test_artifacts.py test_deployments.py test_deployment_rules.py \
	test_saving_models.py test_reading_models.py test_schemas.py test_metrics.py test_bad_input.py \
	test_guard.py test_gc.py test_repairing.py test_datasets.py test_moments.py test_local_paths.py

# What relies on more than other packages document.
NEWEST := tests/s3 tests/backends tests/test_clients.py tests/test_http_server.py tests/rest \
	tests/serving/test_app.py tests/serving/test_hanging_up.py tests/serving/test_server_process.py

.PHONY: demo test test-fast lint check deep coverage bench newest ui ui-check pictures clean

demo: $(VENV)/.user
	$(BIN)/python demo/demo.py

test: lint ui-check check

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n 2 $(addprefix tests/,$(FAST))

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Twice as many workers as two cores: many tests wait for servers, disks and processes.
PARALLEL := -n 4 --dist loadgroup

# A failure beside other tests is printed and tried again alone. If it passes then, the test
# depends on the load of the machine: that is a fault, which has to be found and mended.
check: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) || { \
		echo "=== THESE TESTS FAILED BESIDE OTHERS. Mend those that pass alone: ==="; \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -v; }

# All the work of the longest tests, of which `check` does a part: some hours.
deep: $(VENV)/.dev
	HOPSARTIFACTS_TEST_DEPTH=all $(BIN)/python -m pytest $(PARALLEL)

# As `check`, with a report of the lines that no test runs; this takes half as long again.
coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(PARALLEL)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(VENV)/.dev
	$(BIN)/python -m pytest benchmarks -q -s --timeout 0

# The tests of storage and of HTTP servers with the newest releases of what they are built
# on, whatever the bounds in pyproject.toml say.
newest: .venv-newest/.clients
	PATH="$(CURDIR)/$(BIN):$$PATH" .venv-newest/bin/python -m pytest $(or $(TESTS),$(NEWEST))

# Build the web UI from its sources in ui/ into hopsartifacts/web/assets, which is committed:
# whoever installs the package needs no Node.js. The same sources give the same bytes.
ASSETS := hopsartifacts/web/assets
ui: ui/openapi.json
	$(NPM) run --silent build -- ../$(ASSETS)

# Check the sources of the web UI, and that what is committed was built from them.
ui-check: ui/openapi.json
	$(NPM) run --silent build -- out
	$(NPM) test --silent
	diff -r ui/out $(ASSETS) || { echo "build the web UI again: make ui"; exit 1; }

NPM = cd ui && PATH="$(CURDIR)/$(BIN):$$PATH" npm
ui/openapi.json: FORCE ui/node_modules/.package-lock.json
	$(BIN)/python ui/schema.py > $@

# Take the pictures of the web UI in docs/ui.
pictures: ui
	$(BIN)/python -m tests.web.pictures

ui/node_modules/.package-lock.json: ui/package-lock.json | $(VENV)/.dev
	$(NPM) ci --no-audit --no-fund --silent
	touch $@

clean:
	# What is sealed is read-only, also for rm.
	if [ -d demo-project ]; then chmod -R u+w demo-project && rm -rf demo-project; fi
	rm -rf $(VENV) .venv-newest .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis ui/node_modules ui/out

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.user: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[cli,serving,sklearn]"
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --group dev --editable ".[catalog,cli,grpc,s3,server,serving,sklearn,testing,ui]"
	touch $@

.venv-newest/.clients: FORCE
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-newest/bin/python -m pip install --quiet --group test --group s3 --group backends --editable ".[catalog,cli,grpc,s3,server,serving,sklearn,testing,ui]"
	.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager s3fs gcsfs adlfs paramiko hdfs-native \
		uvicorn starlette httptools aiohttp
	.venv-newest/bin/python -m pip list \
		| grep -E "s3fs|botocore|gcsfs|adlfs|azure-storage|paramiko|hdfs|fsspec|uvicorn|starlette|httptools|aiohttp"

FORCE:
