/*
 * mtm.shell_open_sessions(), shell_ask_sessions(), shell_close_sessions(): ask several
 * nodes at the same time, query after query.
 *
 * Runs in: backends, within the functions that compare and copy tables.
 * Path: ts-src/shell/peer_sessions.ts -> here -> monitor/peer_sessions.c
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "monitor/peer_sessions.h"
#include "monitor/remote_query.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_shell_open_sessions);
PG_FUNCTION_INFO_V1(mtm_shell_ask_sessions);
PG_FUNCTION_INFO_V1(mtm_shell_close_sessions);

static Datum *
elements(ArrayType *array, Oid type, int length, bool by_value, int *count)
{
	Datum	   *values;
	bool	   *nulls;

	deconstruct_array(array, type, length, by_value, TYPALIGN_INT, &values, &nulls, count);
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments of shell functions must not be null")));
	}
	return values;
}

Datum
mtm_shell_open_sessions(PG_FUNCTION_ARGS)
{
	int			count;
	Datum	   *ids;
	MtmNodeSet	nodes = 0;

	MtmShellRequireSuperuser();
	ids = elements(PG_GETARG_ARRAYTYPE_P(0), INT4OID, 4, true, &count);
	for (int i = 0; i < count; i++)
	{
		int			id = DatumGetInt32(ids[i]);

		if (id < 1 || id > MtmNodeCount())
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no node %d", id)));
		nodes |= MTM_NODE_BIT(id);
	}
	MtmSessionsOpen(nodes);
	PG_RETURN_VOID();
}

/* An array of {"rows":[...]}, in the order of the nodes. */
Datum
mtm_shell_ask_sessions(PG_FUNCTION_ARGS)
{
	int			count;
	int			queries_count;
	Datum	   *ids;
	Datum	   *queries;
	StringInfoData json;

	MtmShellRequireSuperuser();
	ids = elements(PG_GETARG_ARRAYTYPE_P(0), INT4OID, 4, true, &count);
	queries = elements(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, &queries_count);
	if (count != queries_count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("each node needs one query")));
	for (int i = 0; i < count; i++)
		MtmSessionSend(DatumGetInt32(ids[i]), TextDatumGetCString(queries[i]));

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < count; i++)
	{
		PGresult   *result = MtmSessionFetch(DatumGetInt32(ids[i]));

		if (i > 0)
			appendStringInfoChar(&json, ',');
		PG_TRY();
		{
			MtmRemoteRows(&json, result);
		}
		PG_FINALLY();
		{
			PQclear(result);
		}
		PG_END_TRY();
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

Datum
mtm_shell_close_sessions(PG_FUNCTION_ARGS)
{
	MtmShellRequireSuperuser();
	MtmSessionsClose();
	PG_RETURN_VOID();
}
