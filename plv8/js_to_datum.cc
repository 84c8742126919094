/*
 * Values from JavaScript to SQL.
 *
 * A value of the natural JavaScript type is converted as such: Numbers (cut to
 * whole ones for integers, out of range is an error), BigInts, Dates, byte
 * arrays, arrays, objects. json and jsonb get JSON.stringify of whatever it
 * is. Anything else goes through its string and the type's input function.
 */
#include "js_to_datum.h"

#include "datum_to_js.h"
#include "engine.h"
#include "text_codec.h"

namespace plv8 {

using js_value = v8::Local<v8::Value>;
using js_context = v8::Local<v8::Context>;

static const double ms_per_day = 86400000.0;
static const double epoch_ms =
	(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * ms_per_day;

static std::string
type_name(const type_map &type)
{
	char	   *name = pg_value([&] { return format_type_be(type.oid); });

	return name;
}

[[noreturn]] static void
out_of_range(const type_map &type)
{
	throw error_report(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
					   "value out of range for type " + type_name(type));
}

/* The type's own input function: it knows all spellings and all limits. */
static Datum
from_literal(js_context context, js_value value, type_map &type, int32 typmod)
{
	std::string text = server_string(context, value);

	return pg_value([&] {
		return InputFunctionCall(&type.input, text.data(),
								 type.input_parameter, typmod);
	});
}

static double
whole_number(js_value value, const type_map &type, double lowest,
			 double beyond)
{
	double		number = std::trunc(value.As<v8::Number>()->Value());

	if (!(number >= lowest && number < beyond))	/* NaN too */
		out_of_range(type);
	return number;
}

static bool
try_integer(js_value value, const type_map &type, Datum *datum)
{
	if (value->IsBigInt() && type.kind != mapping::int8)
		return false;	/* by its text */
	if (value->IsBigInt())
	{
		bool		lossless;
		int64		number = value.As<v8::BigInt>()->Int64Value(&lossless);

		if (!lossless)
			out_of_range(type);
		*datum = Int64GetDatum(number);
		return true;
	}
	if (!value->IsNumber())
		return false;

	const double two63 = 9223372036854775808.0;

	switch (type.kind)
	{
		case mapping::int2:
			*datum = Int16GetDatum(
				(int16) whole_number(value, type, -32768.0, 32768.0));
			return true;
		case mapping::int4:
			*datum = Int32GetDatum((int32) whole_number(
				value, type, -2147483648.0, 2147483648.0));
			return true;
		case mapping::oid:
			*datum = ObjectIdGetDatum(
				(Oid) whole_number(value, type, 0, 4294967296.0));
			return true;
		case mapping::int8:
			*datum =
				Int64GetDatum((int64) whole_number(value, type, -two63, two63));
			return true;
		default:
			return false;
	}
}

static double
date_ms(js_value value)
{
	double		ms = value.As<v8::Date>()->ValueOf();

	if (std::isnan(ms))
		throw error_report(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
						   "invalid Date");
	return ms;
}

static Datum
from_date(js_value value, const type_map &type, int32 typmod)
{
	if (type.kind == mapping::date)
	{
		double		days = std::floor((date_ms(value) - epoch_ms) / ms_per_day);

		if (!(days > -2147483647.0 && days < 2147483647.0) ||
			!IS_VALID_DATE((DateADT) days))
			out_of_range(type);
		return DateADTGetDatum((DateADT) days);
	}

	/* The whole range of Date fits: 8.64e15 ms are 8.64e18 us. */
	Timestamp	time = (Timestamp) (date_ms(value) - epoch_ms) * 1000;

	if (!IS_VALID_TIMESTAMP(time))
		out_of_range(type);
	if (typmod < 0)
		return TimestampGetDatum(time);
	return pg_value([&] {	/* with and without time zone alike */
		return DirectFunctionCall2(timestamp_scale, TimestampGetDatum(time),
								   Int32GetDatum(typmod));
	});
}

static Datum
from_bytes(js_value value)
{
	std::shared_ptr<v8::BackingStore> store;
	size_t		offset = 0;
	size_t		length;

	if (value->IsArrayBufferView())
	{
		v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();

		store = view->Buffer()->GetBackingStore();
		offset = view->ByteOffset();
		length = view->ByteLength();
	}
	else
	{
		store = value.As<v8::ArrayBuffer>()->GetBackingStore();
		length = store->ByteLength();
	}

	struct varlena *bytes = pg_value([&] {
		return (struct varlena *) palloc(VARHDRSZ + length);
	});

	SET_VARSIZE(bytes, VARHDRSZ + length);
	if (length > 0)
		memcpy(VARDATA(bytes), (char *) store->Data() + offset, length);
	return PointerGetDatum(bytes);
}

static Datum
from_text(js_context context, js_value value)
{
	std::string text = server_string(context, value);

	return PointerGetDatum(pg_value(
		[&] { return cstring_to_text_with_len(text.data(), text.size()); }));
}

/* false where JSON has nothing for it: a function, a symbol. */
static bool
from_json(js_context context, js_value value, type_map &type, Datum *datum)
{
	v8::Local<v8::String> json = checked(v8::JSON::Stringify(context, value));
	std::string text = message_string(json);

	/* V8's way to say undefined; a string would come in quotes. */
	if (text == "undefined")
		return false;
	*datum = pg_value([&] {
		return type.kind == mapping::jsonb
			? DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str()))
			: PointerGetDatum(
				  cstring_to_text_with_len(text.data(), text.size()));
	});
	return true;
}

