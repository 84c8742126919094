// One round after the other: faults, what the survivors do, healing, a check.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalNodes } from '../cluster/local_nodes.ts';
import { Random } from '../sim/random.ts';
import { SECOND_WITHIN_MS, majority_survives, random_round, survivors, type Round } from './fault.ts';
import { Interruption, WritesAgain } from './interruption.ts';
import { Guests } from './guest.ts';
import { clear_points, inject, mend, take_in } from './inject.ts';
import type { CampaignLoad } from './load.ts';
import type { ChaosOptions } from './options.ts';
import type { RoundResult } from './tally.ts';

const ONLINE_TIMEOUT_MS = 120_000;
/** Of the load between two rounds. */
const SOME = 100;
const LOOK_MS = 20;
const TAKE_IN_MS = 500;
/** Faults are theirs, and the clients; a guest only joins. */
export const FOUNDERS = [1, 2, 3];

export class Campaign {
  private readonly random: Random;
  private readonly pauses: Random;

  constructor(
    private readonly nodes: LocalNodes,
    private readonly load: CampaignLoad,
    private readonly guests: Guests,
    private readonly options: ChaosOptions,
  ) {
    this.random = new Random(options.seed);
    this.pauses = new Random(options.seed + 1);
  }

  async round(say: (text: string) => void): Promise<RoundResult> {
    const round = random_round(this.random, FOUNDERS);
    say('faults');
    await this.guests.begin(round.guest_of);
    const happened = await this.let_happen(round);
    const interruption = new Interruption(this.load, survivors(round, FOUNDERS));
    const anomalies = await this.hold(round, interruption);
    const interrupted_ms = interruption.end();
    const healed = new WritesAgain(this.load, FOUNDERS);
    say('healing');
    await mend(this.nodes);
    anomalies.push(...(await this.come_back(healed)));
    const guest = await this.guests.arrive().catch((error: Error) => {
      anomalies.push(`no guest: ${error.message}`);
      return 0;
    });
    say('check');
    anomalies.push(...(await this.check()));
    await this.guests.leave(guest);
    return {
      round,
      happened,
      interrupted_ms,
      whole_again_ms: healed.after_ms(),
      guest,
      anomalies,
    };
  }

  private async let_happen(round: Round): Promise<boolean[]> {
    const happened: boolean[] = [];
    for (const fault of round.faults) {
      const wait_ms = this.pauses.integer(0, SECOND_WITHIN_MS);
      if (happened.length > 0) await sleep(wait_ms);
      happened.push(await inject(this.nodes, fault));
    }
    return happened;
  }

  /** As long as the round says, and longer where survivors have to write again. */
  private async hold(round: Round, interruption: Interruption): Promise<string[]> {
    await sleep(round.hold_ms);
    const { stall_s } = this.options;
    if (stall_s === 0 || !majority_survives(round, FOUNDERS)) return [];
    const waited = await within(stall_s * 1_000 - round.hold_ms, () => interruption.is_over());
    return waited ? [] : [`the survivors took no writes for ${stall_s} s`];
  }

  private async come_back(healed: WritesAgain): Promise<string[]> {
    try {
      await this.all_online();
      await clear_points(this.nodes); // That may crash one once more, on its way.
      await this.all_online();
    } catch (error) {
      return [(error as Error).message];
    }
    const back = await within(ONLINE_TIMEOUT_MS, () => healed.after_ms() !== null);
    if (!back) return ['not all nodes take writes, although they say that they are online'];
    return [];
  }

  /** What was taken out is taken in as soon as somebody is online. */
  private async all_online(): Promise<void> {
    let waiting = true;
    const taking_in = (async () => {
      while (waiting) {
        await take_in(this.nodes);
        await sleep(TAKE_IN_MS);
      }
    })();
    try {
      await this.nodes.wait_online();
    } finally {
      waiting = false;
      await taking_in;
    }
  }

  private async check(): Promise<string[]> {
    const stopped = await in_time(this.load.stop());
    if (!stopped) throw new Hopeless('clients wait for ever for the outcome of a transaction');
    const complaints = await this.load.check().catch((error: Error) => [error.message]);
    complaints.push(...this.load.wrong);
    this.load.wrong.clear();
    this.load.go_on();
    const goes_on = await in_time(this.load.progress(SOME));
    return goes_on ? complaints : [...complaints, 'no writes after the check'];
  }
}

/** The campaign cannot go on. */
export class Hopeless extends Error {}

async function within(timeout_ms: number, holds: () => boolean): Promise<boolean> {
  const end = Date.now() + timeout_ms;
  while (!holds()) {
    if (Date.now() >= end) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

async function in_time(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  work.then(
    () => (done = true),
    () => (done = true),
  );
  return within(ONLINE_TIMEOUT_MS, () => done);
}
