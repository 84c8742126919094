/*
 * Values from SQL to JavaScript.
 *
 * int8 becomes a BigInt (as in plv8 3.2), numeric a Number, date and both
 * timestamps a Date (infinity: an invalid one; without time zone: as UTC),
 * json and jsonb what JSON.parse makes of them, bytea a Uint8Array, arrays
 * nested arrays, rows objects, anything else its text.
 */
#include "datum_to_js.h"

#include "engine.h"
#include "text_codec.h"

namespace plv8 {

static const double ms_per_day = 86400000.0;
static const double epoch_ms =
	(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * ms_per_day;

pinned_shape::~pinned_shape()
{
	TupleDesc	shape = shape_;

	try
	{
		pg_call([&] { ReleaseTupleDesc(shape); });
	}
	catch (const error_report &)
	{
		/* The resource owner lets go of it. */
	}
}

static struct varlena *
plain_varlena(Datum value)
{
	struct varlena *data = (struct varlena *) DatumGetPointer(value);

	if (!VARATT_IS_COMPRESSED(data) && !VARATT_IS_EXTERNAL(data))
		return data;
	return pg_value([&] { return pg_detoast_datum_packed(data); });
}

static v8::Local<v8::Value>
bytes_to_js(Datum value)
{
	struct varlena *data = plain_varlena(value);
	size_t		length = VARSIZE_ANY_EXHDR(data);
	v8::Local<v8::ArrayBuffer> buffer =
		v8::ArrayBuffer::New(session.isolate,
							 copy_bytes(VARDATA_ANY(data), length));

	return v8::Uint8Array::New(buffer, 0, length);
}

static v8::Local<v8::Value>
json_to_js(v8::Local<v8::Context> context, Datum value)
{
	struct varlena *data = plain_varlena(value);

	return checked(v8::JSON::Parse(
		context, js_text(VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data))));
}

static v8::Local<v8::Value>
jsonb_to_js(v8::Local<v8::Context> context, Datum value)
{
	StringInfoData text;

	pg_call([&] {
		Jsonb	   *json = DatumGetJsonbP(value);

		initStringInfo(&text);
		JsonbToCString(&text, &json->root, VARSIZE(json));
	});
	return checked(v8::JSON::Parse(context, js_text(text.data, text.len)));
}

static v8::Local<v8::Value>
numeric_to_js(Datum value)
{
	double		number = pg_value([&] {
		return DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, value));
	});

	return v8::Number::New(session.isolate, number);
}

static v8::Local<v8::Value>
date_to_js(v8::Local<v8::Context> context, double ms)
{
	return checked(v8::Date::New(context, ms));
}

/* Elements of one dimension; `next` runs over all elements in order. */
static v8::Local<v8::Value>
dimension_to_js(v8::Local<v8::Context> context, type_map &element,
				const int *sizes, int dimensions, const Datum *values,
				const bool *nulls, int &next)
{
	std::vector<v8::Local<v8::Value>> items((size_t) sizes[0]);

	for (v8::Local<v8::Value> &item : items)
	{
		if (dimensions > 1)
			item = dimension_to_js(context, element, sizes + 1, dimensions - 1,
								   values, nulls, next);
		else
		{
			item = to_js(context, values[next], nulls[next], element);
			next++;
		}
	}
	return v8::Array::New(session.isolate, items.data(), items.size());
}

static v8::Local<v8::Value>
array_to_js(v8::Local<v8::Context> context, Datum value, type_map &type)
{
	type_map   &element = map_type(type.element->oid);
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	int			count;
	int			next = 0;

	pg_call([&] {
		array = DatumGetArrayTypeP(value);
		deconstruct_array(array, element.oid, element.length, element.by_value,
						  element.alignment, &values, &nulls, &count);
	});
	if (count == 0)
		return v8::Array::New(session.isolate, 0);
	return dimension_to_js(context, element, ARR_DIMS(array), ARR_NDIM(array),
						   values, nulls, next);
}

