/** Who edits: asked once, then remembered for this browser. */

import { preferences } from "./preferences.svelte.ts";

class Person {
  /** True while the question is on the screen. */
  asking = $state(false);
  #answer: ((name: string | null) => void) | null = null;

  /** The name, asked for if it is not known; null where the person would not say. */
  async name(): Promise<string | null> {
    return preferences.person || this.ask();
  }

  /** Ask, even if a name is known. */
  ask(): Promise<string | null> {
    this.#answer?.(null);
    this.asking = true;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  /** Take the answer; null where it was refused. */
  answer(name: string | null): void {
    if (name?.trim()) preferences.person = name;
    this.asking = false;
    this.#answer?.(name?.trim() || null);
    this.#answer = null;
  }
}

export const person = new Person();
