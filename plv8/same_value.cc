/*
 * Whether two JavaScript values would be the same SQL value. Used by triggers:
 * a column that the script left alone keeps its datum, though JavaScript sees
 * less of it (microseconds, infinity, digits of a numeric, spaces in json).
 */
#include "same_value.h"

#include "engine.h"
#include "pg_call.h"
#include "text_codec.h"

namespace plv8 {

using js_value = v8::Local<v8::Value>;
using js_context = v8::Local<v8::Context>;

static bool
same_bytes(v8::Local<v8::ArrayBufferView> a, v8::Local<v8::ArrayBufferView> b)
{
	if (a->ByteLength() != b->ByteLength())
		return false;

	std::vector<char> first(a->ByteLength()), second(b->ByteLength());

	a->CopyContents(first.data(), first.size());
	b->CopyContents(second.data(), second.size());
	return first == second;
}

static bool
same_elements(js_context context, v8::Local<v8::Array> a,
			  v8::Local<v8::Array> b)
{
	if (a->Length() != b->Length())
		return false;
	for (uint32_t i = 0; i < a->Length(); i++)
		if (!same_value(context, checked(a->Get(context, i)),
						checked(b->Get(context, i))))
			return false;
	return true;
}

/* Plain objects: the same own properties with the same values. */
static bool
same_properties(js_context context, v8::Local<v8::Object> a,
				v8::Local<v8::Object> b)
{
	v8::Local<v8::Array> names = checked(a->GetOwnPropertyNames(context));

	if (checked(b->GetOwnPropertyNames(context))->Length() != names->Length())
		return false;
	for (uint32_t i = 0; i < names->Length(); i++)
	{
		js_value	name = checked(names->Get(context, i));

		if (!checked(b->HasOwnProperty(context, name.As<v8::Name>())) ||
			!same_value(context, checked(a->Get(context, name)),
						checked(b->Get(context, name))))
			return false;
	}
	return true;
}

/* One with a toJSON() of its own is not what it looks like. */
static bool
is_plain(js_context context, v8::Local<v8::Object> object)
{
	return !checked(object->Has(context, js_name("toJSON")));
}

bool
same_value(js_context context, js_value a, js_value b)
{
	v8::HandleScope handles(session.isolate);

	if (a->SameValue(b))
		return true;
	if (!a->IsObject() || !b->IsObject())
		return false;
	pg_call([] { check_stack_depth(); });	/* b may be deep or in circles */

	if (a->IsDate() || b->IsDate())
	{
		if (!a->IsDate() || !b->IsDate())
			return false;

		double		first = a.As<v8::Date>()->ValueOf();
		double		second = b.As<v8::Date>()->ValueOf();

		return first == second || (std::isnan(first) && std::isnan(second));
	}
	if (a->IsArrayBufferView() || b->IsArrayBufferView())
		return a->IsArrayBufferView() && b->IsArrayBufferView() &&
			   same_bytes(a.As<v8::ArrayBufferView>(),
						  b.As<v8::ArrayBufferView>());
	if (!is_plain(context, b.As<v8::Object>()))
		return false;
	if (a->IsArray() || b->IsArray())
		return a->IsArray() && b->IsArray() &&
			   same_elements(context, a.As<v8::Array>(), b.As<v8::Array>());
	return same_properties(context, a.As<v8::Object>(), b.As<v8::Object>());
}

}	// namespace plv8
