/*
 * Which inbound connection of a peer is the one that counts: always the newest.
 *
 * Runs in: link receivers.
 */
#ifndef MTM_LINK_TAKEOVER_H
#define MTM_LINK_TAKEOVER_H

#include "postgres.h"

/* Become the peer's link receiver; whoever was it is woken to see that it no longer is. */
extern void MtmLinkTake(int node_id);
extern bool MtmLinkIsMine(int node_id);

#endif
