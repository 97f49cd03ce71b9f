# make app                 sets up once, then opens the page
# make app PORT=8000       HOST and PORT choose where it listens
# make test                sets up once, then runs the tests
# make test ARGS="-k name" passes arguments on to pytest (or to app.py)
# make setup               only sets up
# make app PYTHON=...      uses the Python you name

# The first of these that truly runs and is 3.10, 3.11 or 3.12.
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.12 python3.11 python3.10 python; do \
	if $$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	>/dev/null 2>&1; then echo $$p; break; fi; done)
endif
# None found: let start.py say what is wrong.
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif

.PHONY: app test setup

app:
	@$(PYTHON) start.py $(ARGS)

test:
	@$(PYTHON) start.py test $(ARGS)

setup:
	@$(PYTHON) start.py setup $(ARGS)
