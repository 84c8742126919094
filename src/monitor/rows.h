/*
 * Rows of set-returning functions, put together column by column.
 *
 * Runs in: any session.
 */
#ifndef MTM_ROWS_H
#define MTM_ROWS_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#define MTM_ROW_COLUMNS 32

typedef struct MtmRow
{
	int			count;
	Datum		values[MTM_ROW_COLUMNS];
	bool		nulls[MTM_ROW_COLUMNS];
} MtmRow;

extern void MtmRowBegin(MtmRow *row);
extern void MtmRowAddNull(MtmRow *row);
extern void MtmRowAddBool(MtmRow *row, bool value);
extern void MtmRowAddInt32(MtmRow *row, int32 value);
extern void MtmRowAddInt64(MtmRow *row, int64 value);
extern void MtmRowAddText(MtmRow *row, const char *value);
/* These are null for a value that means "none". */
extern void MtmRowAddPid(MtmRow *row, int pid);
extern void MtmRowAddTime(MtmRow *row, TimestampTz time);
extern void MtmRowAddLsn(MtmRow *row, XLogRecPtr lsn);
extern void MtmRowAddXid(MtmRow *row, TransactionId xid);

/* Add the row to the result; the SQL declaration must have just as many columns. */
extern void MtmRowPut(FunctionCallInfo fcinfo, MtmRow *row);

#endif
