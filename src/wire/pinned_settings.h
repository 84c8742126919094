/*
 * Settings under which all nodes write and read the same text of a value or an expression.
 */
#ifndef MTM_WIRE_PINNED_SETTINGS_H
#define MTM_WIRE_PINNED_SETTINGS_H

/* Returns what AtEOXact_GUC(false, ...) ends it with. */
extern int	MtmPinSettings(void);

#endif
