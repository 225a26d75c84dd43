.DEFAULT_GOAL := help
SHELL := /bin/sh
UV_VERSION := 0.13.9
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(VENV)/bin/
MUNIMENT := $(RUN)python -m muniment
# Whole files go to two processes, each with engines of its own: most of a run is waiting for them or for one core.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder
MEMBERS := libs/common services/chat-gateway services/transcripts services/production services/disclosure services/retention deploy/local

# The first Python that is new enough; PYTHON=/path/to/python chooses another.
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done),python3)

# An environment knows where it lies: in a checkout that was moved, or after its Python went, it is made anew.
IGNORED := $(shell test "$$(cat $(VENV)/.ready 2>/dev/null)" = "$(CURDIR)" && test -x $(VENV)/bin/python || rm -f $(VENV)/.ready)

##@ Run it
.PHONY: up down demo engines migrate
up: venv ## start everything and wait until it is ready (ENGINES=kafka: on Apache Kafka and Redis)
	@$(MUNIMENT) up --engines "$(ENGINES)"

down: venv ## stop everything; the data stay
	@$(MUNIMENT) down

demo: venv ## send a real conversation through all five services, and show what each holds then
	@$(MUNIMENT) demo

engines: venv ## start PostgreSQL, Apache Kafka and Redis alone (`make down` stops them)
	@$(MUNIMENT) engines start

migrate: venv ## bring the five databases to their newest version (`make up` does so too)
	@$(MUNIMENT) migrate

##@ Check it
.PHONY: test check types isolated bench load compare trace schemas
test: venv ## run the tests; s=disclosure: those of one service
	@$(RUN)python -m pytest -q $(SPREAD) $(if $(s),tests/$(subst -,_,$(s)))

check: venv ## formatting, lint, types, the walls between packages, generated files
	@$(RUN)ruff format --check --quiet . || { echo "make check: run \`$(RUN)ruff format .\`" >&2; exit 1; }
	@$(RUN)ruff check --quiet .
	@$(MAKE) --no-print-directory types
	@$(RUN)lint-imports
	@$(MUNIMENT) schemas --check

types: venv ## strict types of everything, tests included
	@$(RUN)mypy $(addsuffix /src,$(MEMBERS)) tests

# It starts there, and its unit tests pass; what else it does is shown by the whole suite, and needs no sibling either:
# import-linter and tests/architecture/test_boundaries.py read every import, those inside functions too.
isolated: venv ## each service by itself, in an environment that holds its own dependencies only
	@for service in chat-gateway transcripts production disclosure retention; do \
		environment=.muniment/isolated/$$service; package=$$(echo $$service | tr - _); \
		$(UV) venv --quiet --clear $$environment && \
		$(UV) pip install --quiet --python $$environment/bin/python -c requirements.lock -e libs/common -e deploy/local \
			-e services/$$service --group services/$$service/pyproject.toml:test && \
		echo "== $$service" && $$environment/bin/python -m pytest -q --no-header tests/isolated/alone.py tests/$$package/unit || exit 1; \
	done

bench: venv ## measure throughput and latency against the ceilings of this machine
	@$(MUNIMENT) bench

load: venv ## put load on the gateway and write docs/load.md; p="idle length": those parts (idle active replicas sessions length)
	@$(MUNIMENT) load $(p)

compare: venv ## the same work on Matrix Synapse (AGPL; installed for it into a temporary folder), for docs/load.md
	@$(MUNIMENT) load synapse

trace: venv ## tell which of the obligations the tests show, and write docs/traceability.md
	@$(RUN)python -m muniment.trace

schemas: venv ## write the files that are generated from the contracts and topics.yaml
	@$(MUNIMENT) schemas

##@ Set it up
.PHONY: venv lock help
venv: $(VENV)/.ready ## build the environment from requirements.lock (the others do so when needed)

$(VENV)/.ready: requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Muniment needs Python 3.11 or later, and there is no $(PYTHON) here: install Python, or name one with PYTHON=/path/to/python." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Muniment needs Python 3.11 or later, and $(PYTHON) is $$("$(PYTHON)" -V 2>&1): install a newer one, or name it with PYTHON=/path/to/python." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make environments: install its venv module (on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@$(UV) --version >/dev/null 2>&1 && $(RUN)python -c '' 2>/dev/null || { rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV) \
		&& $(RUN)python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); } || { \
		echo "The environment could not be begun in $(VENV): make room or make it writable, and see that the package index can be reached." >&2; exit 1; }
	@{ $(UV) pip install --quiet --compile-bytecode --python $(VENV)/bin/python --require-hashes -r requirements.lock \
		&& $(UV) pip install --quiet --python $(VENV)/bin/python --no-deps $(addprefix -e ./,$(MEMBERS)); } || { \
		echo "The packages of requirements.lock could not be installed; what is above says why." >&2; exit 1; }
	@echo "$(CURDIR)" > $@

lock: ## resolve the dependencies anew and write requirements.lock
	@$(UV) lock --upgrade
	@$(UV) export --quiet --all-packages --all-groups --no-emit-workspace --no-annotate --no-header -o requirements.lock

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run it in containers
.PHONY: secrets
secrets: venv ## write .env for docker-compose.yml, with new passwords (DEVELOPMENT=1: trust this machine's own issuer)
	@$(MUNIMENT) secrets $(if $(DEVELOPMENT),--development)
