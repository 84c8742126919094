/*
 * Where a sequence stands, and how it goes on with values of this node's share.
 *
 * Runs in: backends, apply workers, the recovery process.
 *
 * `form` is the sequence's definition with its own increment, not the multiplied one.
 * Callers have locked the sequence: RowExclusiveLock keeps its definition and the share.
 */
#ifndef MTM_BACKEND_SEQUENCE_PLACE_H
#define MTM_BACKEND_SEQUENCE_PLACE_H

#include "postgres.h"

#include "backend/sequence_share.h"
#include "catalog/pg_sequence.h"
#include "utils/rel.h"

/* Differences of two int64 and their quotients need more than 64 bits. */
typedef int128 MtmWide;

/* last_value and is_called, as SELECT gives them. */
extern void MtmSequenceRead(Relation sequence, int64 *last_value, bool *is_called);
/* The value behind a place, whoever has it. */
extern MtmWide MtmSequenceBehind(const FormData_pg_sequence *form, int64 last_value,
								 bool is_called);
/* The first value of the share from `next` on. False: there is none. */
extern bool MtmSequenceFirstOwn(const FormData_pg_sequence *form,
								const MtmSequenceShare *share, MtmWide next, int64 *value);
/* Is there a value for each share of this size, from `next` on? */
extern bool MtmSequenceHasAll(const FormData_pg_sequence *form, int modulus, MtmWide next);

/*
 * Go on with the first value of the share from `next` on, wherever it stood. False: there
 * is none, and the sequence is left at its end.
 */
extern bool MtmSequenceGoOn(Relation sequence, const FormData_pg_sequence *form,
							const MtmSequenceShare *share, MtmWide next);
/*
 * Go on with a value of the share, not before `next` and not before where it stands, while
 * others draw values. False: it did already.
 */
extern bool MtmSequenceReach(Relation sequence, const FormData_pg_sequence *form,
							 const MtmSequenceShare *share, MtmWide next);

#endif
