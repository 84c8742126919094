// `make chaos`: a cluster under load whose nodes crash, hang and lose each other, round
// after round; what clients were told must stay true. Exit code 1 where it did not.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../ts-src/cli/failure.ts';
import { progress_for, type Progress } from '../../ts-src/cli/progress.ts';
import { LocalNodes } from '../cluster/local_nodes.ts';
import { Campaign, FOUNDERS, Hopeless } from './campaign.ts';
import { Guests } from './guest.ts';
import { CampaignLoad } from './load.ts';
import { chaos_options, type ChaosOptions } from './options.ts';
import { report, round_in_words, type RoundResult } from './tally.ts';

async function chaos(options: ChaosOptions, progress: Progress): Promise<boolean> {
  process.stderr.write(`  seed ${options.seed}: SEED=${options.seed} repeats the faults\n`);
  const nodes = await progress.step('start a cluster', () => LocalNodes.start({ proxy: true }));
  const results: RoundResult[] = [];
  let hopeless: string | null = null;
  try {
    const load = await CampaignLoad.start(nodes, FOUNDERS);
    hopeless = await rounds(nodes, load, options, progress, results);
    if (hopeless === null) await load.end();
    process.stdout.write(`\n${report(results, summary(load))}\n`);
    if (hopeless !== null) process.stdout.write(`\nended early: ${hopeless}\n`);
    const good = hopeless === null && results.every((result) => result.anomalies.length === 0);
    if (!good) await keep_logs(nodes, options.seed);
    return good;
  } finally {
    await nodes.destroy();
  }
}

/** Why it could not go on to the end. */
async function rounds(
  nodes: LocalNodes,
  load: CampaignLoad,
  options: ChaosOptions,
  progress: Progress,
  results: RoundResult[],
): Promise<string | null> {
  const guests = new Guests(nodes);
  const campaign = new Campaign(nodes, load, guests, options);
  const end = Date.now() + options.minutes * 60_000;
  try {
    while (Date.now() < end && results.length < options.rounds) {
      const result = await progress.step(`round ${results.length + 1}`, (say) =>
        campaign.round(say),
      );
      results.push(result);
      process.stderr.write(`  ${round_line(result)}\n`);
    }
    return null;
  } catch (error) {
    if (error instanceof Hopeless) return error.message;
    throw error;
  } finally {
    await guests.end();
  }
}

function round_line(result: RoundResult): string {
  const seconds = (ms: number | null) => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`);
  const { interrupted_ms } = result;
  const interrupted = interrupted_ms === null ? 'until healed' : `for ${seconds(interrupted_ms)}`;
  const anomalies = result.anomalies.map((text) => `\n  ANOMALY ${text}`).join('');
  return (
    `${round_in_words(result)}: survivors interrupted ${interrupted}, all write ` +
    `${seconds(result.whole_again_ms)} after healing${anomalies}`
  );
}

function summary(load: CampaignLoad): string {
  return `${load.summary()}; ${load.snapshots} snapshots that add up`;
}

async function keep_logs(nodes: LocalNodes, seed: number): Promise<void> {
  const dir = join('out', 'chaos', String(seed));
  mkdirSync(dir, { recursive: true });
  for (const node of nodes.ids) writeFileSync(join(dir, `node${node}.log`), await nodes.logs(node));
  process.stdout.write(`\nthe servers' logs are in ${dir}\n`);
}

try {
  const good = await chaos(chaos_options(process.env), progress_for(process.stderr));
  process.exit(good ? 0 : 1); // Clients that wait for ever must not keep it.
} catch (error) {
  const text = error instanceof Failure ? error.message : String((error as Error).stack);
  process.stderr.write(`chaos: ${text}\n`);
  process.exit(1);
}
