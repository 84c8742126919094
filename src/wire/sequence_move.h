/*
 * Where a sequence goes on, told to other nodes: content of MTM_MESSAGE_SEQUENCE and of the
 * Q record. Each node goes on at its own value from there on.
 *
 * Runs in: backends (write), apply workers (read).
 */
#ifndef MTM_WIRE_SEQUENCE_MOVE_H
#define MTM_WIRE_SEQUENCE_MOVE_H

#include "lib/stringinfo.h"

typedef enum MtmSequenceMoveKind
{
	MTM_SEQUENCE_SET = 's',		/* setval(): there, backwards as well */
	MTM_SEQUENCE_REACH = 'r',	/* not before that; who is behind it stays */
	MTM_SEQUENCE_BEHIND = 'b'	/* the same, and refuse where more was given: the values of all
								 * nodes changed, so that they could meet older ones */
} MtmSequenceMoveKind;

typedef struct MtmSequenceMove
{
	MtmSequenceMoveKind kind;
	int64		value;			/* last_value and is_called, as of a sequence */
	bool		is_called;
	const char *schema;			/* after reading, these point into the input */
	const char *name;
} MtmSequenceMove;

extern void MtmSequenceMoveWrite(StringInfo out, const MtmSequenceMove *move);
extern void MtmSequenceMoveRead(StringInfo in, MtmSequenceMove *move);

#endif
