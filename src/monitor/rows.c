/*
 * Rows of set-returning functions; see rows.h.
 *
 * Runs in: any session.
 */
#include "postgres.h"

#include "access/transam.h"
#include "funcapi.h"
#include "monitor/rows.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

void
MtmRowBegin(MtmRow *row)
{
	row->count = 0;
}

static void
add(MtmRow *row, Datum value, bool isnull)
{
	Assert(row->count < MTM_ROW_COLUMNS);
	row->values[row->count] = value;
	row->nulls[row->count] = isnull;
	row->count++;
}

void
MtmRowAddNull(MtmRow *row)
{
	add(row, (Datum) 0, true);
}

void
MtmRowAddBool(MtmRow *row, bool value)
{
	add(row, BoolGetDatum(value), false);
}

void
MtmRowAddInt32(MtmRow *row, int32 value)
{
	add(row, Int32GetDatum(value), false);
}

void
MtmRowAddInt64(MtmRow *row, int64 value)
{
	add(row, Int64GetDatum(value), false);
}

void
MtmRowAddText(MtmRow *row, const char *value)
{
	add(row, CStringGetTextDatum(value), false);
}

void
MtmRowAddPid(MtmRow *row, int pid)
{
	add(row, Int32GetDatum(pid), pid == 0);
}

void
MtmRowAddTime(MtmRow *row, TimestampTz time)
{
	add(row, TimestampTzGetDatum(time), time == 0);
}

void
MtmRowAddLsn(MtmRow *row, XLogRecPtr lsn)
{
	add(row, LSNGetDatum(lsn), XLogRecPtrIsInvalid(lsn));
}

void
MtmRowAddXid(MtmRow *row, TransactionId xid)
{
	add(row, TransactionIdGetDatum(xid), !TransactionIdIsValid(xid));
}

void
MtmRowPut(FunctionCallInfo fcinfo, MtmRow *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (result->setDesc->natts != row->count)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function declares %d columns, its module gives %d",
						result->setDesc->natts, row->count),
				 errhint("The extension's SQL and multimaster.so are of different "
						 "versions.")));
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}
