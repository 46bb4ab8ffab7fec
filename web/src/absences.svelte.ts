/** Blobs that lie at another site: where, and asking for them until they are here. */

import { placesIn } from "./places.ts";

/** A site waits for a blob before it answers, and a browser has six connections to it. */
const AT_ONCE = 2;
const FIRST_WAIT_MS = 3000;
const LONGEST_WAIT_MS = 20_000;

/** A blob that was asked for and is not here. */
export class Absence {
  /** Names of the sites that have it; empty where none that answers does. */
  places = $state.raw<readonly string[]>([]);
  /** What the site said, with its remedy; empty until it has. */
  said = $state("");
  asking = $state(false);
  here = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller = new AbortController();
  #wait_ms = FIRST_WAIT_MS;

  /** @param priority "high" for what a person looks at: it goes before all that waits behind */
  constructor(
    readonly url: string,
    private readonly priority: RequestPriority,
  ) {}

  /** Ask for it now, not only when its time comes. */
  ask(): void {
    clearTimeout(this.#timer);
    if (this.here || this.asking) return;
    this.asking = true;
    void inTurn(() => this.#ask());
  }

  /** Ask no more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  async #ask(): Promise<void> {
    const { signal } = this.#controller;
    if (signal.aborted) return;
    try {
      // One byte is enough to learn whether it is here; renditions come whole and stay cached.
      const response = await fetch(this.url, { signal, priority: this.priority, headers: { Range: "bytes=0-0" } });
      this.here = response.ok;
      if (response.ok) await response.body?.cancel();
      else this.#note(await response.text());
    } catch {
      // The banner tells that the site is gone; this asks on.
    } finally {
      this.asking = false;
    }
    if (this.here || signal.aborted) return;
    this.#timer = setTimeout(() => this.ask(), this.#wait_ms);
    this.#wait_ms = Math.min(LONGEST_WAIT_MS, this.#wait_ms * 2);
  }

  #note(text: string): void {
    const { places, said } = placesIn(text);
    this.places = places;
    this.said = said;
  }
}

let running = 0;
const waiting: (() => void)[] = [];

/** Run no more than a few at a time, in the order in which they came. */
async function inTurn(work: () => Promise<void>): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running += 1;
  try {
    await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
