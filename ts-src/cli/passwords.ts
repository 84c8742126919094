// The cluster's passwords: made once, kept in one libpq password file that only
// the server's user (and root) can read.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { LINK_ROLE, SUPERUSER, password_file } from './cluster_record.ts';
import { parse_conn_string } from './conn_string.ts';
import { Failure } from './failure.ts';
import { hand_over, type ServerUser } from './server_user.ts';

export interface Passwords {
  superuser: string;
  link_role: string;
}

export function password_lines(passwords: Passwords, superuser = SUPERUSER): string {
  const line = (role: string, password: string) =>
    `*:*:*:${escape(role)}:${escape(password)}\n`;
  return line(superuser, passwords.superuser) + line(LINK_ROLE, passwords.link_role);
}

function escape(field: string): string {
  return field.replace(/[\\:]/g, '\\$&');
}

export function ensure_passwords(dir: string, user: ServerUser): Passwords {
  const file = password_file(dir);
  if (!existsSync(file)) {
    const made = { superuser: random_password(), link_role: random_password() };
    writeFileSync(file, password_lines(made), { mode: 0o600 });
    hand_over(file, user);
  }
  return read_passwords(dir);
}

/** For a folder whose nodes belong to a cluster that was made elsewhere. */
export function keep_passwords(dir: string, conninfo: string, user: ServerUser): void {
  const { password, passfile } = parse_conn_string(conninfo);
  const superuser = password ?? (passfile === undefined ? '' : of_role(passfile, SUPERUSER));
  writeFileSync(password_file(dir), password_lines({ superuser, link_role: '' }), { mode: 0o600 });
  hand_over(password_file(dir), user);
}

export function read_passwords(dir: string): Passwords {
  const file = password_file(dir);
  return { superuser: of_role(file, SUPERUSER), link_role: of_role(file, LINK_ROLE) };
}

function of_role(file: string, role: string): string {
  const start = `*:*:*:${role}:`;
  const line = readFileSync(file, 'utf8').split('\n').find((text) => text.startsWith(start));
  if (line === undefined) throw new Failure('no_cluster', `${file} has no line for ${role}`);
  return line.slice(start.length).replace(/\\([\\:])/g, '$1');
}

function random_password(): string {
  return randomBytes(24).toString('base64url');
}
