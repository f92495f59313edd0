# Targets a newcomer needs; each sets up what it wants. Works from a path with spaces.
SHELL := /bin/sh
.DEFAULT_GOAL := help
RUN := sh tools/run

.PHONY: help setup test lint demo bench calibration airflow clean

help:            ## this list
	@sed -n 's/^\([a-z]*\): .*## */  make \1  – /p' Makefile

setup:           ## locked environment in .venv (skipped while the lock is unchanged)
	@sh tools/setup

test: setup      ## all tests that need no server
	@$(RUN) pytest -q

lint: setup      ## ruff, types, import rules
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) lint-imports

demo: setup      ## a demo city, loaded and reported through the real DAGs
	@sh tools/demo

bench: setup     ## speed, memory and detection figures
	@$(RUN) python -m bench

calibration: setup ## docs/calibration.md anew: what screens and q-values do where the truth is known
	@$(RUN) python -m bench calibration --write docs/calibration.md

airflow: setup   ## local Airflow with its web page
	@sh tools/airflow

clean:           ## remove what the targets made
	rm -rf .venv .demo .airflow .mypy_cache .pytest_cache .ruff_cache
