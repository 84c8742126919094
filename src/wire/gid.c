/*
 * gid: written and read; see gid.h.
 *
 * Runs in: every process.
 */
#include "postgres.h"

#include "wire/gid.h"

void
MtmGidFormat(const MtmGid *gid, char text[MTM_GID_SIZE])
{
	snprintf(text, MTM_GID_SIZE,
			 MTM_GID_PREFIX "%d-" UINT64_FORMAT "-" UINT64_FORMAT "-"
			 UINT64_FORMAT "-" INT64_FORMAT,
			 gid->coordinator, gid->xid, gid->generation, gid->incarnation,
			 gid->start);
}

/* One decimal number that ends with `end`; moves past both. */
static bool
read_number(const char **text, char end, uint64 *number)
{
	const char *at = *text;
	uint64		value = 0;

	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++)
	{
		uint64		digit = *at - '0';

		if (value > (PG_UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (*at != end)
		return false;
	*text = end == '\0' ? at : at + 1;
	*number = value;
	return true;
}

bool
MtmGidParse(const char *text, MtmGid *gid)
{
	uint64		coordinator;
	uint64		start;

	if (!MtmGidIsOurs(text))
		return false;
	text += strlen(MTM_GID_PREFIX);
	if (!read_number(&text, '-', &coordinator) ||
		!read_number(&text, '-', &gid->xid) ||
		!read_number(&text, '-', &gid->generation) ||
		!read_number(&text, '-', &gid->incarnation) ||
		!read_number(&text, '\0', &start))
		return false;
	if (coordinator < 1 || coordinator > MTM_MAX_NODES || start > PG_INT64_MAX)
		return false;
	gid->coordinator = (int) coordinator;
	gid->start = (TimestampTz) start;
	return true;
}

bool
MtmGidIsOurs(const char *text)
{
	return strncmp(text, MTM_GID_PREFIX, strlen(MTM_GID_PREFIX)) == 0;
}
