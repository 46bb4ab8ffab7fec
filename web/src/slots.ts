/**
 * Gives each shown row an element to live in, and reuses elements of rows that left.
 *
 * A row keeps its slot as long as it is shown, so scrolling touches only what enters.
 */
export class Slots {
  #slotOf = new Map<number, number>();
  #free: number[] = [];
  #made = 0;

  /** Slots for the wanted rows; those of all other rows become free first. */
  assign(rows: readonly number[]): Map<number, number> {
    const wanted = new Set(rows);
    for (const [row, slot] of this.#slotOf) {
      if (wanted.has(row)) continue;
      this.#slotOf.delete(row);
      this.#free.push(slot);
    }
    for (const row of rows) {
      if (!this.#slotOf.has(row)) this.#slotOf.set(row, this.#free.pop() ?? this.#made++);
    }
    return this.#slotOf;
  }

  /** Follow rows that moved by `delta` places because assets appeared or went above them. */
  renumber(delta: number): void {
    this.#slotOf = new Map([...this.#slotOf].map(([row, slot]) => [row + delta, slot]));
  }
}
