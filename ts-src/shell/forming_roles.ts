// What a database needs that is not in it: roles, their memberships and settings, and rights to
// the database. What a server has already stays as it is there.
import { DATABASE_RIGHTS, MEMBERSHIPS, ROLES, ROLE_NAMES, SETTINGS } from './forming_sql.ts';
import type { FormingServer } from './forming_server.ts';

/** Statements that bring them from the first server to another. */
export function surroundings(first: FormingServer, other: FormingServer): string[] {
  const there = new Set(other.run(ROLE_NAMES).map(({ role }) => role));
  const is_new = (role: unknown) => !there.has(role);
  const rights = first.run(DATABASE_RIGHTS);
  return [
    first.run(ROLES).filter(({ role }) => is_new(role)),
    first.run(MEMBERSHIPS).filter(({ role, member }) => is_new(role) || is_new(member)),
    first.run(SETTINGS).filter(({ role, of_database }) => of_database === true || is_new(role)),
    rights.length === 0 ? [] : [{ statement: revoke_database(first) }, ...rights],
  ].flatMap((rows) => rows.map(({ statement }) => String(statement)));
}

function revoke_database(first: FormingServer): string {
  const sql = "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())";
  return String(first.ask(sql));
}
