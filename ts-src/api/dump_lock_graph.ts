// mtm.dump_lock_graph(): the same as text for Graphviz.
import { graphviz } from '../core/lock_graph.ts';
import { lock_graph } from './lock_graph.ts';

export function dump_lock_graph(): string {
  return graphviz(lock_graph());
}
