/*
 * Time for measuring how long something takes: never set back, unlike the clock.
 *
 * Runs in: every process.
 */
#ifndef MTM_MONOTONIC_TIME_H
#define MTM_MONOTONIC_TIME_H

#include "postgres.h"
#include "portability/instr_time.h"

static inline int64
MtmNowMs(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) (INSTR_TIME_GET_MICROSEC(now) / 1000);
}

#endif
