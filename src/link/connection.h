/*
 * One outgoing link: a libpq connection to a peer's link receiver, from the first
 * attempt to the stream of messages, without ever waiting.
 *
 * Runs in: the link sender.
 */
#ifndef MTM_LINK_CONNECTION_H
#define MTM_LINK_CONNECTION_H

#include "lib/stringinfo.h"
#include "libpq-fe.h"

/*
 *   IDLE --> CONNECTING --> STARTING --> STREAMING
 *     ^          |             |             |
 *     +----------+-------------+-------------+   lost; tried again after a while
 */
typedef enum MtmLinkState
{
	MTM_LINK_IDLE,				/* until retry_at */
	MTM_LINK_CONNECTING,		/* PQconnectPoll goes on */
	MTM_LINK_STARTING,			/* asked for COPY IN, no answer yet */
	MTM_LINK_STREAMING			/* messages are let in and written */
} MtmLinkState;

typedef struct MtmLink
{
	int			node_id;
	MtmLinkState state;
	PGconn	   *conn;
	uint64		socket_serial;	/* grows whenever the socket may be another one */
	PostgresPollingStatusType polling;
	bool		flushing;		/* libpq holds what the socket did not take */
	/* times as MtmNowMs() gives them */
	int64		deadline_ms;	/* of CONNECTING, STARTING, and of a flush */
	int64		retry_at_ms;
	uint64		link_in_epoch;	/* the peer's, when this attempt began */
	int			retry_after_ms;
	int64		streaming_since_ms;
	int64		last_sent_ms;
	StringInfoData batch;
	char	   *told;			/* the last failure in the log, and when */
	int64		told_at_ms;
} MtmLink;

extern void MtmLinkInit(MtmLink *link, int node_id);
/* Do whatever can be done now. `ready`: its socket is. */
extern void MtmLinkStep(MtmLink *link, bool ready, int64 now_ms);
/* Which events of the socket it waits for; 0: none. */
extern uint32 MtmLinkEvents(const MtmLink *link);
/* When it wants to be stepped even if nothing happens. */
extern int64 MtmLinkNextTime(const MtmLink *link);
extern void MtmLinkClose(MtmLink *link);

#endif
