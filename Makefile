# make demo   the main job: data, training, budget sweep, report (five to ten minutes on two cores, installing included)
# make test   all tests
# make quick  what builds no network, draws no report and runs no whole command, for work on the code
# make results  the comparison that results/comparison keeps: seven methods, three seeds, all policies (about two hours)
# make paper  the same methods as in their papers, on a rendered set of Market-1501's size, after a plan with hours;
#             DATA, WEIGHTS, SLICE and PAPER_SEEDS say otherwise (docs/paper-scale.md)
# make torture  commands killed, files damaged, disks filled, ten writers at once: a table of what came of it (hours)
# make lint   ruff and mypy
# make venv   only what the others need: .venv with the suite installed

PYTHON ?= python3
RESULTS ?= results
COMPARED = hashreid,hashreid-noexit,dare,branchynet,msdnet,ranet,bot-r18
SEEDS = 0,1,2

# Bytecode is kept, whatever the environment says: tests start many processes that import the same libraries.
export PYTHONDONTWRITEBYTECODE :=

# Other choices: DATA="--dataset market1501 --data-root FOLDER"; WEIGHTS= for each preset's own, ImageNet's for most;
# SLICE="--time-limit 9h", after which the same command goes on.
DATA ?= --data size=market
WEIGHTS ?= --weights none
PAPER_SEEDS ?= 0,1,2
SLICE ?=
PAPER = --method $(COMPARED) --preset paper $(WEIGHTS) $(DATA) --seeds $(PAPER_SEEDS) --budget-sweep --results $(RESULTS)

.PHONY: demo test quick torture results paper lint venv clean
.DEFAULT_GOAL := demo

venv: .venv/installed

# Compiling every installed file to bytecode would take longer than it ever saves here.
.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --no-compile --editable '.[dev]'
	@touch $@

demo: venv
	.venv/bin/bench run --method hashreid --budget-sweep --results $(RESULTS)
	.venv/bin/bench report --results $(RESULTS)

test: venv
	.venv/bin/python -m pytest --numprocesses auto --dist worksteal

quick: venv
	.venv/bin/python -m pytest --numprocesses auto --dist worksteal -m "not slow and not long"

torture: venv
	PYTHONPATH=tests .venv/bin/python -m torture

results: venv
	.venv/bin/bench run --method $(COMPARED) --seeds $(SEEDS) --budget-sweep --thresholding stream,exact,calibrated --results $(RESULTS)
	.venv/bin/bench policies --method hashreid --results $(RESULTS)
	.venv/bin/bench search --method hashreid --seeds $(SEEDS) --re-rank --results $(RESULTS)
	.venv/bin/bench search --method hashreid-noexit --seeds $(SEEDS) --results $(RESULTS)/lengths
	.venv/bin/bench latency --method $(COMPARED) --results $(RESULTS)
	.venv/bin/bench report --results $(RESULTS)
	.venv/bin/bench report --results $(RESULTS)/lengths

paper: venv
	$(if $(findstring size=,$(DATA)),.venv/bin/bench data make synthped $(DATA))
	.venv/bin/bench run $(PAPER) --dry-run
	.venv/bin/bench run $(PAPER) $(SLICE)
	.venv/bin/bench report --results $(RESULTS)

lint: venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
