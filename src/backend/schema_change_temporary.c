/*
 * Telling statements on temporary objects from the others.
 *
 * Runs in: backends.
 * Path: backend/schema_change_class.c -> here
 * Locks: none: names are looked up without, since a lock taken here and made
 *        stronger by the statement would be a deadlock between two sessions. Only
 *        this session can change what is temporary, so the answer stays right.
 *
 * A statement's targets are counted by their names. What it merely refers to shows
 * after it ran: an opened temporary relation in MyXactFlags, anything else in
 * the dependencies of what it created.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "backend/schema_change_temporary.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct Targets
{
	int			temporary;
	int			permanent;
} Targets;

static void
count_target(Targets *targets, bool temporary)
{
	if (temporary)
		targets->temporary++;
	else
		targets->permanent++;
}

static bool
schema_is_temporary(const char *name)
{
	Oid			schema;

	if (strcmp(name, "pg_temp") == 0)
		return true;
	schema = get_namespace_oid(name, true);
	return OidIsValid(schema) && isAnyTempNamespace(schema);
}

bool
MtmRangeVarIsTemporary(RangeVar *relation)
{
	Oid			id;

	if (relation->relpersistence == RELPERSISTENCE_TEMP)
		return true;
	if (relation->schemaname)
		return schema_is_temporary(relation->schemaname);
	id = RangeVarGetRelid(relation, NoLock, true);
	return OidIsValid(id) && get_rel_persistence(id) == RELPERSISTENCE_TEMP;
}

/* A relation that the statement will create. */
static bool
new_relation_is_temporary(RangeVar *relation)
{
	if (relation->relpersistence == RELPERSISTENCE_TEMP)
		return true;
	/* a named schema may not exist yet: an event trigger can create it */
	if (relation->schemaname)
		return schema_is_temporary(relation->schemaname);
	return isTempNamespace(RangeVarGetCreationNamespace(relation));
}

/* Another kind of object that the statement will create. */
static bool
new_name_is_temporary(List *names)
{
	char	   *name;

	if (list_length(names) > 1)
		return schema_is_temporary(strVal(linitial(names)));
	return isTempNamespace(QualifiedNameGetCreationNamespace(names, &name));
}

/* It goes when the session's temporary objects go. */
static bool
depends_on_temporary_object(Oid class, Oid id)
{
	ObjectAddress object;

	ObjectAddressSet(object, class, id);
	return MtmObjectsUseTemporary(list_make1(&object));
}

/* Or a domain over one that is. */
static bool
type_is_temporary(TypeName *type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	bool		temporary;

	if (type->pct_type)			/* a column's: its type outlives the table */
		return false;
	tuple = LookupTypeName(NULL, type, NULL, true);
	if (!tuple)
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	temporary = isAnyTempNamespace(form->typnamespace) ||
		(form->typtype == TYPTYPE_DOMAIN &&
		 depends_on_temporary_object(TypeRelationId, form->oid));
	ReleaseSysCache(tuple);
	return temporary;
}

/* Also one that takes or gives a temporary type. */
static bool
new_function_is_temporary(CreateFunctionStmt *create)
{
	ListCell   *cell;

	if (new_name_is_temporary(create->funcname) ||
		(create->returnType && type_is_temporary(create->returnType)))
		return true;
	foreach(cell, create->parameters)
	{
		if (type_is_temporary(lfirst_node(FunctionParameter, cell)->argType))
			return true;
	}
	return false;
}

/* Functions, operators, ...: never found in a temporary schema without its name. */
static bool
name_is_temporary(List *names)
{
	return list_length(names) > 1 && schema_is_temporary(strVal(linitial(names)));
}

static bool
names_are_temporary_relation(List *names)
{
	return MtmRangeVarIsTemporary(makeRangeVarFromNameList(names));
}

static bool
function_is_temporary(ObjectType type, ObjectWithArgs *function)
{
	Oid			id;

	if (name_is_temporary(function->objname))
		return true;
	id = LookupFuncWithArgs(type, function, true);
	return OidIsValid(id) && depends_on_temporary_object(ProcedureRelationId, id);
}

static List *
without_last(List *names)
{
	return list_truncate(list_copy(names), list_length(names) - 1);
}

