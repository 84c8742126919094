// What the command line says to the relay process and hears from it: a line of JSON
// each way, over a Unix socket in the cluster's folder.
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import type { Direction, FlowState, Relay } from './relay.ts';

export type RelayCommand =
  | { verb: 'cut'; directions: Direction[]; how: 'drop' | 'reset' }
  | { verb: 'delay'; directions: Direction[]; delay_ms: number }
  | { verb: 'heal' }
  | { verb: 'show' };

type Answer = { disturbed: FlowState[] } | { error: string };

const ANSWER_TIMEOUT_MS = 5_000;

/** Tells what is disturbed once the command is obeyed. */
export function ask_relay(socket: string, command: RelayCommand): Promise<FlowState[]> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    connection.setTimeout(ANSWER_TIMEOUT_MS, () =>
      connection.destroy(new Error('the relay does not answer')),
    );
    connection.once('error', reject);
    connection.once('close', () => reject(new Error('the relay closed the connection')));
    connection.write(`${JSON.stringify(command)}\n`);
    createInterface({ input: connection })
      .on('line', (line) => {
        const answer = JSON.parse(line) as Answer;
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.disturbed);
        connection.end();
      })
      .on('error', reject);
  });
}

export function serve_control(socket: string, relay: Relay): Promise<Server> {
  rmSync(socket, { force: true }); // Of a relay that was killed.
  const server = createServer((connection) => {
    connection.on('error', () => {});
    createInterface({ input: connection })
      .on('line', (line) => connection.write(`${JSON.stringify(answer(relay, line))}\n`))
      .on('error', () => {});
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => resolve(server));
  });
}

function answer(relay: Relay, line: string): Answer {
  try {
    obey(relay, JSON.parse(line) as RelayCommand);
    return { disturbed: relay.disturbed };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function obey(relay: Relay, command: RelayCommand): void {
  switch (command.verb) {
    case 'cut':
      return relay.cut(command.directions, command.how);
    case 'delay':
      return relay.delay(command.directions, command.delay_ms);
    case 'heal':
      return relay.heal();
    case 'show':
      return;
    default:
      throw new Error('the relay does not know this command');
  }
}
