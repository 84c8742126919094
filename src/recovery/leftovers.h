/* What this node has under way as its recovery begins; see leftovers.c. */
#ifndef MTM_LEFTOVERS_H
#define MTM_LEFTOVERS_H

/* Wait until nothing of other nodes' streams is worked on here any more. */
extern void MtmLeftoversQuiet(void);
/* Roll back what the donor has ended and not committed. The stream's connection is open. */
extern void MtmLeftoversEnd(void);

#endif
