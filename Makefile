# Two commands are all a newcomer needs: `make run` and `make test`. Each prepares what it needs, once.
.PHONY: help setup run test test-fast test-ray soak lint bench firmware

help:
	@echo "make run         the demo site: two stations, simulated cars, a central system (ARGS=... for its options)"
	@echo "make test        every test, ruff and mypy"
	@echo "make test-fast   the tests without the slow ones"
	@echo "make test-ray    the tests of the extra ray: a fleet in shards (its own .venv-ray)"
	@echo "make soak        the checks of reliability in their long form: minutes to hours (ARGS=tests/world/...)"
	@echo "make lint        ruff and mypy alone"
	@echo "make bench       the measuring programs and their table (ARGS=--quick, --json)"
	@echo "make firmware    signed firmware images of every product release, in dist/firmware"
	@echo "make setup       .venv with everything, and the peers the tests talk to"

setup:
	@tools/setup python peers pages

run:
	@tools/setup python pages
	@.venv/bin/chargepost run $(ARGS)

test:
	@tools/setup python peers pages browser
	@.venv/bin/python -m pytest $(ARGS)

test-fast:
	@tools/setup python peers pages
	@.venv/bin/python -m pytest -m "not slow" $(ARGS)

test-ray:
	@tools/setup ray
	@.venv-ray/bin/python -m pytest -m ray -n 0 $(ARGS)

SOAKED = $(shell grep -rl --include='test_*.py' 'from tests.soak import' tests)

soak:
	@tools/setup python peers pages browser
	@CHARGEPOST_SOAK=1 .venv/bin/python -m pytest -o faulthandler_timeout=0 $(or $(ARGS),$(SOAKED))

lint:
	@tools/setup python
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

bench:
	@tools/setup python peers
	@.venv/bin/python bench $(ARGS)

firmware:
	@tools/setup python
	@.venv/bin/python tools/firmware $(ARGS)
