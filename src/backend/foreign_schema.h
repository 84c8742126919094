/* IMPORT FOREIGN SCHEMA: the foreign server is asked on the client's node only. */
#ifndef MTM_BACKEND_FOREIGN_SCHEMA_H
#define MTM_BACKEND_FOREIGN_SCHEMA_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* Runs the CREATE FOREIGN TABLE statements that it stands for, each as a statement of the client. */
extern void MtmImportForeignSchema(ImportForeignSchemaStmt *import);

#endif
