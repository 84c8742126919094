/* Large objects are not replicated: writing them is refused, unless they shall be local. */
#ifndef MTM_BACKEND_LARGE_OBJECTS_H
#define MTM_BACKEND_LARGE_OBJECTS_H

extern void MtmLargeObjectsInstallHooks(void);

#endif