/*
 * An array under construction. Arrays within arrays are further dimensions,
 * unless the elements are json, to which an array is a value.
 */
struct array_builder {
	js_context	context;
	type_map   &element;
	int32		typmod;
	int			sizes[MAXDIM] = {};
	int			dimensions = 0;
	std::vector<Datum> values;
	std::vector<char> nulls;

	void measure(js_value value) {
		bool		json = element.kind == mapping::json ||
						   element.kind == mapping::jsonb;

		do
		{
			v8::Local<v8::Array> array = value.As<v8::Array>();

			if (dimensions == MAXDIM)
				throw error_report(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
								   "array has too many dimensions");
			if (array->Length() > MaxArraySize)
				throw error_report(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
								   "array is too long");
			sizes[dimensions++] = array->Length();
			if (array->Length() == 0)
				return;
			value = checked(array->Get(context, 0));
		} while (value->IsArray() && !json);
	}

	void add(js_value value, int depth) {
		if (depth == dimensions)
		{
			bool		is_null;
			Datum		datum =
				to_datum(context, value, element, typmod, &is_null);

			values.push_back(datum);
			nulls.push_back(is_null);
			return;
		}
		if (!value->IsArray() ||
			value.As<v8::Array>()->Length() != (uint32_t) sizes[depth])
			throw error_report(ERRCODE_ARRAY_SUBSCRIPT_ERROR,
							   "arrays of one dimension must be equally long");
		for (int i = 0; i < sizes[depth]; i++)
			add(checked(value.As<v8::Array>()->Get(context, i)), depth + 1);
	}
};

static Datum
from_array(js_context context, js_value value, type_map &type, int32 typmod)
{
	if (!value->IsArray())
		throw error_report(ERRCODE_DATATYPE_MISMATCH, "value is not an Array")
			.with_detail("The type is " + type_name(type) + ".");

	type_map   &element = map_type(type.element->oid);
	array_builder builder{context, element, typmod};

	builder.measure(value);
	builder.add(value, 0);

	int			lower[MAXDIM];
	size_t		count = builder.values.size();

	for (int &bound : lower)
		bound = 1;
	return pg_value([&] {
		return count == 0
			? PointerGetDatum(construct_empty_array(element.oid))
			: PointerGetDatum(construct_md_array(
				  builder.values.data(), (bool *) builder.nulls.data(),
				  builder.dimensions, builder.sizes, lower, element.oid,
				  element.length, element.by_value, element.alignment));
	});
}

static int
live_columns(TupleDesc shape)
{
	int			count = 0;

	for (int i = 0; i < shape->natts; i++)
		count += !TupleDescAttr(shape, i)->attisdropped;
	return count;
}

v8::Local<v8::Object>
checked_row(js_context context, js_value value, TupleDesc shape)
{
	if (!value->IsObject())
		throw error_report(ERRCODE_DATATYPE_MISMATCH,
						   "argument must be an object");

	v8::Local<v8::Object> object = value.As<v8::Object>();
	v8::Local<v8::Array> own = checked(object->GetOwnPropertyNames(context));

	if ((int) own->Length() > live_columns(shape))
		throw error_report(ERRCODE_DATATYPE_MISMATCH,
						   "expected fields and property names have "
						   "different cardinality");
	for (int i = 0; i < shape->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(shape, i)->attname);

		if (!TupleDescAttr(shape, i)->attisdropped &&
			!checked(object->Has(context, js_name(name))))
			throw error_report(ERRCODE_DATATYPE_MISMATCH,
							   "field name / property name mismatch")
				.with_detail(std::string("There is no property \"") + name +
							 "\".");
	}
	return object;
}

