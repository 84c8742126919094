// Refusals are values: the core never throws for what others may ask of it. Only the
// edge turns one into an error, a log line or a message.

export type RefusalCode =
  | 'older_number'
  | 'not_configured'
  | 'configured_differs'
  | 'no_quorum'
  | 'incarnation'
  | 'online_in'
  | 'major_differs'
  | 'leased'
  | 'not_connected'
  | 'no_stream'
  | 'drops_wanted_node';

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

export function refusal(code: RefusalCode, message: string): Refusal {
  return { code, message };
}
