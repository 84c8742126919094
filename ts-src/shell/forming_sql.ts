// Queries of mtm.init_cluster() that several of its steps need.

/** The name of what is prepared on every server, and then committed on all. */
export const INIT_GID = 'multimaster init';

const OURS = "('mtm', 'pg_toast', 'pg_catalog', 'information_schema')";
const OF_EXTENSION = (catalog: string, id: string) => `
  EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = '${catalog}'::regclass AND d.objid = ${id} AND d.deptype = 'e')`;
const USERS = (catalog: string, name: string, namespace: string, more = '') => `
  SELECT n.nspname || '.' || ${name} AS object FROM ${catalog} o JOIN pg_namespace n ON n.oid = ${namespace}
  WHERE o.oid >= 16384 AND n.nspname NOT IN ${OURS} AND n.nspname NOT LIKE 'pg\\_t%'
    AND NOT ${OF_EXTENSION(catalog, 'o.oid')} ${more}`;

/** Something that users made in the database; null: it is empty. */
export const FIRST_OBJECT = `
  SELECT min(object) FROM (
    ${USERS('pg_class', 'relname', 'relnamespace')}
    UNION ALL ${USERS('pg_proc', 'proname', 'pronamespace')}
    UNION ALL ${USERS('pg_type', 'typname', 'typnamespace', "AND typtype <> 'c' AND typelem = 0")}
    UNION ALL SELECT nspname FROM pg_namespace o
      WHERE o.oid >= 16384 AND nspname NOT IN ${OURS} AND nspname NOT LIKE 'pg\\_t%'
        AND NOT ${OF_EXTENSION('pg_namespace', 'o.oid')}
    UNION ALL SELECT extname FROM pg_extension WHERE extname NOT IN ('plpgsql', 'plv8', 'multimaster')
    UNION ALL SELECT 'publication ' || pubname FROM pg_publication
  ) objects`;

/** Transactions that may still write in this database, by process and number. */
export const WRITERS = `
  SELECT pid, backend_xid::text AS xid FROM pg_stat_activity
  WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    AND backend_type <> 'autovacuum worker'`;

/** Roles with all that pg_dumpall would say of them, but for memberships and settings. */
export const ROLES = `
  SELECT rolname AS role, format(
    'CREATE ROLE %I WITH %s %s %s %s %s %s %s CONNECTION LIMIT %s%s%s', rolname,
    CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, rolconnlimit,
    ' PASSWORD ' || quote_literal(rolpassword),
    ' VALID UNTIL ' || quote_literal(rolvaliduntil)) AS statement
  FROM pg_authid WHERE oid >= 16384 ORDER BY oid`;

export const ROLE_NAMES = 'SELECT rolname AS role FROM pg_roles';

export const MEMBERSHIPS = `
  SELECT g.rolname AS role, u.rolname AS member, format('GRANT %I TO %I%s', g.rolname, u.rolname,
    CASE WHEN m.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END) AS statement
  FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
  WHERE m.member >= 16384 ORDER BY m.roleid, m.member`;

/** Some settings are lists of names, which are quoted one by one as they stand. */
export const SETTINGS = `
  SELECT r.rolname AS role, s.setdatabase <> 0 AS of_database, format('ALTER %s SET %I TO %s',
    concat_ws(' ', CASE WHEN r.oid IS NULL THEN '' ELSE format('ROLE %I', r.rolname) END,
      CASE WHEN s.setdatabase = 0 THEN '' ELSE
        format('%s DATABASE %I', CASE WHEN r.oid IS NULL THEN '' ELSE 'IN' END, current_database()) END),
    split_part(c, '=', 1),
    CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries',
           'session_preload_libraries') AND length(split_part(c, '=', 2)) > 0
         THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END) AS statement
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c
  WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND NOT (s.setdatabase = 0 AND s.setrole = 0)`;

/** Who may do what with the database itself; none: the defaults. */
export const DATABASE_RIGHTS = `
  SELECT a.grantee = 0 AS everybody, r.rolname AS role, format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type,
    current_database(), CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
  FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE d.datname = current_database()`;
