# The targets install what they need into VENV, once; a second run starts at once.
# ARGS goes to the program a target runs: make test ARGS="-k cosine", make parity ARGS="--help".

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
WORKERS ?= 2
ARGS ?=

IN_VENV := $(VENV)/bin/python
# One stamp per set of extras. dev contains test, and that all that is needed to use the rest.
INSTALLED := $(VENV)/.installed-
CONTAINED_parity := parity
CONTAINED_hugging-face := hugging-face parity
CONTAINED_examples := examples parity
CONTAINED_bench := bench parity
CONTAINED_race := race bench parity
CONTAINED_devices := devices parity
CONTAINED_test := test examples hugging-face bench parity
CONTAINED_dev := dev $(CONTAINED_test)
CONTAINED_browser := browser $(CONTAINED_test)
CONTAINED_mutants := mutants $(CONTAINED_test)
CONTAINED_site := site hugging-face parity

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:  # one pip at a time
.PHONY: help parity devices selftest test test-long browser-test mutants third-party peers dist bench accelerator docs site vectors lint format clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "  %-16s %s\n", $$1, $$2 }'

parity: $(INSTALLED)hugging-face ## run PyTorch beside every schedule; the report goes to parity-report/
	@$(IN_VENV) -m parity run $(ARGS)

devices: $(INSTALLED)hugging-face $(INSTALLED)devices ## the bits of every schedule on a TPU and a GPU, without one; x86-64 Linux
	@$(IN_VENV) -m parity devices $(ARGS)

selftest: $(INSTALLED)hugging-face ## put defects in; parity must find and name each
	@$(IN_VENV) -m parity selftest

test: $(INSTALLED)test ## run the tests and the doctests
	@$(IN_VENV) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-long: $(INSTALLED)test ## the same with the slow tests and many more random examples
	@HYPOTHESIS_PROFILE=long $(IN_VENV) -m pytest -n $(WORKERS) --dist worksteal -m "slow or not slow" $(ARGS)

browser-test: $(INSTALLED)browser site ## the report page and the site in a browser, by keyboard alone; installs Chromium if there is none
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || $(IN_VENV) -m playwright install --with-deps chromium
	@$(IN_VENV) -m pytest -q tests/report/test_browser.py tests/report/test_page.py $(ARGS)

mutants: $(INSTALLED)mutants ## break lines on purpose, one at a time; an hour or two; writes docs/mutants.md
	@PATH="$(abspath $(VENV))/bin:$$PATH" $(IN_VENV) tests/mutation $(ARGS)

third-party: ## schedulers of other libraries, live; in a .venv-third-party; writes docs/third-party.md
	@$(MAKE) --no-print-directory VENV=.venv-third-party .venv-third-party/.installed-test
	@.venv-third-party/bin/python -m pip install -qq --disable-pip-version-check --no-deps -r tests/third_party/requirements.txt
	@.venv-third-party/bin/python -m pytest -q tests/third_party $(ARGS)
	@.venv-third-party/bin/python tests/third_party

peers: ## who else has these schedulers, and how far each is; in a .venv-peers; writes docs/peers.md
	@$(MAKE) --no-print-directory VENV=.venv-peers .venv-peers/.installed-hugging-face .venv-peers/.installed-race
	@.venv-peers/bin/python -m parity peers --page docs/peers.md $(ARGS)

dist: ## build dist/; the sdist builds the wheel, which passes tests in an empty folder; ARGS=tests for all
	@PYTHON=$(PYTHON) CONSTRAINTS=$(CONSTRAINTS) .ci/dist $(ARGS)

accelerator: $(INSTALLED)examples $(INSTALLED)bench ## on the default device: parity, the examples, what a schedule costs in an update
	@$(IN_VENV) -m benchmarks.accelerator $(ARGS)

bench: $(INSTALLED)race ## measure against Optax, braintools and PyTorch; five minutes; writes docs/benchmarks.md
	@$(IN_VENV) -m benchmarks --page docs $(ARGS)

docs: $(INSTALLED)hugging-face $(INSTALLED)devices ## write the pages of docs/ that come from a run
	@$(IN_VENV) -m parity run && cp parity-report/report.md parity-report/training.png docs/
	@$(IN_VENV) -m parity deviations > docs/deviations.md.new && mv docs/deviations.md.new docs/deviations.md
	@$(IN_VENV) -m parity optimizers > docs/optimizers-report.md.new && mv docs/optimizers-report.md.new docs/optimizers-report.md
	@$(IN_VENV) -m parity devices && cp parity-report/report.md docs/devices-report.md
	@$(IN_VENV) -m benchmarks.instructions
	@$(IN_VENV) -m docs._pages.equals
	@$(IN_VENV) -m docs._pages.device
	@$(IN_VENV) -m docs._pages.readme

site: $(INSTALLED)site ## build the documentation into site/; a warning or a dead link is an error
	@JAX_PLATFORMS=cpu $(IN_VENV) -m sphinx -b html -d build/doctrees -W --keep-going -q $(ARGS) docs site
	@echo "Open site/index.html"

vectors: $(INSTALLED)parity ## record PyTorch's trajectories anew, into parity/vectors/
	@$(IN_VENV) -m parity record -o "parity/vectors/torch-$$($(IN_VENV) -c 'import torch; print(".".join(torch.__version__.split(".")[:2]))').json"

lint: $(INSTALLED)dev ## check style, format and types; change nothing
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m ruff format --check .
	@$(IN_VENV) -m mypy jaxsched parity

format: $(INSTALLED)dev ## format the code and repair what ruff can
	@$(IN_VENV) -m ruff check --fix .
	@$(IN_VENV) -m ruff format .

clean: ## remove everything that make has made
	@rm -rf $(VENV) .venv-oldest .venv-third-party .venv-peers parity-report bench-report examples-out site docs/generated build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(addprefix $(INSTALLED),parity hugging-face examples bench race devices test dev browser mutants site): $(INSTALLED)%: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	@echo "Installing jaxsched[$*] into $(VENV): some minutes the first time."
	@$(IN_VENV) -m pip install -qq --disable-pip-version-check --no-input -c $(CONSTRAINTS) -e '.[$*]'
# Its schedulers need nothing but torch; as an extra it would bring torchvision, and with that another torch.
	@$(if $(filter hugging-face test dev browser site,$*),$(IN_VENV) -m pip install -qq --disable-pip-version-check --no-input --no-deps -c $(CONSTRAINTS) timm)
	@touch $(addprefix $(INSTALLED),$(CONTAINED_$*))

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("This is Python " + sys.version.split()[0])' || { \
		echo "jaxsched needs Python 3.11 or newer. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
