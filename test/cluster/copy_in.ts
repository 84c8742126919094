// COPY ... FROM STDIN through node-postgres.
import type pg from 'pg';

/** What the types of node-postgres leave out. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

class CopyIn implements pg.Submittable {
  private error: Error | null = null;

  constructor(
    private readonly statement: string,
    private readonly lines: string[],
    private readonly done: (error: Error | null) => void,
  ) {}

  submit = (connection: pg.Connection): void => {
    connection.query(this.statement);
  };

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(Buffer.from(this.lines.join('\n') + '\n'));
    connection.endCopyFrom();
  }

  handleCommandComplete(): void {}

  handleError(error: Error): void {
    this.done(error);
  }

  handleReadyForQuery(): void {
    this.done(this.error);
  }
}

/** Lines in COPY's text format. */
export function copy_in(client: pg.Client, statement: string, lines: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null) => (error === null ? resolve() : reject(error));
    client.query(new CopyIn(statement, lines, done));
  });
}
