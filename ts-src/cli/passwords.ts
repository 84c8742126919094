// The cluster's passwords: made once, kept in one libpq password file that only
// the server's user (and root) can read.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { LINK_ROLE, SUPERUSER, password_file } from './cluster_record.ts';
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

export function read_passwords(dir: string): Passwords {
  const lines = readFileSync(password_file(dir), 'utf8').split('\n');
  const of = (role: string): string => {
    const start = `*:*:*:${role}:`;
    const line = lines.find((text) => text.startsWith(start));
    if (line === undefined) {
      throw new Failure('no_cluster', `${password_file(dir)} has no line for ${role}`);
    }
    return line.slice(start.length).replace(/\\([\\:])/g, '$1');
  };
  return { superuser: of(SUPERUSER), link_role: of(LINK_ROLE) };
}

function random_password(): string {
  return randomBytes(24).toString('base64url');
}
