# Builds and installs the C shim, multimaster.so.
#
#   make -f build/shim.mk PG_CONFIG=... [all|install|uninstall|clean]
#
# Every src/**/*.c belongs to it. Objects go to out/shim, so this file runs itself
# again there: PGXS has no notion of a separate build folder. No bitcode (with_llvm): it
# would only serve inlining into queries.

PG_CONFIG ?= pg_config
SHIM_OUT := out/shim

ifndef SHIM_SOURCE

SHIM_GOALS := $(if $(MAKECMDGOALS),$(MAKECMDGOALS),all)
.PHONY: $(SHIM_GOALS)
$(SHIM_GOALS): shim
	@:
.PHONY: shim
shim:
	@mkdir -p $(SHIM_OUT)
	@$(MAKE) --no-print-directory -C $(SHIM_OUT) -f ../../build/shim.mk \
		SHIM_SOURCE=../../src PG_CONFIG='$(PG_CONFIG)' with_llvm=no $(SHIM_GOALS)

else

SHIM_FILES := $(wildcard $(SHIM_SOURCE)/*.c $(SHIM_SOURCE)/*/*.c)
MODULE_big = multimaster
OBJS = $(SHIM_FILES:$(SHIM_SOURCE)/%.c=%.o)
SHIM_DEPENDENCIES = $(OBJS:.o=.d)
EXTRA_CLEAN = $(SHIM_DEPENDENCIES)

PG_CPPFLAGS = -I$(SHIM_SOURCE) -I$(libpq_srcdir) -MMD -MP
PG_CFLAGS = -Wall -Werror
SHLIB_LINK_INTERNAL = $(libpq)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): %.o: $(SHIM_SOURCE)/%.c ../../build/shim.mk
	@mkdir -p $(@D)
	@echo "  CC $*.c"
	@$(CC) $(CFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -c -o $@ $<

-include $(wildcard $(SHIM_DEPENDENCIES))

endif
