/*
 * plan.cursor(): cursor.fetch([n]), cursor.move(n), cursor.close().
 *
 * A cursor is known by its portal's name, so that one left open over the end
 * of its transaction is found to be gone and not touched.
 */
#include "api.h"
#include "prepared_plan.h"
#include "subtransaction.h"
#include "text_codec.h"

namespace plv8 {

/* Inside pg_call. */
static Portal
find_portal(const char *name)
{
	Portal		portal = SPI_cursor_find(name);

	if (!PortalIsValid(portal))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_CURSOR),
				 errmsg("cannot find cursor")));
	return portal;
}

static std::string
portal_name(const callback_info &info)
{
	return server_string(
		info.Holder()->GetInternalField(0).As<v8::String>());
}

static int
row_count(const callback_info &info)
{
	if (info.Length() == 0)
		return 1;
	return checked(
		info[0]->Int32Value(info.GetIsolate()->GetCurrentContext()));
}

/* One row as an object, or as many as asked for as an array. */
static void
cursor_fetch(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
	std::string name = portal_name(info);
	bool		single = info.Length() == 0;
	int			count = row_count(info);

	in_spi([&] {
		pg_call([&] {
			SPI_cursor_fetch(find_portal(name.c_str()), count >= 0,
							 count >= 0 ? count : -(long) count);
		});

		uint64		found = SPI_tuptable ? SPI_tuptable->numvals : 0;

		if (found == 0 && single)
			return;		/* undefined ends a while loop */
		if (found == 0)
		{
			info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), 0));
			return;
		}

		v8::Local<v8::Array> rows = rows_to_js(context, SPI_tuptable, found);

		if (single)
			info.GetReturnValue().Set(checked(rows->Get(context, 0)));
		else
			info.GetReturnValue().Set(rows);
	});
}

static void
cursor_move(const callback_info &info)
{
	std::string name = portal_name(info);
	int			count = row_count(info);

	in_spi([&] {
		pg_call([&] {
			SPI_cursor_move(find_portal(name.c_str()), count >= 0,
							count >= 0 ? count : -(long) count);
		});
	});
}

static void
cursor_close(const callback_info &info)
{
	std::string name = portal_name(info);

	in_spi([&] {
		pg_call([&] { SPI_cursor_close(find_portal(name.c_str())); });
	});
}

v8::Local<v8::Object>
make_cursor(v8::Local<v8::Context> context, const char *portal)
{
	static const api_method methods[] = {
		{"fetch", api_callback<cursor_fetch>},
		{"move", api_callback<cursor_move>},
		{"close", api_callback<cursor_close>},
	};
	static api_class &the_class =
		*new api_class("Cursor", methods, lengthof(methods));
	v8::Local<v8::Object> object = the_class.make(context);

	object->SetInternalField(0, js_text(portal));
	return object;
}

}	// namespace plv8
