/*
 * CREATE TABLESPACE and DROP TABLESPACE; see outside.c.
 *
 * Runs in: the client's backend.
 * Path: backend/outside.c -> here -> backend/outside_steps.c
 * Locks: outside_session.h
 */
#include "postgres.h"

#include "backend/outside_kinds.h"
#include "backend/outside_session.h"
#include "backend/outside_steps.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

static const char *
tablespace_target(const char *name)
{
	return psprintf("tablespace %s", quote_identifier(name));
}

void
MtmOutsideCreateTablespace(MtmOutsideClient *statement)
{
	CreateTableSpaceStmt *create = (CreateTableSpaceStmt *) statement->node;
	const char *target = tablespace_target(create->tablespacename);
	ErrorData  *error;
	MtmOutsideChange *change;

	MtmOutsideLock(target);
	MtmOutsideRunHere(statement);
	change = MtmOutsideChangeMake(statement->command, target, statement->text);
	error = MtmOutsideAttempt(MtmOutsideMakeSoOnOthers, change);
	if (error)
		MtmOutsideUndoAndThrow(error, change,
							   psprintf("DROP TABLESPACE IF EXISTS %s",
										quote_identifier(create->tablespacename)));
}

void
MtmOutsideDropTablespace(MtmOutsideClient *statement)
{
	DropTableSpaceStmt *drop = (DropTableSpaceStmt *) statement->node;
	Oid			tablespace = get_tablespace_oid(drop->tablespacename, true);
	MtmOutsideChange *change;

	if (!OidIsValid(tablespace) ? !drop->missing_ok :
		!pg_tablespace_ownercheck(tablespace, GetUserId()))
	{
		MtmOutsideRunHere(statement);
		return;
	}
	change = MtmOutsideChangeMake(statement->command, tablespace_target(drop->tablespacename),
								  psprintf("DROP TABLESPACE IF EXISTS %s",
										   quote_identifier(drop->tablespacename)));
	MtmOutsideLock(change->target);
	MtmOutsidePublish(change);
	MtmOutsideRunOnOthers(change);
	MtmOutsideRunHere(statement);
	MtmOutsideRecord(change);
}
