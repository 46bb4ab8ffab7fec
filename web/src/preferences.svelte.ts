/** What a person set for this browser, remembered across visits. */

const KEY = "museion.preferences";

interface Remembered {
  density: number;
  infoOpen: boolean;
  /** Who edits; empty until asked. */
  person: string;
}

/** Row heights of the grid, small to large, in CSS pixels on a wide screen. */
export const ROW_HEIGHTS: readonly number[] = [132, 168, 208, 264, 336];

const DEFAULTS: Remembered = { density: 2, infoOpen: true, person: "" };

function read(): Remembered {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Remembered>) };
  } catch {
    return DEFAULTS;
  }
}

class Preferences {
  #values = $state<Remembered>(read());

  get density(): number {
    return Math.min(ROW_HEIGHTS.length - 1, Math.max(0, Math.round(this.#values.density)));
  }

  set density(step: number) {
    this.#values.density = Math.min(ROW_HEIGHTS.length - 1, Math.max(0, step));
    this.#keep();
  }

  get infoOpen(): boolean {
    return this.#values.infoOpen;
  }

  set infoOpen(open: boolean) {
    this.#values.infoOpen = open;
    this.#keep();
  }

  get person(): string {
    return this.#values.person;
  }

  set person(name: string) {
    this.#values.person = name.trim();
    this.#keep();
  }

  #keep(): void {
    localStorage.setItem(KEY, JSON.stringify(this.#values));
  }
}

export const preferences = new Preferences();
