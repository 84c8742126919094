# The one door to everything that is done with the project; `make help` lists it.
#
# Each step looks first whether it has anything to do, so that a second run is quick.

# Where apt is, `make setup` installs it there if it is not there yet.
ifeq ($(origin PG_CONFIG),undefined)
PG_CONFIG := $(if $(wildcard /usr/bin/apt-get),/usr/lib/postgresql/15/bin/)pg_config
endif
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
export PG_CONFIG JOBS

SUBMAKE := $(MAKE) --no-print-directory

CLI_SOURCES := $(shell find ts-src/cli -name '*.ts') ts-src/core/byte_size.ts
SERVER_SOURCES := $(shell find ts-src/core ts-src/shell ts-src/api -name '*.ts' 2>/dev/null)
BENCH_SOURCES := $(shell find test/bench test/cluster -name '*.ts' 2>/dev/null)
CHAOS_SOURCES := $(BENCH_SOURCES) $(shell find test/chaos test/sim -name '*.ts' 2>/dev/null)
HISTORY_SOURCES := $(CHAOS_SOURCES) $(shell find test/history -name '*.ts' 2>/dev/null)
REGRESS_SOURCES := $(BENCH_SOURCES) $(shell find test/regress -name '*.ts' 2>/dev/null)
SQL_PARTS := $(wildcard sql/parts/*)

.DEFAULT_GOAL := help
.PHONY: help setup build shim install install-referee cluster test soak bench big chaos history regress isolation clean \
	npm-packages postgres-suites
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

setup: ## install what is missing: packages by apt and npm, plv8 where there is none
	@build/setup.sh packages
	@build/setup.sh node_modules
	@build/setup_plv8.sh

build: npm-packages shim out/cli.mjs out/multimaster--1.0.sql ## compile and bundle into out/

install: build ## copy the extension into the PostgreSQL installation
	@build/install.sh

install-referee: ## only the extension "referee", on the third server of a cluster of two nodes
	@build/install.sh referee

# DIR, PORT and NODES are those of `multimaster up`.
# Setup first: it may bring the pg_config that the other steps ask.
cluster: ## three nodes on this machine, from nothing to rows on every node
	@$(SUBMAKE) setup
	@$(SUBMAKE) install
	@bin/multimaster up $(if $(DIR),--dir '$(DIR)') $(if $(PORT),--port $(PORT)) \
		$(if $(NODES),--nodes $(NODES))
	@build/try_cluster.sh $(if $(DIR),--dir '$(DIR)')

test: ## set up, build and run every suite
	@node build/run_tests.mjs

# MINUTES (10), FIRST_SEED (random), SEEDS (no limit).
soak: npm-packages ## the simulated cluster, seed after seed
	@node build/bundle.mjs soak
	@node out/soak.mjs

bench: ## pgbench: a plain server, synchronous standbys, the cluster
	@$(SUBMAKE) setup
	@$(SUBMAKE) install out/bench.mjs
	@node out/bench.mjs

big: ## one transaction of ten million rows: time, and memory of each process
	@$(SUBMAKE) setup
	@$(SUBMAKE) install out/big.mjs
	@node out/big.mjs

# MINUTES, SEED; STALL: seconds after which a majority must take writes again.
chaos: ## crashes, pauses and partitions under load: nothing acknowledged may be lost
	@$(SUBMAKE) setup
	@$(SUBMAKE) install out/chaos.mjs
	@node out/chaos.mjs

# SECONDS of each history (20), SEED; FILE: a history that was kept, to be checked again.
history: ## random transactions on all nodes, healthy and not: is what clients saw what isolation claims?
	@$(SUBMAKE) setup
	@$(SUBMAKE) install out/history.mjs
	@node out/history.mjs

# TESTS (all), CONNECTIONS (all of a group at a time), MINUTES (60); PGSRC: PostgreSQL's source.
regress: postgres-suites ## PostgreSQL's own regression suite through node 1 of a cluster
	@node out/regress.mjs $@

isolation: postgres-suites ## PostgreSQL's own isolation suite, in the same way
	@node out/regress.mjs $@

clean: ## remove what was built (not clusters, not what is installed)
	rm -rf out/shim out/test out/regress out/isolation out/postgres-suites out/*.mjs out/*.js out/*.sql out/*.log
	@[ ! -f plv8/Makefile ] || $(SUBMAKE) -C plv8 clean

postgres-suites:
	@$(SUBMAKE) setup
	@$(SUBMAKE) install out/regress.mjs
	@build/postgres_suites.sh

npm-packages:
	@build/setup.sh node_modules

shim:
	@$(SUBMAKE) -s -j$(JOBS) -f build/shim.mk

out/cli.mjs: $(CLI_SOURCES) build/bundle.mjs package-lock.json | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs cli

out/bench.mjs: $(BENCH_SOURCES) $(CLI_SOURCES) build/bundle.mjs | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs bench

out/big.mjs: $(BENCH_SOURCES) $(CLI_SOURCES) build/bundle.mjs | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs big

out/regress.mjs: $(REGRESS_SOURCES) $(CLI_SOURCES) build/bundle.mjs | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs regress

out/chaos.mjs: $(CHAOS_SOURCES) $(CLI_SOURCES) build/bundle.mjs | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs chaos

out/history.mjs: $(HISTORY_SOURCES) $(CLI_SOURCES) build/bundle.mjs | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs history

out/bundle.js: $(SERVER_SOURCES) build/bundle.mjs package-lock.json | npm-packages
	@echo "  BUNDLE $@"
	@node build/bundle.mjs server

out/multimaster--1.0.sql: out/bundle.js $(SQL_PARTS) build/extension_sql.mjs
	@echo "  SQL $@"
	@node build/extension_sql.mjs
