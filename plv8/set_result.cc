/*
 * Results of set-returning functions: rows given by plv8.return_next() and
 * those of a returned array, into one tuplestore (materialize mode).
 */
#include "set_result.h"

#include "function_call.h"
#include "function_cache.h"
#include "js_to_datum.h"
#include "memory_scope.h"
#include "pg_call.h"

namespace plv8 {

/* A getter of a row may call return_next() itself: no reset under its feet. */
struct row_sink_use {
	explicit row_sink_use(row_sink &s) : sink(s) { sink.uses++; }
	~row_sink_use() {
		if (--sink.uses == 0)
			MemoryContextReset(sink.garbage);
	}
	row_sink   &sink;
};

struct rows_scope {
	rows_scope(frame &f, row_sink &sink) : owner(f) { owner.rows = &sink; }
	~rows_scope() { owner.rows = nullptr; }
	frame	   &owner;
};

static row_sink
open_sink(FunctionCallInfo fcinfo, compiled_function &function)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	row_sink	sink = {};

	if (info == NULL || !IsA(info, ReturnSetInfo) ||
		!(info->allowedModes & SFRM_Materialize))
		throw error_report(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "set-valued function called in context that "
						   "cannot accept a set");
	if (info->expectedDesc == NULL)
		throw error_report(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "function returning record called in context that "
						   "cannot accept type record");
	pg_call([&] {
		MemoryContext before =
			MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);

		sink.store = tuplestore_begin_heap(
			(info->allowedModes & SFRM_Materialize_Random) != 0, false,
			work_mem);
		sink.shape = CreateTupleDescCopy(info->expectedDesc);
		MemoryContextSwitchTo(before);
		sink.garbage = AllocSetContextCreate(CurrentMemoryContext, "plv8 row",
											 ALLOCSET_DEFAULT_SIZES);
	});
	sink.composite = function.result_type == RECORDOID ||
					 (!function.polymorphic_result &&
					  map_type(function.result_type).is_row()) ||
					 sink.shape->natts != 1;
	return sink;
}

void
put_row(v8::Local<v8::Context> context, row_sink &sink,
		v8::Local<v8::Value> row)
{
	v8::HandleScope handles(session.isolate);
	memory_scope scope(sink.garbage);
	row_sink_use use(sink);
	Datum	   *values;
	bool	   *nulls;

	pg_call([&] {
		values = (Datum *) palloc(sink.shape->natts * sizeof(Datum));
		nulls = (bool *) palloc(sink.shape->natts * sizeof(bool));
	});
	if (sink.composite)
		to_columns(context, row, sink.shape, values, nulls);
	else
		values[0] = to_datum(
			context, row, map_type(TupleDescAttr(sink.shape, 0)->atttypid),
			TupleDescAttr(sink.shape, 0)->atttypmod, &nulls[0]);
	pg_call([&] {
		tuplestore_putvalues(sink.store, sink.shape, values, nulls);
	});
}

static void
put_result(v8::Local<v8::Context> context, row_sink &sink,
		   v8::Local<v8::Value> result)
{
	if (result->IsNullOrUndefined())
		return;
	if (!result->IsArray())
	{
		put_row(context, sink, result);
		return;
	}

	v8::Local<v8::Array> rows = result.As<v8::Array>();

	for (uint32_t i = 0; i < rows->Length(); i++)
	{
		v8::HandleScope handles(session.isolate);

		put_row(context, sink, checked(rows->Get(context, i)));
		if (i % 1024 == 0)
			pg_call([] { CHECK_FOR_INTERRUPTS(); });
	}
}

void
call_for_rows(FunctionCallInfo fcinfo, compiled_function &function)
{
	v8::Local<v8::Context> context = session.isolate->GetCurrentContext();
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	row_sink	sink = open_sink(fcinfo, function);
	rows_scope	accepted(*session.top, sink);

	put_result(context, sink, call_with_arguments(fcinfo, function));
	info->returnMode = SFRM_Materialize;
	info->setResult = sink.store;
	info->setDesc = sink.shape;
}

}	// namespace plv8
