/* The flusher: makes outcomes of this node's transactions durable that nobody waits for. */
#ifndef MTM_FLUSHER_H
#define MTM_FLUSHER_H

#include "postgres.h"

extern void MtmFlusherRegister(void);
extern PGDLLEXPORT void MtmFlusherMain(Datum arg);

#endif
