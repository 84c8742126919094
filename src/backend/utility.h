/* The utility hook: where transaction statements and schema changes are caught. */
#ifndef MTM_UTILITY_H
#define MTM_UTILITY_H

extern void MtmUtilityInstallHooks(void);

#endif
