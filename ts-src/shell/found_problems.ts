// What a check found, no more than so many, and how far it is.
import type { NodeId } from '../core/node_set.ts';

export interface FoundProblem {
  readonly node_id: NodeId;
  /** The table's OID on this node; null: it is not here. */
  readonly relation: number | null;
  readonly key: string | null;
  readonly problem: string;
}

/** How often a long check says how far it is. */
const PROGRESS_MS = 5_000;

export class FoundProblems {
  readonly list: FoundProblem[] = [];
  private cut = false;
  private told_ms = Date.now();

  constructor(private readonly most: number) {}

  add(problem: FoundProblem): void {
    if (this.list.length < this.most) this.list.push(problem);
    else this.cut = true;
  }

  /** More would not be listed. */
  get full(): boolean {
    return this.cut;
  }

  progress(text: () => string): void {
    const now_ms = Date.now();
    if (now_ms - this.told_ms < PROGRESS_MS) return;
    this.told_ms = now_ms;
    plv8.elog(NOTICE, text());
  }

  tell_cut(): void {
    if (this.cut) plv8.elog(WARNING, `only the first ${this.most} problems are listed`);
  }
}
