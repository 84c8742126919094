/*
 * mtm.shell_form_cluster(): the steps of mtm.init_cluster(), and what takes them back.
 *
 * Runs in: the session of mtm.init_cluster().
 * Path: mtm.init_cluster() -> here -> ts-src/api/init_cluster.ts
 * Locks: none.
 *
 * In C because a script cannot catch that it is cancelled, and what it did on other servers must
 * be undone then, too.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(mtm_shell_form_cluster);

static void
run(const char *step, Datum arguments)
{
	Oid			types[] = {TEXTOID, JSONBOID};
	Datum		values[] = {CStringGetTextDatum(step), arguments};

	if (SPI_execute_with_args("SELECT mtm.api($1, $2)", 2, types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", step);
}

static void
run_or_take_back(Datum arguments)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run("form_cluster", arguments);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (!error)
		return;
	/* It takes a while at most: whoever cancelled the rest wants this done. */
	HOLD_CANCEL_INTERRUPTS();
	run("take_back_cluster", arguments);
	RESUME_CANCEL_INTERRUPTS();
	ReThrowError(error);
}

Datum
mtm_shell_form_cluster(PG_FUNCTION_ARGS)
{
	Datum		arguments = PG_GETARG_DATUM(0);

	SPI_connect();
	run("check_cluster", arguments);
	run_or_take_back(arguments);
	SPI_finish();
	PG_RETURN_VOID();
}