static bool
object_is_temporary(ObjectType type, Node *object)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			return names_are_temporary_relation(castNode(List, object));
		case OBJECT_COLUMN:
		case OBJECT_RULE:
		case OBJECT_TRIGGER:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_POLICY:
			return names_are_temporary_relation(without_last(castNode(List, object)));
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			if (IsA(object, List))
				return type_is_temporary(makeTypeNameFromNameList((List *) object));
			return type_is_temporary(castNode(TypeName, object));
		case OBJECT_DOMCONSTRAINT:
			object = linitial(castNode(List, object));
			if (IsA(object, TypeName))
				return type_is_temporary((TypeName *) object);
			return false;
		case OBJECT_AGGREGATE:
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			return function_is_temporary(type, castNode(ObjectWithArgs, object));
		case OBJECT_OPERATOR:
			return name_is_temporary(castNode(ObjectWithArgs, object)->objname);
		case OBJECT_COLLATION:
		case OBJECT_CONVERSION:
		case OBJECT_STATISTIC_EXT:
		case OBJECT_TSCONFIGURATION:
		case OBJECT_TSDICTIONARY:
		case OBJECT_TSPARSER:
		case OBJECT_TSTEMPLATE:
			return name_is_temporary(castNode(List, object));
		case OBJECT_OPCLASS:
		case OBJECT_OPFAMILY:
			/* the access method's name comes first */
			return name_is_temporary(list_copy_tail(castNode(List, object), 1));
		case OBJECT_SCHEMA:
			return schema_is_temporary(strVal(object));
		default:
			return false;
	}
}

/* ALTER ... on either a relation or another object. */
static bool
either_is_temporary(ObjectType type, RangeVar *relation, Node *object)
{
	if (relation)
		return MtmRangeVarIsTemporary(relation);
	return object && object_is_temporary(type, object);
}

static void
count_granted(Targets *targets, GrantStmt *grant)
{
	ListCell   *cell;

	foreach(cell, grant->objects)
	{
		Node	   *object = lfirst(cell);

		if (IsA(object, RangeVar))
			count_target(targets, MtmRangeVarIsTemporary((RangeVar *) object));
		else if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
			count_target(targets, schema_is_temporary(strVal(object)));
		else
			count_target(targets, object_is_temporary(grant->objtype, object));
	}
}

/* A view that selects from a temporary relation becomes temporary by itself. */
static bool
view_is_temporary(ViewStmt *view, const char *query_string)
{
	RawStmt    *raw;
	Query	   *query;

	if (new_relation_is_temporary(view->view))
		return true;
	raw = makeNode(RawStmt);
	raw->stmt = copyObject(view->query);
	raw->stmt_location = -1;
	query = parse_analyze_fixedparams(raw, query_string, NULL, 0, NULL);
	return query->commandType == CMD_SELECT && isQueryUsingTempRelation(query);
}

