// Errors that SQL clients see: plv8 takes SQLSTATE, detail and hint from the object.

export interface ErrorFields {
  readonly detail?: string;
  readonly hint?: string;
}

export class SqlError extends Error {
  readonly sqlerrcode: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(sqlerrcode: string, message: string, { detail, hint }: ErrorFields = {}) {
    super(message);
    // The client reads the message without a class before it.
    this.name = '';
    this.sqlerrcode = sqlerrcode;
    this.detail = detail;
    this.hint = hint;
  }
}
