/** Changes of one asset by a person: shown at once, sent to the site, taken back if it refuses. */

import { api, Problem, type Changes, type Detail } from "./api.ts";
import { conflicts } from "./conflicts.svelte.ts";
import { applied } from "./edits.ts";
import { person } from "./person.svelte.ts";

/** What holds the asset that is shown. */
export interface Shown {
  detail: Detail | null;
}

export class Editing {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** Id of the conflict that the last change met. */
  met = $state<string | null>(null);

  constructor(
    private readonly shown: Shown,
    private readonly id: string,
  ) {}

  /**
   * Send changes of what the person had looked at; false where they were not taken.
   *
   * @param seen token of that state: what came in since is not overwritten, it stays beside
   */
  async save(changes: Changes, seen: string): Promise<boolean> {
    const before = this.shown.detail;
    return this.#run(
      async (by) => {
        const outcome = await api.edit(this.id, { by, seen, ...changes });
        const touched = Object.keys(changes.set ?? {}).map((field) => `${this.id}:${field}`);
        this.met = outcome.conflicts.find((each) => touched.includes(each)) ?? null;
        if (outcome.conflicts.length) conflicts.refreshSoon();
      },
      () => {
        if (before?.id === this.id) this.shown.detail = applied(before, changes);
      },
    );
  }

  /** Take a change back. */
  async undo(change: string): Promise<boolean> {
    return this.#run(async (by) => void (await api.undo(this.id, change, by)));
  }

  /** Say something about the asset. */
  async comment(text: string): Promise<boolean> {
    return this.#run(async (by) => void (await api.comment(this.id, text, by)));
  }

  async #run(send: (by: string) => Promise<void>, meanwhile: () => void = () => undefined): Promise<boolean> {
    const by = await person.name();
    if (by === null) return false;
    const before = this.shown.detail;
    this.busy = true;
    this.problem = null;
    this.met = null;
    try {
      meanwhile();
      await send(by);
      await this.#renew();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      if (this.shown.detail?.id === this.id) this.shown.detail = before;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** The change is taken already: where its result cannot be told, the page catches up later. */
  async #renew(): Promise<void> {
    try {
      const detail = await api.detail(this.id);
      if (this.shown.detail?.id === this.id) this.shown.detail = detail;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }
}
