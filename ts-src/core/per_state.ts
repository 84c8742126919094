// States are immutable, and several rules of one step ask the same of the same one.
import type { State } from './state.ts';

/** The function, which computes its value once for a state that it is asked about in a row. */
export function per_state<T>(compute: (state: State) => T): (state: State) => T {
  let last: { readonly state: State; readonly value: T } | null = null;
  return (state) => {
    if (last?.state !== state) last = { state, value: compute(state) };
    return last!.value;
  };
}
