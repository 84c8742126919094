// The configuration that every node's server gets.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  LANES,
  hba_lines,
  node_config_lines,
  node_settings,
  required_settings,
  type NodeConfig,
} from '../../ts-src/cli/node_config.ts';

const CONFIG: NodeConfig = {
  node_id: 2,
  node_count: 3,
  conn_strings: 'host=a, host=b, host=c',
  port: 5502,
  listen_addresses: '127.0.0.1',
  socket_dir: '/run/here',
  output_plugin_libraries: null,
};

test('the plugin is trusted where the server asks for that', () => {
  expect(node_settings(CONFIG)).not.toHaveProperty('output_plugin_libraries');
  const settings = node_settings({ ...CONFIG, output_plugin_libraries: 'pgoutput' });
  expect(settings['output_plugin_libraries']).toBe('pgoutput, multimaster');
});

test('three nodes of 100 connections and 100 workers', () => {
  expect(required_settings(3)).toEqual({
    wal_level: 'logical',
    max_prepared_transactions: 428,
    max_wal_senders: 4,
    max_replication_slots: 10,
    max_worker_processes: 122,
  });
});

test('the number of lanes is the server’s', () => {
  const header = readFileSync('src/shmem/lanes.h', 'utf8');
  expect(/^#define MTM_LANES (\d+)$/m.exec(header)?.[1]).toBe(String(LANES));
});

test('every minimum grows with the nodes', () => {
  const names = Object.keys(required_settings(1)).filter((name) => name !== 'wal_level');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 15 }), (nodes) => {
      const [fewer, more] = [required_settings(nodes), required_settings(nodes + 1)];
      for (const name of names) {
        expect(Number(more[name])).toBeGreaterThan(Number(fewer[name]));
      }
    }),
  );
});

test('more connections need more prepared transactions', () => {
  const settings = node_settings({ ...CONFIG, extra: { max_connections: '500' } });
  expect(settings).toMatchObject({ max_connections: '500', max_prepared_transactions: 4448 });
});

test('more apply workers need more processes', () => {
  const settings = node_settings({
    ...CONFIG,
    extra: { 'multimaster.max_workers': 200 },
  });
  expect(settings).toMatchObject({
    'multimaster.max_workers': 200,
    max_worker_processes: 247,
  });
});

test('settings of the user win', () => {
  const settings = node_settings({ ...CONFIG, extra: { shared_buffers: '1GB' } });
  expect(settings['shared_buffers']).toBe('1GB');
});

test('values are quoted as postgresql.conf wants them', () => {
  const lines = node_config_lines({ ...CONFIG, conn_strings: "passfile='a\\\\b'" });
  expect(lines).toContain("multimaster.conn_strings = 'passfile=''a\\\\\\\\b'''");
  expect(lines).toContain('port = 5502');
});

test('without a socket folder there is no socket', () => {
  const settings = node_settings({ ...CONFIG, socket_dir: null });
  expect(settings['unix_socket_directories']).toBe('');
});

test('every way in asks for a password, replication only by the role of the links', () => {
  const rules = hba_lines(['127.0.0.1/32', 'samenet'], 'multimaster').slice(1);
  expect(rules.every((rule) => rule.endsWith(' scram-sha-256'))).toBe(true);
  const replication = rules.filter((rule) => rule.includes(' replication '));
  expect(replication).toHaveLength(3);
  expect(replication.every((rule) => rule.includes(' multimaster '))).toBe(true);
});
