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

/** Between the first statements, which are done, and others with the Sync. */
interface Pause {
  run: () => Promise<unknown>;
  then: string[];
  failed: (error: unknown) => void;
}

class Pipeline implements pg.Submittable {
  private readonly tags: string[] = [];
  private error: pg.DatabaseError | null = null;

  constructor(
    private readonly statements: string[],
    private readonly done: (result: PipelineResult) => void,
    private readonly pause: Pause | null = null,
  ) {}

  submit = (connection: pg.Connection): void => {
    this.send(connection, this.statements);
    if (this.pause === null) connection.sync();
    else connection.flush();
  };

  private send(connection: pg.Connection, statements: string[]): void {
    for (const text of statements) {
      connection.parse({ name: '', text, types: [] }, true);
      connection.bind({}, true);
      connection.execute({ portal: '', rows: '0' }, true);
    }
  }

  private async go_on(connection: pg.Connection, { run, then }: Pause): Promise<void> {
    try {
      await run();
    } finally {
      this.send(connection, then);
      connection.sync();
    }
  }

  handleDataRow(): void {}
  handleRowDescription(): void {}
  handleEmptyQuery(): void {}

  handleCommandComplete(message: ServerMessage, connection: pg.Connection): void {
    this.tags.push(message.text);
    if (this.pause === null || this.tags.length !== this.statements.length) return;
    this.go_on(connection, this.pause).catch(this.pause.failed);
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

/** Two rows at a time, of a portal that stays open in between. */
class Portal implements pg.Submittable {
  constructor(
    private readonly text: string | null,
    private readonly done: (error: pg.DatabaseError | null) => void,
  ) {}

  submit = (connection: pg.Connection): void => {
    if (this.text !== null) {
      connection.parse({ name: '', text: this.text, types: [] }, true);
      connection.bind({ portal: 'open' }, true);
    }
    connection.execute({ portal: 'open', rows: '2' }, true);
    connection.sync();
  };

  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCommandComplete(): void {}

  handleError(error: pg.DatabaseError): void {
    this.done(error);
  }

  handleReadyForQuery(): void {
    this.done(null);
  }
}

/** Opens a portal, or reads more of it without a `text`; the error, if there is one. */
export function portal(client: pg.Client, text: string | null): Promise<pg.DatabaseError | null> {
  return new Promise((resolve) => client.query(new Portal(text, resolve)));
}

export function pipeline(client: pg.Client, statements: string[]): Promise<PipelineResult> {
  return new Promise((resolve) => client.query(new Pipeline(statements, resolve)));
}

/** Executes `first`, then runs `run`, then sends `then` and the Sync. */
export function paused_pipeline(
  client: pg.Client,
  first: string[],
  run: () => Promise<unknown>,
  then: string[],
): Promise<PipelineResult> {
  return new Promise((resolve, reject) =>
    client.query(new Pipeline(first, resolve, { run, then, failed: reject })),
  );
}
