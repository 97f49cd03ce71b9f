# make app                 sets up once, then opens the page
# make app PORT=8000       HOST and PORT choose where it listens
# make test                sets up once, then runs the tests
# make test ARGS="-k name" passes arguments on to pytest (or to app.py)
# make test-fixtures       those that compare with files in ../shared, beside this folder
# make test-all            all of them, the slow ones too
# make test-lowest         with the oldest Python and the lowest versions of the packages
# make setup               only sets up
# make wasm                compiles engine/generator.c with a compiler of the package index
# make app PYTHON=...      uses the Python you name

# The first that runs; start.py looks for another where it is too old.
PYTHON ?= $(shell for p in python3 python; do $$p -c "" >/dev/null 2>&1 && echo $$p && exit; done; echo python3)

.PHONY: app test test-fixtures test-all test-lowest setup wasm

app:
	@$(PYTHON) start.py $(ARGS)

test:
	@$(PYTHON) start.py test $(ARGS)

test-fixtures:
	@$(PYTHON) start.py test -m shared $(ARGS)

test-all:
	@$(PYTHON) start.py test -m "" $(ARGS)

test-lowest:
	@$(PYTHON) -m tests.lowest $(ARGS)

setup:
	@$(PYTHON) start.py setup $(ARGS)

wasm:
	@$(PYTHON) -m engine.build $(ARGS)
