// What happens in a cluster, in words for people.
import type { Durable } from '../../ts-src/core/state.ts';
import type { Message } from '../../ts-src/core/message.ts';
import type { Transaction } from '../sim/transaction.ts';

/** What its client was told; nothing is null. */
export function answer_of({ told }: Transaction): string | null {
  if (told === 'commit') return 'committed';
  return told === 'abort' ? 'aborted' : told;
}

/** What a node promised with what it saved. */
export function saved_words(
  id: number,
  before: Durable | null,
  after: Durable,
): readonly string[] {
  const texts: string[] = [];
  const { promised } = after;
  const is_new = promised !== null && promised.number !== (before?.promised?.number ?? 0);
  if (before !== null && is_new && promised.campaigner !== id) {
    texts.push(`votes for generation ${promised.number} of ${promised.members.join(' ')}`);
  }
  for (const [gid, { ballot, value, lacks }] of Object.entries(after.accepted)) {
    const old = before?.accepted[gid]?.ballot;
    if (old?.number === ballot.number && old.seq === ballot.seq) continue;
    const without = lacks ? ', which it lacks' : '';
    texts.push(`accepts ${value} of ${gid} in ballot ${ballot.number}.${ballot.seq}${without}`);
  }
  return texts;
}

/** A message that others act by, in words; null: of the rest. */
export function sent_words(message: Message, to: number): string | null {
  switch (message.kind) {
    case 'gather':
    case 'execute':
    case 'conclude':
    case 'settle':
      return `runs round ${message.number}.${message.seq}: ${message.kind}`;
    case 'inquire':
      return `runs round ${message.number}.${message.seq}: inquire ${message.gids.join(' ')}`;
    case 'propose': {
      const values = Object.entries(message.values).map(([gid, value]) => `${value} of ${gid}`);
      return `runs round ${message.number}.${message.seq}: propose ${values.join(', ')}`;
    }
    case 'close': {
      const open = message.open ? ', it is open' : '';
      return `runs round ${message.number}.${message.seq}: close${open}`;
    }
    case 'ask': {
      const all = Object.entries(message.decisions);
      const wishes = all.map(([gid, { value }]) => `${value} of ${gid}`);
      return `asks node ${to} for a ballot: ${wishes.join(', ')}`;
    }
    case 'told': {
      const answers = Object.entries(message.answers).map(([gid, told]) => `${gid} ${told}`);
      return `tells node ${to}: ${answers.join(', ')}`;
    }
    default:
      return null;
  }
}
