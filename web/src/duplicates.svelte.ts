/** Groups of duplicates, and what the person has chosen to become of the one that is looked at. */

import { api, isAbort, Problem, type DuplicateGroup, type Keeping, type TakenOver } from "./api.ts";
import { formatCount } from "./format.ts";
import { person } from "./person.svelte.ts";

const PAGE = 50;

class Duplicates {
  /** Null until they are known. */
  groups = $state.raw<readonly DuplicateGroup[] | null>(null);
  total = $state(0);
  /** How many assets could go. */
  spare = $state(0);
  /** Place of the group that is looked at. */
  at = $state(0);
  /** The member that stays for sure. */
  kept = $state("");
  /** Members that go to the trash. */
  going = $state.raw<ReadonlySet<string>>(new Set());
  /** What the suggested member takes over; null until known. */
  takesOver = $state.raw<TakenOver | null>(null);
  busy = $state(false);
  told = $state("");
  problem = $state.raw<Problem | null>(null);
  #keepings = $state.raw<readonly Keeping[]>([]);

  get shown(): DuplicateGroup | null {
    return this.groups?.[this.at] ?? null;
  }

  /** True where a keeping of this visit can be taken back. */
  get canUndo(): boolean {
    return this.#keepings.length > 0;
  }

  async load(signal?: AbortSignal): Promise<void> {
    try {
      const page = await api.duplicates(0, PAGE, signal);
      const before = this.shown?.id;
      this.groups = page.items;
      this.total = page.total;
      this.spare = page.spare;
      this.problem = null;
      const found = page.items.findIndex(({ id }) => id === before);
      if (found >= 0) this.at = found;
      else this.go(this.at);
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
  }

  /** Look at another group, with what is suggested for it chosen. */
  go(at: number): void {
    this.at = Math.max(0, Math.min(at, (this.groups?.length ?? 1) - 1));
    this.takesOver = null;
    const group = this.shown;
    if (!group) return;
    this.choose(group.suggested);
    void this.#look(group.id);
  }

  /** Keep a member: all others go that show the same picture as the suggested one. */
  choose(id: string): void {
    const group = this.shown;
    if (!group) return;
    this.kept = id;
    this.going = new Set(group.members.filter((each) => each.id !== id && each.bits !== null).map((each) => each.id));
  }

  /** Let a member go, or let it stay beside the kept one. */
  toggle(id: string): void {
    if (id === this.kept) return;
    const going = new Set(this.going);
    if (!going.delete(id)) going.add(id);
    this.going = going;
  }

  async keep(): Promise<void> {
    const group = this.shown;
    const [kept, only] = [this.kept, [...this.going]];
    if (!group || only.length === 0) return;
    await this.#do(async (by) => {
      const keeping = await api.keep(group.id, { by, keep: kept, only });
      this.#keepings = [...this.#keepings, keeping];
      const taken = [...keeping.fields, ...keeping.tags.map((tag) => `tag ${tag}`), ...keeping.collections.map(() => "a collection")];
      this.told = `${formatCount(keeping.trashed.length, "asset")} in the trash.${taken.length ? ` Taken over: ${taken.join(", ")}.` : ""}`;
      this.#leave(group.id, only.length);
    });
  }

  async dismiss(): Promise<void> {
    const group = this.shown;
    if (!group) return;
    await this.#do(async (by) => {
      await api.dismissDuplicates(group.id, by);
      this.told = "They are no duplicates: not proposed again.";
      this.#leave(group.id, group.members.length - 1);
    });
  }

  /** Take the last keeping of this visit back. */
  async undo(): Promise<void> {
    const keeping = this.#keepings.at(-1);
    if (!keeping) return;
    await this.#do(async (by) => {
      const { restored } = await api.undoKeeping(keeping.id, by);
      this.#keepings = this.#keepings.slice(0, -1);
      this.told = `${formatCount(restored.length, "asset")} out of the trash again.`;
      await this.load();
      const back = (this.groups ?? []).findIndex((group) => group.members.some(({ id }) => id === keeping.asset_id));
      if (back >= 0) this.go(back);
    });
  }

  async #do(action: (by: string) => Promise<void>): Promise<void> {
    if (this.busy) return;
    const by = await person.name();
    if (!by) return;
    this.busy = true;
    try {
      await action(by);
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Somebody else may have seen to it.
      if (error.status === 404 || error.status === 409) await this.load();
      this.problem = error;
    } finally {
      this.busy = false;
    }
  }

  #leave(id: string, spare: number): void {
    this.groups = (this.groups ?? []).filter((group) => group.id !== id);
    this.total = Math.max(0, this.total - 1);
    this.spare = Math.max(0, this.spare - spare);
    this.go(this.at);
    if (this.groups.length === 0 && this.total > 0) void this.load();
  }

  async #look(id: string): Promise<void> {
    try {
      const { takes_over } = await api.duplicateGroup(id);
      if (this.shown?.id === id) this.takesOver = takes_over;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The group can be seen to without.
    }
  }
}

export const duplicates = new Duplicates();
