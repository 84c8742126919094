/* The kinds of statements that run outside of transactions, each on every node; see outside.c. */
#ifndef MTM_BACKEND_OUTSIDE_KINDS_H
#define MTM_BACKEND_OUTSIDE_KINDS_H

#include "backend/outside_steps.h"

extern void MtmOutsideCreateIndex(MtmOutsideClient *statement);
extern void MtmOutsideDropIndex(MtmOutsideClient *statement);
extern void MtmOutsideDetachPartition(MtmOutsideClient *statement);
extern void MtmOutsideCreateTablespace(MtmOutsideClient *statement);
extern void MtmOutsideDropTablespace(MtmOutsideClient *statement);

#endif
