/*
 * Ends endless scripts on cancel, statement_timeout and terminate.
 *
 * PostgreSQL's signal handlers only set flags (InterruptPending and others)
 * for CHECK_FOR_INTERRUPTS(), and a script of pure JavaScript never gets
 * there. V8 must be told, by Isolate::RequestInterrupt() or
 * TerminateExecution(). Both take a mutex of the isolate, so:
 *
 * - they cannot be called from a signal handler (or a timeout handler, which
 *   runs in one): the interrupted main thread may hold that very mutex;
 * - V8's header allows them from any thread at any time.
 *
 * So one small thread looks at InterruptPending every 10 ms while a script
 * runs, and asks V8 to call on_interrupt() in the main thread at the next
 * loop turn or function entry. It is safe because
 *
 * 1. it starts with all signals blocked: every signal of PostgreSQL is still
 *    handled in the main thread;
 * 2. it runs no PostgreSQL code and only reads one sig_atomic_t;
 * 3. the isolate is never freed, so its last poll before exit() is harmless;
 * 4. a request that comes late (script over, flag cleared) finds
 *    on_interrupt() with nothing to do.
 *
 * It sleeps on a condition variable when no script has run for half a second,
 * so an idle session costs nothing and a busy one no system call per script.
 *
 * Locks: `mutex` guards only the step between asleep and awake.
 */
#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "engine.h"
#include "pg_call.h"

namespace plv8 {

static const int poll_ms = 10;
static const int idle_polls = 50;

static std::atomic<int> scripts{0};		/* written by the main thread only */
static std::atomic<bool> awake{false};
static std::atomic<bool> requested{false};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

/*
 * In the main thread, called by V8 between two steps of the script. No
 * exception may leave it, and it may not run JavaScript.
 */
static void
on_interrupt(v8::Isolate *, void *)
{
	requested = false;
	if (InterruptHoldoffCount != 0 || CritSectionCount != 0)
		return;		/* not now; the watchdog asks again */

	if (ProcDiePending || (QueryCancelPending && QueryCancelHoldoffCount == 0))
	{
		/* Raised by the handler, outside of V8: it may be FATAL. */
		request_stop(stop_reason::interrupt);
		return;
	}

	/* Barriers and the like: serve them and let the script go on. */
	try
	{
		pg_call([] { CHECK_FOR_INTERRUPTS(); });
	}
	catch (const error_report &report)
	{
		request_stop(report);
	}
	catch (const std::bad_alloc &)
	{
		request_stop(stop_reason::out_of_memory);
	}
}

static void
sleep_until_woken()
{
	pthread_mutex_lock(&mutex);
	awake = false;
	while (scripts == 0 && !awake)
		pthread_cond_wait(&wake, &mutex);
	awake = true;
	pthread_mutex_unlock(&mutex);
}

static void *
watch(void *)
{
	int			idle = 0;

	for (;;)
	{
		struct timespec pause = {0, poll_ms * 1000000L};

		nanosleep(&pause, nullptr);
		if (scripts == 0)
		{
			if (++idle >= idle_polls)
			{
				sleep_until_woken();
				idle = 0;
			}
			continue;
		}
		idle = 0;
		if (InterruptPending && !requested.exchange(true))
			session.isolate->RequestInterrupt(on_interrupt, nullptr);
	}
	return nullptr;
}

void
start_watchdog()
{
	static bool started = false;
	pthread_t	thread;
	pthread_attr_t attributes;
	sigset_t	all,
				before;
	int			failure;

	if (started)
		return;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&thread, &attributes, watch, nullptr);
	pthread_sigmask(SIG_SETMASK, &before, nullptr);
	pthread_attr_destroy(&attributes);
	if (failure != 0)
		throw error_report(ERRCODE_INSUFFICIENT_RESOURCES,
						   std::string("could not start plv8's watchdog: ") +
							   strerror(failure));
	started = true;
}

/*
 * Dekker's pattern: we write `scripts` and read `awake`, the watchdog writes
 * `awake` and reads `scripts`; sequential consistency lets at least one of
 * the two see the other.
 */
script_running::script_running()
{
	scripts.store(scripts.load(std::memory_order_relaxed) + 1);
	if (!awake)
	{
		pthread_mutex_lock(&mutex);
		awake = true;
		pthread_cond_signal(&wake);
		pthread_mutex_unlock(&mutex);
	}
}

script_running::~script_running()
{
	scripts.store(scripts.load(std::memory_order_relaxed) - 1,
				  std::memory_order_release);
}

}	// namespace plv8
