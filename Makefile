# make run | localstack | test | check | sim | demo | bench | bench-gateway | soak | clean
# make plan | deploy | rollback | destroy STAGE=dev, see docs/operations.md
# make sim SEED=7 | OPERATIONS=1000000 | MINUTES=10, see docs/simulator.md
# make localstack ENDPOINT=ministack|moto|<url> FUNCTIONS=there|here, see docs/localstack.md
# PORT=8443 DATA=.local/data ENGINE=auto|dynoxide|moto|ministack|<url> WORKER=awslambdaric|fast, see README.md

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PINS := requirements.txt requirements-dev.txt constraints.txt
WORKERS ?= auto

export PORT DATA ENGINE WORKER DEPLOYED ENDPOINT FUNCTIONS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SIM := $(if $(SEED),--seed $(SEED)) $(if $(OPERATIONS),--operations $(OPERATIONS)) $(if $(MINUTES),--minutes $(MINUTES))

DEPLOY = --stage "$(STAGE)" $(if $(URL),--url $(URL)) $(if $(ISSUER),--issuer $(ISSUER)) \
	$(if $(ISSUER_DIRECTORY),--issuer-directory $(ISSUER_DIRECTORY)) $(if $(CA),--ca $(CA)) \
	$(if $(FOLDER),--folder $(FOLDER))

.PHONY: run localstack test check sim demo plan deploy rollback destroy bench bench-gateway soak clean
.DEFAULT_GOAL := run

# A signal to make's child reaches the supervisor itself, not a shell in between; and it ends when make is killed.
WITH_MAKE := exec $(RUN) infra/local/child.py $$PPID $(RUN)

run: $(VENV)/ready
	@$(WITH_MAKE) -m infra.local.run

localstack: $(VENV)/ready
	@$(WITH_MAKE) -m infra.local.localstack

test: $(VENV)/ready
	@$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/ready
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(RUN) -m pytest -q tests/law

sim: $(VENV)/ready
	@$(RUN) -m tests.simulator $(SIM)

demo: $(VENV)/ready
	@$(WITH_MAKE) -m infra.local.demo

plan deploy rollback: $(VENV)/ready
	@$(RUN) -m infra.deploy $@ $(DEPLOY)

destroy: $(VENV)/ready
	@$(RUN) -m infra.deploy destroy $(DEPLOY) $(if $(CONFIRM),--confirm $(CONFIRM)) $(if $(GIVE_UP_LEDGER),--give-up-ledger)

bench: $(VENV)/ready
	@$(WITH_MAKE) -m benchmarks

bench-gateway: $(VENV)/ready
	@$(WITH_MAKE) -m benchmarks.gateways

soak: $(VENV)/ready
	@$(WITH_MAKE) -m benchmarks.soak

clean:
	@rm -rf $(VENV) .chalice/deployments .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "kept: .local (data, engine, certificates); remove it by hand"

# Written last, so that an interrupted installation starts again.
$(VENV)/ready: $(PINS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Tollgate needs Python 3.11 or later; choose one with: make PYTHON=python3.11" >&2; exit 1; }
	@echo "installing the pinned packages into $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --quiet --no-deps -r constraints.txt
	@touch $@
