// What a command tells its user when it cannot go on: one clear sentence.
// Only main.ts prints it; everything below throws it.

export type FailureCode =
  | 'port_taken'
  | 'no_rights'
  | 'wrong_version'
  | 'not_installed'
  | 'no_cluster'
  | 'bad_argument'
  | 'start_failed'
  | 'not_online';

export class Failure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
    this.name = 'Failure';
  }
}
