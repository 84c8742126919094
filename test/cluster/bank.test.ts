// Clients on all nodes move money between accounts: in every snapshot on every node
// the sum is right, and at the end every copy says the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNTS, AUDIT, BANK, OPENING_BALANCE, run_bank } from './bank_load.ts';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const DURATION_MS = 15_000;
const CLIENTS_PER_NODE = 3;

describe('money that clients of all nodes move', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, ...BANK);
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['bank.accounts', 'bank.journal']);
    await sessions.run(1, 'DROP SCHEMA bank CASCADE');
    await sessions.close();
  });

  test('adds up in every snapshot, and at the end on every node', async () => {
    const tally = await run_bank(sessions.nodes, CLIENTS_PER_NODE, DURATION_MS);
    console.log('bank:', tally.transfers, tally.snapshots, tally.conflicts);
    expect(tally.wrong).toEqual([]);
    for (const node of sessions.nodes.ids) {
      expect(tally.transfers.get(node), `transfers of node ${node}`).toBeGreaterThan(0);
      expect(tally.snapshots.get(node), `snapshots of node ${node}`).toBeGreaterThan(0);
    }
    // Nothing stays prepared: this waits for it.
    await same_everywhere(sessions.nodes, ['bank.accounts', 'bank.journal']);
    await sessions.all_give('SELECT sum(balance) FROM bank.accounts', [
      String(ACCOUNTS * OPENING_BALANCE),
    ]);
    await sessions.all_give(AUDIT, []);
    const acknowledged = [...tally.transfers.values()].reduce((sum, n) => sum + n, 0);
    await sessions.all_give('SELECT count(*) FROM bank.journal', [String(acknowledged)]);
  });
});
