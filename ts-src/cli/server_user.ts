// The system user that runs the servers: PostgreSQL refuses to run as root, so
// root starts them as $MTM_RUN_AS or `postgres`; everyone else as himself.
import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Failure } from './failure.ts';

export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
  /** This process is root and has to become the user first. */
  must_switch: boolean;
}

export function server_user(): ServerUser {
  const me = userInfo();
  if (me.uid !== 0) {
    return { name: me.username, uid: me.uid, gid: me.gid, must_switch: false };
  }
  const name = process.env['MTM_RUN_AS'] ?? 'postgres';
  const uid = id_of(name, '-u');
  if (uid === 0) {
    throw new Failure('no_rights', 'MTM_RUN_AS must name an ordinary user, not root');
  }
  return { name, uid, gid: id_of(name, '-g'), must_switch: true };
}

function id_of(name: string, flag: '-u' | '-g'): number {
  try {
    const out = execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] });
    return Number(out.toString().trim());
  } catch {
    throw new Failure(
      'no_rights',
      `there is no system user "${name}" to run the servers as (root cannot): ` +
        'set MTM_RUN_AS to an ordinary user',
    );
  }
}

/** Gives a file or folder that root made to the server's user. */
export function hand_over(path: string, user: ServerUser): void {
  if (user.must_switch) chownSync(path, user.uid, user.gid);
}
