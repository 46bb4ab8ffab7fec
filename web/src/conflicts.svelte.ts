/** The fields that wait for a person, and settling them one after the other. */

import { api, Problem, type Conflict, type PersonValue } from "./api.ts";

const MOST_SHOWN = 100;
/** Shortest time between two looks while the catalog changes. */
const REST_MS = 1000;
/** For so long a decision can be taken back: it is sent to the site only then. */
export const SECOND_THOUGHT_MS = 8000;

export type Decision = { choice: string } | { value: PersonValue };

/** A decision that is not sent yet, because the person may think again. */
export interface Pending {
  conflict: Conflict;
  decision: Decision;
  by: string;
  /** What is kept, for people. */
  text: string;
}

class Conflicts {
  /** Open conflicts, as told last while somebody looked; null until the site has told. */
  all = $state.raw<readonly Conflict[] | null>(null);
  pending = $state.raw<Pending | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** What became of the last decision. */
  told = $state("");
  /** True while somebody looks at the list; else only their number is asked for. */
  watched = false;
  #total = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: ReturnType<typeof setTimeout> | undefined;
  /** Ids of conflicts whose decision is on its way. */
  #sent = $state.raw<readonly string[]>([]);

  /** How many wait, for the badge; more than are listed where there are very many. */
  get total(): number {
    return Math.max(0, this.#total - this.#sent.length - (this.pending ? 1 : 0));
  }

  /** Those that wait for a decision, the last written first. */
  get open(): readonly Conflict[] {
    const decided = [...this.#sent, this.pending?.conflict.id];
    return (this.all ?? []).filter((each) => !decided.includes(each.id));
  }

  /** Look again soon. Cheap to call for each change of the catalog. */
  refreshSoon(): void {
    this.#timer ??= setTimeout(() => void this.refresh(), REST_MS);
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      const page = await api.conflicts(0, this.watched ? MOST_SHOWN : 1);
      if (this.watched) this.all = page.items;
      this.#total = page.total;
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
  }

  /** Decide; the decision is sent in a moment, or at once when the next one is made. */
  decide(pending: Pending): void {
    void this.flush();
    this.told = "";
    this.pending = pending;
    this.#sending = setTimeout(() => void this.flush(), SECOND_THOUGHT_MS);
  }

  /** Take the last decision back, where it is not sent yet; returns its conflict. */
  undo(): Conflict | null {
    clearTimeout(this.#sending);
    const conflict = this.pending?.conflict ?? null;
    this.pending = null;
    return conflict;
  }

  /** Send the last decision now. */
  async flush(): Promise<void> {
    clearTimeout(this.#sending);
    const { pending } = this;
    if (!pending) return;
    this.pending = null; // from here on it cannot be taken back
    const { conflict, decision, by } = pending;
    this.#sent = [...this.#sent, conflict.id];
    try {
      const outcome = await api.resolve(conflict.id, { by, seen: conflict.seen, ...decision });
      this.told = outcome.conflicts.includes(conflict.id)
        ? `Another version of “${conflict.label}” came in meanwhile: it waits for you.`
        : "Settled. The other sites take it over.";
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Nothing is lost: the conflict is still open and stays in the list.
      this.told = error.status === 404 ? "Somebody settled it meanwhile." : `Not settled: ${error.message} ${error.remedy}`;
    } finally {
      await this.refresh();
      this.#sent = this.#sent.filter((each) => each !== conflict.id);
    }
  }
}

export const conflicts = new Conflicts();