MtmTemporary
MtmStatementTemporary(Node *statement, const char *query_string)
{
	Targets		targets = {0, 0};
	ListCell   *cell;

	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			count_target(&targets,
						 new_relation_is_temporary(((CreateStmt *) statement)->relation));
			break;
		case T_CreateTableAsStmt:
			count_target(&targets,
						 new_relation_is_temporary(((CreateTableAsStmt *) statement)->into->rel));
			break;
		case T_ViewStmt:
			count_target(&targets,
						 view_is_temporary((ViewStmt *) statement, query_string));
			break;
		case T_CreateSeqStmt:
			count_target(&targets,
						 new_relation_is_temporary(((CreateSeqStmt *) statement)->sequence));
			break;
		case T_CompositeTypeStmt:
			count_target(&targets,
						 new_relation_is_temporary(((CompositeTypeStmt *) statement)->typevar));
			break;
		case T_CreateEnumStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateEnumStmt *) statement)->typeName));
			break;
		case T_CreateRangeStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateRangeStmt *) statement)->typeName));
			break;
		case T_CreateDomainStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateDomainStmt *) statement)->domainname) ||
						 type_is_temporary(((CreateDomainStmt *) statement)->typeName));
			break;
		case T_CreateFunctionStmt:
			count_target(&targets,
						 new_function_is_temporary((CreateFunctionStmt *) statement));
			break;
		case T_CreateConversionStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateConversionStmt *) statement)->conversion_name));
			break;
		case T_CreateOpClassStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateOpClassStmt *) statement)->opclassname));
			break;
		case T_CreateOpFamilyStmt:
			count_target(&targets,
						 new_name_is_temporary(((CreateOpFamilyStmt *) statement)->opfamilyname));
			break;
		case T_DefineStmt:
			count_target(&targets,
						 new_name_is_temporary(((DefineStmt *) statement)->defnames));
			break;
		case T_AlterFunctionStmt:
			count_target(&targets,
						 function_is_temporary(((AlterFunctionStmt *) statement)->objtype,
											   ((AlterFunctionStmt *) statement)->func));
			break;
		case T_AlterDomainStmt:
			count_target(&targets,
						 type_is_temporary(makeTypeNameFromNameList(
							 ((AlterDomainStmt *) statement)->typeName)));
			break;
		case T_AlterEnumStmt:
			count_target(&targets,
						 type_is_temporary(makeTypeNameFromNameList(
							 ((AlterEnumStmt *) statement)->typeName)));
			break;
		case T_AlterTypeStmt:
			count_target(&targets,
						 type_is_temporary(makeTypeNameFromNameList(
							 ((AlterTypeStmt *) statement)->typeName)));
			break;
		case T_AlterTableStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((AlterTableStmt *) statement)->relation));
			break;
		case T_AlterSeqStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((AlterSeqStmt *) statement)->sequence));
			break;
		case T_IndexStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((IndexStmt *) statement)->relation));
			break;
		case T_CreateTrigStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((CreateTrigStmt *) statement)->relation));
			break;
		case T_RuleStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((RuleStmt *) statement)->relation));
			break;
		case T_CreatePolicyStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((CreatePolicyStmt *) statement)->table));
			break;
		case T_AlterPolicyStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((AlterPolicyStmt *) statement)->table));
			break;
		case T_RefreshMatViewStmt:
			count_target(&targets,
						 MtmRangeVarIsTemporary(((RefreshMatViewStmt *) statement)->relation));
			break;
		case T_AlterStatsStmt:
			count_target(&targets,
						 name_is_temporary(((AlterStatsStmt *) statement)->defnames));
			break;
		case T_CreateStatsStmt:
			if (((CreateStatsStmt *) statement)->defnames &&
				new_name_is_temporary(((CreateStatsStmt *) statement)->defnames))
			{
				count_target(&targets, true);
				break;
			}
			foreach(cell, ((CreateStatsStmt *) statement)->relations)
			{
				if (IsA(lfirst(cell), RangeVar))
					count_target(&targets, MtmRangeVarIsTemporary(lfirst(cell)));
			}
			break;
		case T_TruncateStmt:
			foreach(cell, ((TruncateStmt *) statement)->relations)
				count_target(&targets, MtmRangeVarIsTemporary(lfirst(cell)));
			break;
		case T_DropStmt:
			foreach(cell, ((DropStmt *) statement)->objects)
				count_target(&targets,
							 object_is_temporary(((DropStmt *) statement)->removeType,
												 lfirst(cell)));
			break;
		case T_GrantStmt:
			count_granted(&targets, (GrantStmt *) statement);
			break;
		case T_RenameStmt:
			{
				RenameStmt *rename = (RenameStmt *) statement;

				count_target(&targets, either_is_temporary(rename->renameType,
														   rename->relation, rename->object));
				break;
			}
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *alter = (AlterObjectSchemaStmt *) statement;

				count_target(&targets, either_is_temporary(alter->objectType,
														   alter->relation, alter->object));
				break;
			}
		case T_AlterObjectDependsStmt:
			{
				AlterObjectDependsStmt *alter = (AlterObjectDependsStmt *) statement;

				count_target(&targets, either_is_temporary(alter->objectType,
														   alter->relation, alter->object));
				break;
			}
		case T_AlterOwnerStmt:
			{
				AlterOwnerStmt *alter = (AlterOwnerStmt *) statement;

				count_target(&targets, either_is_temporary(alter->objectType,
														   alter->relation, alter->object));
				break;
			}
		case T_CommentStmt:
			count_target(&targets, object_is_temporary(((CommentStmt *) statement)->objtype,
													   ((CommentStmt *) statement)->object));
			break;
		case T_SecLabelStmt:
			count_target(&targets, object_is_temporary(((SecLabelStmt *) statement)->objtype,
													   ((SecLabelStmt *) statement)->object));
			break;
		default:
			break;
	}

	if (targets.temporary == 0)
		return MTM_TEMPORARY_NONE;
	return targets.permanent == 0 ? MTM_TEMPORARY_ALL : MTM_TEMPORARY_SOME;
}

DropStmt *
MtmDropOfPermanent(Node *statement)
{
	DropStmt   *drop = (DropStmt *) statement;
	DropStmt   *others;
	ListCell   *cell;

	if (!IsA(statement, DropStmt))
		return NULL;
	switch (drop->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_VIEW:
			break;
		default:
			return NULL;
	}
	others = copyObject(drop);
	others->objects = NIL;
	foreach(cell, drop->objects)
	{
		if (!object_is_temporary(drop->removeType, lfirst(cell)))
			others->objects = lappend(others->objects, lfirst(cell));
	}
	return others;
}

static bool
depends_on_temporary(Relation depend, const ObjectAddress *object)
{
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->classId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objectId));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress used;
		Oid			schema;

		if (row->refclassid != RelationRelationId && row->refclassid != TypeRelationId &&
			row->refclassid != ProcedureRelationId)
			continue;
		ObjectAddressSet(used, row->refclassid, row->refobjid);
		schema = get_object_namespace(&used);
		found = OidIsValid(schema) && isAnyTempNamespace(schema);
	}
	systable_endscan(scan);
	return found;
}

bool
MtmObjectsUseTemporary(List *objects)
{
	Oid			schema;
	Oid			toast_schema;
	Relation	depend;
	ListCell   *cell;
	bool		found = false;

	GetTempNamespaceState(&schema, &toast_schema);
	if (!OidIsValid(schema))
		return false;			/* this session has none */
	depend = table_open(DependRelationId, AccessShareLock);
	foreach(cell, objects)
	{
		found = depends_on_temporary(depend, lfirst(cell));
		if (found)
			break;
	}
	table_close(depend, AccessShareLock);
	return found;
}
