/** What the person says of the hits of a query; told to the site at once. */

import { api, isAbort, Problem, type Verdict } from "./api.ts";
import { person } from "./person.svelte.ts";
import { preferences } from "./preferences.svelte.ts";

class Judging {
  /** True while hits show thumbs. */
  on = $state(false);
  problem = $state.raw<Problem | null>(null);
  #query = $state("");
  #verdicts = $state.raw<ReadonlyMap<string, Verdict>>(new Map());
  #request: AbortController | null = null;

  /** How many hits of the query the person has judged. */
  get count(): number {
    return this.#verdicts.size;
  }

  verdict(id: string): Verdict {
    return this.#verdicts.get(id) ?? 0;
  }

  /** Fetch what the person said of another query's hits. */
  async follow(query: string): Promise<void> {
    if (query === this.#query) return;
    this.#request?.abort();
    this.#query = query;
    this.#verdicts = new Map();
    if (!query || !preferences.person) return;
    const { signal } = (this.#request = new AbortController());
    try {
      const { items } = await api.judgements(query, preferences.person, signal);
      if (signal.aborted) return;
      // What was said meanwhile is newer.
      this.#verdicts = new Map([...items.map(({ asset_id, verdict }) => [asset_id, verdict] as const), ...this.#verdicts]);
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
  }

  /** Say whether a hit fits; the same again takes it back. Shown at once, undone where it is refused. */
  async say(id: string, verdict: 1 | -1): Promise<void> {
    const by = await person.name();
    const query = this.#query;
    if (!by || !query) return;
    const before = this.verdict(id);
    const now: Verdict = before === verdict ? 0 : verdict;
    this.#set(id, now);
    try {
      await api.judge({ query, asset_id: id, verdict: now, by });
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.#query === query) this.#set(id, before);
      this.problem = error;
    }
  }

  #set(id: string, verdict: Verdict): void {
    const verdicts = new Map(this.#verdicts);
    if (verdict) verdicts.set(id, verdict);
    else verdicts.delete(id);
    this.#verdicts = verdicts;
  }
}

export const judging = new Judging();

/** What a key says of the hit in sight; null of other keys. */
export function verdictOf(key: string): 1 | -1 | null {
  if (key === "+" || key === "=") return 1;
  return key === "-" ? -1 : null;
}
