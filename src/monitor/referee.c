/*
 * Asking the referee; see referee.h.
 *
 * Runs in: the monitor starts a process; the rest in that process, a background worker
 *          that ends with the answer.
 * Path: mtm.monitor_step() -> shell_referee.c -> here ~~ libpq ~~> the referee
 *       -> here -> shmem/events.c -> monitor.c
 * Locks: none of its own.
 *
 * A process of its own, because not all of libpq is free of waits: it looks up host names, and
 * a name server that is cut off as well would hold up the monitor for many seconds. Here
 * it holds up nobody. A node asks only while it is alone, so a process for each question is
 * not too many, and none is there in between.
 */
#include "postgres.h"

#include "background.h"
#include "miscadmin.h"
#include "monitor/referee.h"
#include "monitor/remote_query.h"
#include "monotonic_time.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/shared.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#define NAME "multimaster referee question"

/* The same question is asked again after so long at the soonest. */
#define ASK_AGAIN_MS 1000
/* Failures are logged at most so often. */
#define LOG_AGAIN_MS 60000

/* Older than any generation: the referee says what it holds and changes nothing. */
#define NO_GENERATION 0

/* The answer must survive the referee's own crash. */
#define SETTINGS \
	"-c synchronous_commit=on -c default_transaction_read_only=off " \
	"-c default_transaction_isolation=read\\ committed"

typedef struct Question
{
	int64		number;
	bool		log_failure;
} Question;

/*---------------------------------------------------------------------------
 * The monitor's side.
 */
static BackgroundWorkerHandle *asking = NULL;
static int64 asked_number = -1;
static int64 asked_ms = 0;
static int64 logged_ms = 0;		/* when a failure could be logged last; 0: never */

/* False also when the time for the next line has not come. */
static bool
may_log(void)
{
	int64		now_ms = MtmNowMs();

	if (logged_ms != 0 && now_ms - logged_ms < LOG_AGAIN_MS)
		return false;
	logged_ms = now_ms;
	return true;
}

static void
start_process(int64 number)
{
	Question	question = {
		.number = number,
		.log_failure = number == NO_GENERATION || may_log(),
	};
	BackgroundWorker worker = MtmBackgroundWorker(NAME, "MtmRefereeMain");

	StaticAssertStmt(sizeof(question) <= BGW_EXTRALEN, "does not fit");
	memcpy(worker.bgw_extra, &question, sizeof(question));

	if (!MtmBackgroundStart(&worker, &asking) && question.log_failure)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not ask the referee: all background workers are in use"),
				 errhint("Increase max_worker_processes.")));
}

void
MtmRefereeAsk(int64 number)
{
	bool		same = number == asked_number;

	if (MtmBackgroundRuns(&asking))
	{
		/* The control plane asks again when it has ended. */
		if (!same)
			TerminateBackgroundWorker(asking);
		return;
	}
	if (same && MtmNowMs() - asked_ms < ASK_AGAIN_MS)
		return;
	asked_number = number;
	asked_ms = MtmNowMs();
	start_process(number);
}

void
MtmRefereeTry(void)
{
	if (MtmHasReferee())
		MtmRefereeAsk(NO_GENERATION);
}

/*---------------------------------------------------------------------------
 * The process.
 */

/* A number that is not null, up to `most`; else 0. */
static int64
number_in(const char *text, int64 most)
{
	char	   *end;
	int64		number;

	if (!text)
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && number > 0 && number <= most ? number : 0;
}

static void
log_problem(const char *problem)
{
	ereport(LOG,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("could not ask the referee: %s", problem),
			 errhint("The database in multimaster.referee_connstring must have the extension "
					 "\"referee\", and the role the right to execute "
					 "referee.request_grant().")));
}

/* The control plane reads it as a number of JavaScript, exact up to 2^53. */
static void
take_answer(char **row)
{
	int64		winner = number_in(row[0], MTM_MAX_NODES);
	int64		number = number_in(row[1], INT64CONST(1) << 53);
	char		body[32];

	if (winner == 0 || number == 0)
	{
		log_problem("the answer makes no sense");
		return;
	}
	snprintf(body, sizeof(body), INT64_FORMAT, number);
	(void) MtmEventPut(MTM_EVENT_REFEREE, (int) winner, body, strlen(body));
}

void
MtmRefereeMain(Datum arg)
{
	Question	question;
	char		query[128];
	char	  **row;
	char	   *problem = NULL;

	memcpy(&question, MyBgworkerEntry->bgw_extra, sizeof(question));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* No database is read; this makes it visible in pg_stat_activity. */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	snprintf(query, sizeof(query),
			 "SELECT node_id, gen_num FROM referee.request_grant(%d, " INT64_FORMAT ")",
			 mtm_node_id, question.number);
	row = MtmRemoteRow(mtm_referee_connstring, SETTINGS, query, mtm_connect_timeout, 2,
					   &problem);
	if (!row && question.log_failure)
		log_problem(problem);
	if (row && question.number == NO_GENERATION)
		ereport(LOG, (errmsg("multimaster: the referee can be asked")));
	else if (row)
		take_answer(row);
}
