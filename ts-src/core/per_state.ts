// States are immutable, and most steps change little but times: several rules of one step,
// and of the next ones, ask the same of the same one.
import { PASSING, type Standing } from './state.ts';

const passing: ReadonlySet<string> = new Set(PASSING);
let standing: readonly (keyof Standing)[] = [];

/** Are they the same but for what passes? */
function stands(state: Standing, before: Standing): boolean {
  if (standing.length === 0) {
    standing = (Object.keys(state) as (keyof Standing)[]).filter((key) => !passing.has(key));
  }
  return standing.every((key) => state[key] === before[key]);
}

/** The function, which computes its value once for a state that it is asked about in a row. */
export function per_state<T>(compute: (state: Standing) => T): (state: Standing) => T {
  // A simulation has the states of many nodes in one process.
  const last: { state: Standing; readonly value: T }[] = [];
  return (state) => {
    const { node_id } = state.config;
    const known = last[node_id];
    if (known !== undefined && (known.state === state || stands(state, known.state))) {
      known.state = state;
      return known.value;
    }
    const value = compute(state);
    last[node_id] = { state, value };
    return value;
  };
}
