// The text of the durable state. The file around it (checksum, version of its frame,
// tmp + fsync + rename) is the data plane's; what is in it is checked here. A state
// that cannot be this node's is never guessed at: the node does not start.
import type { Config, Durable } from './state.ts';

const FORMAT = 3;

interface Saved {
  readonly format: number;
  readonly node_id: number;
  readonly cluster_name: string;
  readonly state: Durable;
}

export function encode_durable(config: Config, durable: Durable): string {
  const { node_id, cluster_name } = config;
  const saved: Saved = { format: FORMAT, node_id, cluster_name, state: durable };
  return JSON.stringify(saved);
}

export type DecodedDurable =
  | { readonly durable: Durable }
  | { readonly refused: string; readonly hint: string };

export function decode_durable(config: Config, text: string): DecodedDurable {
  let saved: Saved;
  try {
    saved = JSON.parse(text) as Saved;
  } catch {
    return refused('it cannot be read');
  }
  if (saved?.format !== FORMAT) return refused(`its format is ${saved?.format}, not ${FORMAT}`);
  if (saved.node_id !== config.node_id) {
    return refused(`it is of node ${saved.node_id}, multimaster.node_id is ${config.node_id}`);
  }
  if (saved.cluster_name !== config.cluster_name) {
    const names = `"${saved.cluster_name}", multimaster.cluster_name is "${config.cluster_name}"`;
    return refused(`it is of cluster ${names}`);
  }
  return is_whole(saved.state) ? { durable: saved.state } : refused('a part of it is missing');
}

function refused(why: string): DecodedDurable {
  const hint =
    "A copy of another node's data directory must not start as this node. Undo the change of " +
    'settings, or rebuild the node.';
  return { refused: why, hint };
}

function is_whole(durable: Durable | undefined): boolean {
  return (
    Number.isInteger(durable?.incarnation) &&
    Number.isInteger(durable!.online_in) &&
    Number.isInteger(durable!.born) &&
    Number.isInteger(durable!.settled) &&
    durable!.promised !== undefined &&
    durable!.generation !== undefined &&
    Array.isArray(durable!.pending) &&
    Array.isArray(durable!.history) &&
    typeof durable!.accepted === 'object' &&
    Number.isInteger(durable!.closed?.number)
  );
}
