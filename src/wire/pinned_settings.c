/*
 * Settings under which all nodes write and read the same text; see pinned_settings.h.
 *
 * Runs in: backends, sessions of other nodes, apply workers, the recovery process.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "wire/pinned_settings.h"

static const char *const pinned[][2] = {
	{"search_path", "pg_catalog"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "3"},
	{"quote_all_identifiers", "off"},
	{"xmloption", "content"}
};

int
MtmPinSettings(void)
{
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i][0], pinned[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}
