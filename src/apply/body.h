/*
 * Reading the body of a transaction, record by record, from queue memory or from its file.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_BODY_H
#define MTM_BODY_H

#include "lib/stringinfo.h"
#include "shmem/transactions.h"

extern void MtmBodyOpen(const MtmTransaction *tx);
/* False at the end. *record is valid until the next call; its first byte is the kind. */
extern bool MtmBodyNext(StringInfo record);
/* The next one of this kind; what lies before it is passed over unread. */
extern bool MtmBodyFind(char kind, StringInfo record);
extern void MtmBodyClose(void);

#endif
