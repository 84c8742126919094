/*
 * Where a sequence stands; see sequence_place.h.
 *
 * Runs in: backends, apply workers, the recovery process.
 * Path: backend/sequences.c, backend/sequence_moves.c -> here
 * Locks: the content lock of the sequence's only page, in MtmSequenceReach().
 *
 * With the increment I and the share (remainder, modulus) a node gives the values
 * start + I * k for which k mod modulus = remainder. The remainder is counted from the
 * sequence's start, which is the same on all nodes, and not from the value it stands at,
 * which need not be: copies of a server skip values.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "backend/sequence_place.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "superuser.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

void
MtmSequenceRead(Relation sequence, int64 *last_value, bool *is_called)
{
	SysScanDesc scan = systable_beginscan(sequence, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);
	Form_pg_sequence_data data;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("sequence \"%s\" has no row",
						RelationGetRelationName(sequence))));
	data = (Form_pg_sequence_data) GETSTRUCT(tuple);
	*last_value = data->last_value;
	*is_called = data->is_called;
	systable_endscan(scan);
}

MtmWide
MtmSequenceBehind(const FormData_pg_sequence *form, int64 last_value, bool is_called)
{
	return (MtmWide) last_value + (is_called ? form->seqincrement : 0);
}

/* The least k >= (next - start) / increment. */
static MtmWide
steps_to(MtmWide next, const FormData_pg_sequence *form)
{
	MtmWide		distance = next - form->seqstart;
	MtmWide		steps = distance / form->seqincrement;

	if (steps * form->seqincrement != distance &&
		(distance < 0) == (form->seqincrement < 0))
		steps++;
	return steps;
}

static bool
in_range(MtmWide value, const FormData_pg_sequence *form)
{
	return value >= form->seqmin && value <= form->seqmax;
}

bool
MtmSequenceFirstOwn(const FormData_pg_sequence *form, const MtmSequenceShare *share,
					MtmWide next, int64 *value)
{
	int			modulus = share->modulus;
	MtmWide		steps = steps_to(next, form);
	MtmWide		own;

	steps += ((share->remainder - steps % modulus) % modulus + modulus) % modulus;
	own = form->seqstart + steps * form->seqincrement;
	if (!in_range(own, form))
		return false;
	*value = (int64) own;
	return true;
}

bool
MtmSequenceHasAll(const FormData_pg_sequence *form, int modulus, MtmWide next)
{
	MtmWide		last_steps = steps_to(next, form) + modulus - 1;

	return in_range(form->seqstart + last_steps * form->seqincrement, form);
}

static int64
end_of(const FormData_pg_sequence *form)
{
	return form->seqincrement > 0 ? form->seqmax : form->seqmin;
}

static void
set_value(Relation sequence, int64 value, bool is_called)
{
	MtmSavedUser saved;

	/* whoever may create a sequence need not have the right to set it */
	saved = MtmBecomeSuperuser();
	DirectFunctionCall3(setval3_oid, ObjectIdGetDatum(RelationGetRelid(sequence)),
						Int64GetDatum(value), BoolGetDatum(is_called));
	MtmBecomeUser(saved);
}

bool
MtmSequenceGoOn(Relation sequence, const FormData_pg_sequence *form,
				const MtmSequenceShare *share, MtmWide next)
{
	int64		value;
	bool		left = MtmSequenceFirstOwn(form, share, next, &value);

	if (left)
		set_value(sequence, value, false);
	else
		set_value(sequence, end_of(form), true);
	return left;
}

/* What nextval() would do with it is what is wanted: `value`, or, without one, to fail. */
static bool
stands_there(const FormData_pg_sequence_data *data, const FormData_pg_sequence *form,
			 const MtmSequenceShare *share, bool left, int64 value)
{
	MtmWide		given = data->last_value;

	if (data->is_called)
		given += (MtmWide) form->seqincrement * share->modulus;
	return left ? given == value : !in_range(given, form);
}

/* As nextval() writes it. */
static void
write_place(Relation sequence, Buffer buffer, HeapTuple tuple, int64 last_value,
			bool is_called)
{
	Form_pg_sequence_data data = (Form_pg_sequence_data) GETSTRUCT(tuple);

	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	data->last_value = last_value;
	data->is_called = is_called;
	data->log_cnt = 0;
	if (RelationNeedsWAL(sequence))
	{
		xl_seq_rec	record = {.node = sequence->rd_node};
		XLogRecPtr	written;

		XLogBeginInsert();
		XLogRegisterBuffer(0, buffer, REGBUF_WILL_INIT);
		XLogRegisterData((char *) &record, sizeof(record));
		XLogRegisterData((char *) tuple->t_data, tuple->t_len);
		written = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
		PageSetLSN(BufferGetPage(buffer), written);	/* a macro that repeats its argument */
	}
	END_CRIT_SECTION();
}

/*
 * setval() would not do: who draws a value between the look and the change would be undone.
 *
 * What pg_dump sees must not lie before `next` either: where a value was given, the
 * increment that it is loaded with may be smaller. So it is not enough that nextval() would
 * step over that.
 */
bool
MtmSequenceReach(Relation sequence, const FormData_pg_sequence *form,
				 const MtmSequenceShare *share, MtmWide next)
{
	Buffer		buffer;
	Page		page;
	ItemId		item;
	HeapTupleData tuple;
	Form_pg_sequence_data data;
	MtmWide		here;
	int64		value = 0;
	bool		left;
	bool		stands;

	/* so that the commit flushes the record; not possible when the page is locked */
	if (RelationNeedsWAL(sequence))
		(void) GetTopTransactionId();
	buffer = ReadBuffer(sequence, 0);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	item = PageGetItemId(page, FirstOffsetNumber);
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	data = (Form_pg_sequence_data) GETSTRUCT(&tuple);

	here = MtmSequenceBehind(form, data->last_value, data->is_called);
	if (form->seqincrement > 0 ? here > next : here < next)
		next = here;
	left = MtmSequenceFirstOwn(form, share, next, &value);
	stands = next == here && stands_there(data, form, share, left, value);
	if (!stands)
		write_place(sequence, buffer, &tuple, left ? value : end_of(form), !left);
	UnlockReleaseBuffer(buffer);
	return !stands;
}
