/* The link sender: the one process that writes messages to all other nodes. */
#ifndef MTM_LINK_SENDER_H
#define MTM_LINK_SENDER_H

#include "postgres.h"

extern void MtmLinkSenderRegister(void);
extern PGDLLEXPORT void MtmLinkSenderMain(Datum arg);

#endif
