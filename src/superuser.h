/* A few steps with the rights of the server's first superuser. */
#ifndef MTM_SUPERUSER_H
#define MTM_SUPERUSER_H

typedef struct MtmSavedUser
{
	Oid			user;
	int			context;
} MtmSavedUser;

/* An error in between puts it back by itself, with its transaction or subtransaction. */
extern MtmSavedUser MtmBecomeSuperuser(void);
extern void MtmBecomeUser(MtmSavedUser saved);

#endif
