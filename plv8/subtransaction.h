/*
 * Subtransactions around whatever a script may fail in and go on.
 *
 * An error leaves locks, pins and memory behind that only the end of a
 * (sub)transaction gives back. As a script may catch any error, each call
 * into SPI has a subtransaction of its own: a caught error leaves the
 * transaction usable, with nothing of the failed statement in it. It costs
 * about a microsecond, and a transaction id of its own for each statement
 * that writes; so write many rows by one statement, not many.
 */
#pragma once

#include "frame.h"
#include "pg_call.h"

namespace plv8 {

class subtransaction {
public:
	subtransaction();
	void commit();
	void roll_back();

private:
	ResourceOwner owner_;
	int			level_;
};

template <typename F>
void in_subtransaction(F &&body) {
	subtransaction sub;

	try
	{
		body();
		sub.commit();
	}
	catch (error_report &report)
	{
		sub.roll_back();
		report.unsafe = false;
		throw;
	}
	catch (...)
	{
		sub.roll_back();
		throw;
	}
}

/* The same with an SPI connection. */
template <typename F>
void in_spi(F &&body) {
	TriggerData *trigger = session.top->trigger;

	in_subtransaction([&] {
		pg_call([&] {
			if (SPI_connect() != SPI_OK_CONNECT)
				elog(ERROR, "SPI_connect failed");
			/* For transition tables (REFERENCING ... AS). */
			if (trigger != NULL && SPI_register_trigger_data(trigger) < 0)
				elog(ERROR, "SPI_register_trigger_data failed");
		});
		body();
		pg_call([] { SPI_finish(); });
	});
}

}	// namespace plv8
