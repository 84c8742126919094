// Equal states have equal keys. So have those that are equal but for the names of nodes
// that play the same part: no step of the model asks which of them it is.
import { COORDINATOR, all_nodes, first_members, type Node, type Setting } from './state.ts';
import type { State, Won } from './state.ts';
import type { NodeId } from '../../ts-src/core/node_set.ts';

export function state_keys(setting: Setting): (s: State) => string {
  const number_of = numbering();
  const ids = all_nodes(setting);
  const groups = same_part(setting);
  const key_of_node = remembered((node: Node) => number_of(node));
  /** What it says of each node. */
  const keys_of_won = remembered(({ record, answers, accepted, settled }: Won) =>
    ids.map((id) =>
      number_of([record.online_in[id], answers[id], accepted.includes(id), settled.includes(id)]),
    ),
  );

  return ({ nodes, won, held, driver, asked }) => {
    let key = `${driver[0]}${asked ? 1 : 0}${held === null ? '' : `${held.number}.${held.winner}`}`;
    const columns = ids.map((id) => key_of_node(nodes[id]!));
    for (let number = 2; number < won.length; number++) {
      const at = won[number]!;
      if (at === null || at === 'over') {
        key += at === null ? '-' : 'o';
        continue;
      }
      key += at.value?.[0] ?? '?';
      const of_nodes = keys_of_won(at);
      for (let i = 0; i < columns.length; i++) columns[i] += of_nodes[i]!;
    }
    for (const group of groups) {
      const of_group = group.map((id) => columns[id - 1]!);
      key += group.length > 1 ? of_group.sort().join('') : of_group[0];
    }
    return key;
  };
}

/** Parts are shared between states, so each is looked at once. */
function remembered<Part extends object, Key>(key_of: (part: Part) => Key): (part: Part) => Key {
  const keys = new WeakMap<Part, Key>();
  return (part) => {
    const known = keys.get(part);
    if (known !== undefined) return known;
    const key = key_of(part);
    keys.set(part, key);
    return key;
  };
}

/** Equal parts get equal numbers, of two characters. */
function numbering(): (part: unknown) => string {
  const numbers = new Map<string, string>();
  return (part) => {
    const text = JSON.stringify(part);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const next = numbers.size;
    const number = String.fromCharCode(0x100 + (next % 0x4000), 0x100 + Math.floor(next / 0x4000));
    numbers.set(text, number);
    return number;
  };
}

/** The coordinator and the major node each play a part of their own. */
function same_part(setting: Setting): readonly (readonly NodeId[])[] {
  const groups = new Map<string, NodeId[]>();
  for (const id of all_nodes(setting)) {
    const is_alone = id === COORDINATOR || id === setting.major;
    const part = is_alone ? `${id}` : `${first_members(setting).includes(id)}`;
    groups.set(part, [...(groups.get(part) ?? []), id]);
  }
  return [...groups.values()];
}
