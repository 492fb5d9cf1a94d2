# Targets install what they require: uv into .tools/, the locked dependencies into .venv/.
UV := $(or $(shell command -v uv),.tools/bin/uv)
UV_VERSION := 0.13.9
WORKERS ?= auto
LANGUAGES ?= node go python

.PHONY: demo test bench locks
demo: export DEMO_STARTED := $(shell date +%s)
demo: $(UV) ## Emit a service with the default answers, build it, start it, show its health
	@$(UV) run --quiet --locked scripts/demo

test: $(UV) ## Run all tests; REQUIRE=docker,cluster,node,go lets tests fail if one of these is missing
	@$(UV) run --quiet --locked pytest --numprocesses $(WORKERS) $(PYTEST_OPTIONS)

bench: $(UV) ## Measure images, builds, starts and throughput; LANGUAGES=go measures one language
	@$(UV) run --quiet --locked benchmarks/run $(LANGUAGES)

locks: $(UV) ## Refresh the seeded lock files of every language
	@$(UV) run --quiet --locked hooks/refresh-locks

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
