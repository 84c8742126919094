/*
 * Running a function of ours where a process serves its interrupts; see interrupt.h.
 *
 * Runs in: every process.
 * Locks: none.
 *
 * PostgreSQL has no interrupt for extensions. A cancel fails with words and an SQLSTATE of
 * its own, and does nothing to a session that is idle in a transaction. But one of its
 * interrupts leads to a hook: who is asked to log its memory contexts says so in a
 * message of the server's log, and each message passes emit_log_hook. That happens in
 * ProcessInterrupts(), where a backend may fail, and before it all of PostgreSQL's own
 * reasons have had their turn. When the handler had something to do, the message and what
 * it announces are kept out of the log.
 *
 * Where log_min_messages is fatal or panic there is no message, and nothing runs. Then
 * who waits for this process waits as long as without it.
 */
#include "postgres.h"

#include "interrupt.h"
#include "miscadmin.h"
#include "storage/procsignal.h"

static MtmInterruptHandler serve = NULL;
/* Memory contexts are being listed for nobody. */
static bool listing = false;
static emit_log_hook_type next_emit_log = NULL;

/* Their formats, as in mcxt.c. */
static bool
is_announcement(const char *format)
{
	return strcmp(format, "logging memory contexts of PID %d") == 0;
}

static bool
is_last_line(const char *format)
{
	return strncmp(format, "Grand total: ", strlen("Grand total: ")) == 0;
}

static bool
is_line(const char *format)
{
	return strncmp(format, "level: %d; ", strlen("level: %d; ")) == 0;
}

/* True: it is not for the log. */
static bool
is_ours(const char *format)
{
	if (is_announcement(format))
		listing = serve();
	else if (listing && is_last_line(format))
	{
		listing = false;
		return true;
	}
	else
		return listing && is_line(format);
	return listing;
}

static void
on_log(ErrorData *error)
{
	if (error->elevel == LOG_SERVER_ONLY && error->message_id &&
		is_ours(error->message_id))
		error->output_to_server = false;
	else if (next_emit_log)
		next_emit_log(error);
}

void
MtmInterruptProcess(int pid, BackendId backend_id)
{
	(void) SendProcSignal(pid, PROCSIG_LOG_MEMORY_CONTEXT, backend_id);
}

void
MtmInterruptSelf(void)
{
	LogMemoryContextPending = true;
	InterruptPending = true;
}

void
MtmInterruptSetHandler(MtmInterruptHandler handler)
{
	serve = handler;
}

void
MtmInterruptInstallHooks(MtmInterruptHandler handler)
{
	serve = handler;
	next_emit_log = emit_log_hook;
	emit_log_hook = on_log;
}
