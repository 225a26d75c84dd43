.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(VENV)/bin/

MEMBERS := libs/common services/chat-gateway services/transcripts services/production services/disclosure services/retention deploy/local

.PHONY: help venv lock isolated

##@ Set-up
venv: $(VENV)/.ready ## build the environment from requirements.lock (done by the other targets when needed)

$(VENV)/.ready: requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit("Muniment needs Python 3.11 or later; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && $(RUN)pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(UV) pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps $(addprefix -e ./,$(MEMBERS))
	@touch $@

lock: ## resolve the dependencies anew and write requirements.lock
	@$(UV) lock --upgrade
	@$(UV) export --quiet --all-packages --all-groups --no-emit-workspace --no-annotate --no-header -o requirements.lock

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Checks
.PHONY: trace
trace: venv ## tell which of the obligations the tests show, and write docs/traceability.md
	@$(RUN)python -m muniment.trace

isolated: venv ## each service's tests in an environment that holds its own dependencies only
	@for service in chat-gateway transcripts production disclosure retention; do \
		environment=.muniment/isolated/$$service; package=$$(echo $$service | tr - _); \
		$(UV) venv --quiet --clear $$environment && \
		$(UV) pip install --quiet --python $$environment/bin/python -c requirements.lock -e libs/common -e deploy/local \
			-e services/$$service --group services/$$service/pyproject.toml:test && \
		echo "== $$service" && $$environment/bin/python -m pytest -q --no-header tests/$$package || exit 1; \
	done
