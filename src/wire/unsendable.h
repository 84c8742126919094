/*
 * A change that cannot be sent: in its place goes the error that every other node must
 * refuse the transaction with. Else the stream would stop at it for ever.
 *
 *   uint32 sqlstate, message, detail, hint (strings)
 */
#ifndef MTM_UNSENDABLE_H
#define MTM_UNSENDABLE_H

#include "lib/stringinfo.h"

extern void MtmUnsendableWrite(StringInfo out, int sqlstate, const char *message,
							   const char *detail, const char *hint);
extern void MtmUnsendableRaise(StringInfo in) pg_attribute_noreturn();

#endif
