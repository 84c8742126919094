/*
 * One row on the wire; see row.h.
 *
 * Runs in: walsenders (write), apply workers (read).
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "wire/row.h"

bool
MtmTypeBytes(Oid base, Oid *send, Oid *receive)
{
	switch (base)
	{
		case XMLOID:
		case PG_NODE_TREEOID:
			*send = F_TEXTSEND;
			*receive = F_TEXTRECV;
			return true;
		case PG_NDISTINCTOID:
		case PG_DEPENDENCIESOID:
		case PG_MCV_LISTOID:
		case PG_BRIN_BLOOM_SUMMARYOID:
		case PG_BRIN_MINMAX_MULTI_SUMMARYOID:
			*send = F_BYTEASEND;
			*receive = F_BYTEARECV;
			return true;
		default:
			return false;
	}
}

/* InvalidOid: it cannot be sent in binary (aclitem and a few others). */
static Oid
binary_function(Oid type)
{
	int16		length;
	bool		by_value;
	char		align;
	char		delimiter;
	Oid			parameter;
	Oid			send;
	Oid			receive;

	if (MtmTypeBytes(getBaseType(type), &send, &receive))
		return send;
	get_type_io_data(type, IOFunc_send, &length, &by_value, &align, &delimiter,
					 &parameter, &send);
	get_type_io_data(type, IOFunc_receive, &length, &by_value, &align, &delimiter,
					 &parameter, &receive);
	return OidIsValid(receive) ? send : InvalidOid;
}

static bool
type_is_binary(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	if (base >= FirstNormalObjectId)
		return false;
	switch (get_typtype(base))
	{
		case TYPTYPE_BASE:
		case TYPTYPE_RANGE:
		case TYPTYPE_MULTIRANGE:
			break;
		default:
			return false;
	}
	switch (base)
	{
		case INT2VECTOROID:		/* these two do not read an empty one that they wrote */
		case OIDVECTOROID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGCOLLATIONOID:
			return false;
	}
	return !OidIsValid(element) ||
		(type_is_binary(element) && OidIsValid(binary_function(element)));
}

bool
MtmColumnIsSent(Form_pg_attribute column, Bitmapset *key)
{
	if (column->attisdropped)
		return false;
	return !column->attgenerated ||
		bms_is_member(column->attnum - FirstLowInvalidHeapAttributeNumber, key);
}

MtmRowWriter *
MtmRowWriterCreate(TupleDesc desc, Bitmapset *key, MemoryContext context)
{
	MtmRowWriter *writer = MemoryContextAllocZero(context, sizeof(*writer));

	writer->column = MemoryContextAllocZero(context,
											Max(desc->natts, 1) * sizeof(*writer->column));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool		varlena;
		Oid			function = InvalidOid;

		if (!MtmColumnIsSent(att, key))
			continue;
		if (type_is_binary(att->atttypid))
			function = binary_function(att->atttypid);
		writer->column[writer->columns].binary = OidIsValid(function);
		if (!OidIsValid(function))
			getTypeOutputInfo(att->atttypid, &function, &varlena);
		writer->column[writer->columns].index = i;
		writer->column[writer->columns].varlena = att->attlen == -1;
		fmgr_info_cxt(function, &writer->column[writer->columns].function, context);
		writer->columns++;
	}
	return writer;
}

void
MtmRowWrite(StringInfo out, const MtmRowWriter *writer, TupleTableSlot *slot)
{
	pq_sendint16(out, writer->columns);
	slot_getallattrs(slot);
	for (int i = 0; i < writer->columns; i++)
	{
		int			index = writer->column[i].index;
		Datum		value = slot->tts_values[index];
		FmgrInfo   *function = &writer->column[i].function;

		if (slot->tts_isnull[index])
			pq_sendbyte(out, MTM_COLUMN_NULL);
		else if (writer->column[i].varlena &&
				 VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value)))
			pq_sendbyte(out, MTM_COLUMN_UNCHANGED);
		else if (writer->column[i].binary)
		{
			bytea	   *bytes = SendFunctionCall(function, value);
			int			length = VARSIZE(bytes) - VARHDRSZ;

			pq_sendbyte(out, MTM_COLUMN_BINARY);
			pq_sendint32(out, length);
			appendBinaryStringInfo(out, VARDATA(bytes), length);
		}
		else
		{
			char	   *text = OutputFunctionCall(function, value);
			int			length = strlen(text) + 1;

			pq_sendbyte(out, MTM_COLUMN_TEXT);
			pq_sendint32(out, length);
			appendBinaryStringInfo(out, text, length);
		}
	}
}

void
MtmRowRead(StringInfo in, MtmColumnValue *values, int columns)
{
	int			sent = pq_getmsgint(in, 2);

	if (sent != columns)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a row has %d columns where its relation was defined with %d",
						sent, columns)));
	for (int i = 0; i < columns; i++)
	{
		MtmColumnValue *value = &values[i];

		value->status = pq_getmsgbyte(in);
		value->data = NULL;
		value->length = 0;
		if (value->status == MTM_COLUMN_NULL || value->status == MTM_COLUMN_UNCHANGED)
			continue;
		if (value->status != MTM_COLUMN_BINARY && value->status != MTM_COLUMN_TEXT)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unknown column status %d", value->status)));
		value->length = pq_getmsgint(in, 4);
		value->data = unconstify(char *, pq_getmsgbytes(in, value->length));
		if (value->status == MTM_COLUMN_TEXT)
			value->length--;
	}
}
