// Statements of the extended protocol that are sent together, before one Sync, as
// libpq's pipeline mode does: the server commits them at the Sync.
import type pg from 'pg';

interface ServerMessage {
  text: string;
}

export interface PipelineResult {
  /** Command tags, in order, up to the first error. */
  tags: string[];
  error: pg.DatabaseError | null;
}

class Pipeline implements pg.Submittable {
  private readonly tags: string[] = [];
  private error: pg.DatabaseError | null = null;

  constructor(
    private readonly statements: string[],
    private readonly done: (result: PipelineResult) => void,
  ) {}

  submit = (connection: pg.Connection): void => {
    for (const text of this.statements) {
      connection.parse({ name: '', text, types: [] }, true);
      connection.bind({}, true);
      connection.execute({ portal: '', rows: '0' }, true);
    }
    connection.sync();
  };

  handleDataRow(): void {}
  handleRowDescription(): void {}
  handleEmptyQuery(): void {}

  handleCommandComplete(message: ServerMessage): void {
    this.tags.push(message.text);
  }

  /** The client forgets the query here; the server skips to the Sync. */
  handleError(error: pg.DatabaseError): void {
    this.error = error;
    this.done({ tags: this.tags, error });
  }

  handleReadyForQuery(): void {
    this.done({ tags: this.tags, error: this.error });
  }
}

export function pipeline(client: pg.Client, statements: string[]): Promise<PipelineResult> {
  return new Promise((resolve) => client.query(new Pipeline(statements, resolve)));
}