void
to_columns(js_context context, js_value value, TupleDesc shape, Datum *values,
		   bool *nulls)
{
	v8::Local<v8::Object> object = checked_row(context, value, shape);

	for (int i = 0; i < shape->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(shape, i);

		values[i] = (Datum) 0;
		nulls[i] = true;
		if (column->attisdropped)
			continue;
		values[i] = to_datum(
			context,
			checked(object->Get(context, js_name(NameStr(column->attname)))),
			map_type(column->atttypid), column->atttypmod, &nulls[i]);
	}
}

HeapTuple
to_row(js_context context, js_value value, TupleDesc shape)
{
	Datum	   *values;
	bool	   *nulls;

	pg_call([&] {
		values = (Datum *) palloc(shape->natts * sizeof(Datum));
		nulls = (bool *) palloc(shape->natts * sizeof(bool));
	});
	to_columns(context, value, shape, values, nulls);
	return pg_value([&] { return heap_form_tuple(shape, values, nulls); });
}

static Datum
from_object(js_context context, js_value value, type_map &type, int32 typmod)
{
	if (type.kind == mapping::record)
		throw error_report(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "cannot tell the columns of a record")
			.with_hint("Use a named composite type.");

	pinned_shape pinned(type.base, typmod);
	TupleDesc	shape = pinned;
	HeapTuple	row = to_row(context, value, shape);

	return pg_value([&] { return HeapTupleGetDatum(row); });
}

/* false where it takes the type's input function. */
static bool
try_natural(js_context context, js_value value, type_map &type, int32 typmod,
			Datum *datum, bool *is_null)
{
	switch (type.kind)
	{
		case mapping::boolean:
			if (!value->IsBoolean())
				return false;
			*datum = BoolGetDatum(value.As<v8::Boolean>()->Value());
			return true;
		case mapping::int2:
		case mapping::int4:
		case mapping::int8:
		case mapping::oid:
			return try_integer(value, type, datum);
		case mapping::float4:
			if (!value->IsNumber())
				return false;
			{
				double		number = value.As<v8::Number>()->Value();
				float4		narrow = (float4) number;

				if (std::isinf(narrow) && !std::isinf(number))
					out_of_range(type);
				*datum = Float4GetDatum(narrow);
			}
			return true;
		case mapping::float8:
			if (!value->IsNumber())
				return false;
			*datum = Float8GetDatum(value.As<v8::Number>()->Value());
			return true;
		case mapping::date:
		case mapping::timestamp:
			if (!value->IsDate())
				return false;
			*datum = from_date(value, type, typmod);
			return true;
		case mapping::text:
			if (typmod >= 0)
				return false;
			*datum = from_text(context, value);
			return true;
		case mapping::bytea:
			if (!value->IsArrayBufferView() && !value->IsArrayBuffer())
				return false;
			*datum = from_bytes(value);
			return true;
		case mapping::json:
		case mapping::jsonb:
			*is_null = !from_json(context, value, type, datum);
			return true;
		case mapping::array:
			*datum = from_array(context, value, type, typmod);
			return true;
		case mapping::composite:
		case mapping::record:
			*datum = from_object(context, value, type, typmod);
			return true;
		case mapping::numeric:	/* its shortest decimal form, not 15 digits */
		case mapping::literal:
			return false;
		case mapping::nothing:
			*is_null = true;
			return true;
		case mapping::unsupported:
			break;
	}
	throw error_report(ERRCODE_FEATURE_NOT_SUPPORTED,
					   "JavaScript cannot give a value of type " +
						   type_name(type));
}

Datum
to_datum(js_context context, js_value value, type_map &type, int32 typmod,
		 bool *is_null)
{
	Datum		datum = (Datum) 0;

	if (type.is_domain())
		typmod = type.base_typmod;
	*is_null = value->IsNullOrUndefined();
	if (!*is_null &&
		!try_natural(context, value, type, typmod, &datum, is_null))
		datum = from_literal(context, value, type, typmod);

	if (type.is_domain())
	{
		bool		null = *is_null;

		pg_call([&] {
			domain_check(datum, null, type.oid, &type.domain_checks,
						 TopMemoryContext);
		});
	}
	return datum;
}

}	// namespace plv8
