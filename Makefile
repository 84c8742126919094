# The one door to everything that is done with the project; `make help` lists it.
#
# Each long step leaves a stamp in out/, so that a second run is quick.

ifeq ($(origin PG_CONFIG),undefined)
PG_CONFIG := $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
endif
export PG_CONFIG

.DEFAULT_GOAL := help
.PHONY: help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile
