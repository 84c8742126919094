// The language of the stories: each step is a pattern and what it does to the cluster.
//
//   nodes 3 [major 1] [spares 1]      all online, in generation 1; always the first step
//   begin T1 on 1                     a client commits a transaction on node 1
//   begin T1 on 1 that drops 3        it takes node 3 out of the list; also: adds 4
//   join 4 from 1                     node 4, a spare one, begins as a copy of node 1
//   prepare U1 on 1                   PREPARE TRANSACTION 'U1'
//   commit prepared U1 on 2           also: rollback prepared
//   node 2 refuses T1                 it will vote no
//   cancel T1                         its client asks for abort
//   client of T1 goes away            its backend ends, it is left prepared
//   crash 1                           the server, with all that was not saved
//   crash 1 before it <happening>     at that moment, in the middle of what it does
//   crash 1 after it <happening>
//   start 1
//   pause 1 for 3s                    its monitor stands still; its statements are answered
//   cut 1 2 | 3                       connections between those and these break
//   cut 1 -> 3                        what 1 sends to 3 is lost, silently
//   hold 1 -> 3                       what 3 reads of the stream of 1 waits
//   release 1 -> 3
//   flap 1 | 2 5 times 0.5s           cut and heal it, each for so long
//   heal                              all cuts
//   wait 3s
//   until 2 <happening>               until that has happened on node 2
//
// A happening is the beginning of a line of the trace, without time and node. `before`
// knows some that leave no line: decides T1, prepares T1, takes back T1. One node has one
// digit; T is for the cluster's own transactions, U for users' prepared ones.
import { expectations } from './expectations.ts';
import { TracedCluster } from './traced_cluster.ts';

type Act = (cluster: TracedCluster, words: readonly string[]) => void;

const STEPS: readonly (readonly [RegExp, Act])[] = [
  [/^begin (T\d+) on (\d)$/, (c, [name, id]) => c.begin_transaction(name!, Number(id), null)],
  [/^begin (T\d+) on (\d) that (add|drop)s (\d)$/, (c, [name, id, change, node]) => {
    c.begin_list_change(name!, Number(id), { change: change as 'add' | 'drop', node: Number(node) });
  }],
  [/^join (\d) from (\d)$/, (c, [id, source]) => c.join(Number(id), Number(source))],
  [/^prepare (U\d+) on (\d)$/, (c, [name, id]) => c.begin_transaction(name!, Number(id), name!)],
  [/^(commit|rollback) prepared (U\d+) on (\d)$/, (c, [verb, name, id]) => {
    c.node(Number(id)).data.user_decides(c.transaction(name!), verb === 'commit');
  }],
  [/^node (\d) refuses (\w+)$/, (c, [id, name]) => {
    c.node(Number(id)).data.refused.add(c.transaction(name!));
  }],
  [/^cancel (T\d+)$/, (c, [name]) => {
    const { coordinator, gid } = c.transaction(name!);
    c.node(coordinator).data.cancel(gid);
  }],
  [/^client of (T\d+) goes away$/, (c, [name]) => {
    const { coordinator, gid } = c.transaction(name!);
    c.node(coordinator).data.give_up(gid);
  }],
  [/^crash (\d)$/, (c, [id]) => c.crash(Number(id))],
  [/^crash (\d) (before|after) it (.+)$/, (c, [id, when, text]) => {
    c.crash_when(Number(id), when as 'before' | 'after', text!);
  }],
  [/^start (\d)$/, (c, [id]) => c.start(Number(id))],
  [/^pause (\d) for ([\d.]+)s$/, (c, [id, seconds]) => c.pause(Number(id), Number(seconds) * 1_000)],
  [/^cut ([\d ]+) \| ([\d ]+)$/, (c, [a, b]) => c.cut_off(ids(a!), ids(b!))],
  [/^cut (\d) -> (\d)$/, (c, [from, to]) => c.deafen(Number(from), Number(to))],
  [/^hold (\d) -> (\d)$/, (c, [from, to]) => c.held.add(`${from}>${to}`)],
  [/^release (\d) -> (\d)$/, (c, [from, to]) => c.held.delete(`${from}>${to}`)],
  [/^flap (\d) \| (\d) (\d+) times ([\d.]+)s$/, (c, [a, b, times, seconds]) => {
    for (let i = 0; i < Number(times); i++) {
      c.cut_off(ids(a!), ids(b!));
      c.run_for(Number(seconds) * 1_000);
      c.mend();
      c.run_for(Number(seconds) * 1_000);
    }
  }],
  [/^heal$/, (c) => c.mend()],
  [/^wait ([\d.]+)s$/, (c, [seconds]) => c.run_for(Number(seconds) * 1_000)],
  [/^until (\d) (.+)$/, (c, [id, text]) => c.wait_for(Number(id), text!)],
  ...expectations,
];

/** Run a story's steps; its trace. */
export function run_steps(steps: readonly string[]): readonly string[] {
  const [first = '', ...rest] = steps;
  const size = /^nodes (\d)(?: major (\d))?(?: spares (\d))?$/.exec(first);
  if (size === null) throw new Error(`the first step is "${first}", not the number of nodes`);
  if (!steps.at(-1)!.startsWith('expect ')) throw new Error('it does not say what it expects');
  const [nodes, major, spares] = size.slice(1).map((text) => Number(text ?? 0));
  const cluster = new TracedCluster(nodes!, major!, spares!);
  for (const step of rest) {
    if (!step.startsWith('expect ')) cluster.tell(`> ${step}`);
    take(cluster, step);
  }
  return cluster.lines;
}

function take(cluster: TracedCluster, step: string): void {
  for (const [pattern, act] of STEPS) {
    const found = pattern.exec(step);
    if (found !== null) {
      act(cluster, found.slice(1));
      return;
    }
  }
  throw new Error(`no step is written "${step}"`);
}

function ids(text: string): readonly number[] {
  return text.trim().split(/\s+/).map(Number);
}
