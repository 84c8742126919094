/*
 * One row on the wire: its live columns in order, without those that every node
 * computes itself (a generated column that identifies the row is sent).
 *
 *   uint16 columns, then for each a status byte:
 *   n                    null
 *   u                    TOASTed and unchanged: not sent
 *   b uint32 bytes       as the type's send function gives it
 *   t uint32 bytes '\0'  as text (the length counts the zero)
 *
 * Binary is used where every node's server reads it alike: base types of
 * PostgreSQL itself, and domains over them. Types of users and extensions, and types
 * whose binary form is an OID of this node's catalog (regclass and the like), go as
 * text. An xml value goes as its bytes: its own functions would rewrite the
 * declaration in it, and the value could not be recognized any more. So do values of
 * PostgreSQL's catalogs, which users may copy into tables, but whose types read nothing.
 */
#ifndef MTM_ROW_H
#define MTM_ROW_H

#include "executor/tuptable.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

#define MTM_COLUMN_NULL 'n'
#define MTM_COLUMN_UNCHANGED 'u'
#define MTM_COLUMN_BINARY 'b'
#define MTM_COLUMN_TEXT 't'

/* How the columns of a relation are written; built once per relation. */
typedef struct MtmRowWriter
{
	int			columns;		/* sent ones */
	struct
	{
		int			index;		/* in the tuple, from 0 */
		bool		varlena;
		bool		binary;
		FmgrInfo	function;	/* send or output */
	}		   *column;
} MtmRowWriter;

typedef struct MtmColumnValue
{
	char		status;
	char	   *data;			/* points into the input */
	int			length;			/* t: without the zero */
} MtmColumnValue;

/* Types that go as their bytes: the functions for that. */
extern bool MtmTypeBytes(Oid base, Oid *send, Oid *receive);
/* Is this column sent? `key`: the replica identity, as relcache.c gives it. */
extern bool MtmColumnIsSent(Form_pg_attribute column, Bitmapset *key);
extern MtmRowWriter *MtmRowWriterCreate(TupleDesc desc, Bitmapset *key,
										MemoryContext context);
extern void MtmRowWrite(StringInfo out, const MtmRowWriter *writer, TupleTableSlot *slot);
/* Reads into values[0 .. columns - 1]; ERROR 08P01 if the row has another number. */
extern void MtmRowRead(StringInfo in, MtmColumnValue *values, int columns);

#endif