name_list
column_names(TupleDesc shape)
{
	name_list	names((size_t) shape->natts);

	for (int i = 0; i < shape->natts; i++)
		if (!TupleDescAttr(shape, i)->attisdropped)
			names[i] = js_name(NameStr(TupleDescAttr(shape, i)->attname));
	return names;
}

v8::Local<v8::Object>
row_to_js(v8::Local<v8::Context> context, HeapTuple tuple, TupleDesc shape,
		  const name_list &names)
{
	v8::Local<v8::Object> object = v8::Object::New(session.isolate);
	Datum	   *values;
	bool	   *nulls;

	pg_call([&] {
		values = (Datum *) palloc(shape->natts * sizeof(Datum));
		nulls = (bool *) palloc(shape->natts * sizeof(bool));
		heap_deform_tuple(tuple, shape, values, nulls);
	});
	for (int i = 0; i < shape->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(shape, i);

		if (column->attisdropped)
			continue;
		checked(object->CreateDataProperty(
			context, names[i],
			to_js(context, values[i], nulls[i], map_type(column->atttypid))));
	}
	return object;
}

static v8::Local<v8::Value>
composite_to_js(v8::Local<v8::Context> context, Datum value)
{
	HeapTupleHeader header =
		pg_value([&] { return DatumGetHeapTupleHeader(value); });
	pinned_shape shape(HeapTupleHeaderGetTypeId(header),
					   HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	return row_to_js(context, &tuple, shape, column_names(shape));
}

static v8::Local<v8::Value>
literal_to_js(Datum value, type_map &type)
{
	return js_text(pg_value(
		[&] { return OutputFunctionCall(&type.output, value); }));
}

v8::Local<v8::Value>
to_js(v8::Local<v8::Context> context, Datum value, bool is_null,
	  type_map &type)
{
	v8::Isolate *isolate = session.isolate;

	if (is_null)
		return v8::Null(isolate);

	switch (type.kind)
	{
		case mapping::boolean:
			return v8::Boolean::New(isolate, DatumGetBool(value));
		case mapping::int2:
			return v8::Integer::New(isolate, DatumGetInt16(value));
		case mapping::int4:
			return v8::Integer::New(isolate, DatumGetInt32(value));
		case mapping::int8:
			return v8::BigInt::New(isolate, DatumGetInt64(value));
		case mapping::oid:
			return v8::Integer::NewFromUnsigned(isolate,
												DatumGetObjectId(value));
		case mapping::float4:
			return v8::Number::New(isolate, DatumGetFloat4(value));
		case mapping::float8:
			return v8::Number::New(isolate, DatumGetFloat8(value));
		case mapping::numeric:
			return numeric_to_js(value);
		case mapping::date:
			{
				DateADT		date = DatumGetDateADT(value);

				return date_to_js(context, DATE_NOT_FINITE(date)
								  ? NAN : date * ms_per_day + epoch_ms);
			}
		case mapping::timestamp:
			{
				Timestamp	time = DatumGetTimestamp(value);

				return date_to_js(context, TIMESTAMP_NOT_FINITE(time)
								  ? NAN : std::floor(time / 1000.0) + epoch_ms);
			}
		case mapping::text:
			{
				struct varlena *text = plain_varlena(value);

				return js_text(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
			}
		case mapping::bytea:
			return bytes_to_js(value);
		case mapping::json:
			return json_to_js(context, value);
		case mapping::jsonb:
			return jsonb_to_js(context, value);
		case mapping::array:
			return array_to_js(context, value, type);
		case mapping::composite:
		case mapping::record:
			return composite_to_js(context, value);
		case mapping::literal:
			return literal_to_js(value, type);
		case mapping::nothing:
			return v8::Undefined(isolate);
		case mapping::unsupported:
			break;
	}

	char	   *name = pg_value([&] { return format_type_be(type.oid); });

	throw error_report(ERRCODE_FEATURE_NOT_SUPPORTED,
					   std::string("JavaScript cannot take a value of type ") +
						   name);
}

}	// namespace plv8
