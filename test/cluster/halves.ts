// Which half of `make test` runs which file (build/run_tests.mjs): so that both end at about
// the same time, those that take longest are dealt out first.
import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Seconds, on a machine with two cores, with a cluster of the file's own where it has one. */
const TAKES: Record<string, number> = {
  recovery: 165,
  sequence_shares: 130,
  join: 105,
  majority: 100,
  restart: 90,
  join_node: 80,
  referee: 70,
  check_table: 65,
  consistent_point: 65,
  stop_points: 65,
  large_transactions: 50,
  not_online: 50,
  init_cluster: 45,
  advisory_locks: 40,
  pg_upgrade: 35,
  schema_objects: 30,
  drop_node: 30,
  stop_node: 30,
  max_recovery_lag: 25,
  even_split: 25,
  paused_reads: 25,
};
const OTHERS_TAKE = 8;

export class Halves extends BaseSequencer {
  override async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { index, count } = this.ctx.config.shard!;
    const piles = Array.from({ length: count }, () => ({ seconds: 0, files: [] as TestSpecification[] }));
    for (const file of [...files].sort(longest_first)) {
      const pile = piles.reduce((least, each) => (each.seconds < least.seconds ? each : least));
      pile.seconds += seconds(file);
      pile.files.push(file);
    }
    return piles[index - 1]!.files;
  }
}

function longest_first(one: TestSpecification, other: TestSpecification): number {
  return seconds(other) - seconds(one) || (one.moduleId < other.moduleId ? -1 : 1);
}

function seconds({ moduleId }: TestSpecification): number {
  return TAKES[basename(moduleId, '.test.ts')] ?? OTHERS_TAKE;
}
