/**
 * How far beyond the screen the grid is drawn, in pixels.
 *
 * After a jump only what is in sight is drawn, so that its pictures come first; a moment later the
 * surroundings follow. While one scrolls, the reach grows with the speed: what will be in sight
 * soon is loading by then. Faster than anyone can look, hardly anything is drawn ahead: what one
 * stops at must not wait for what one flies over.
 */
export class Reach {
  #speed_px_s = 0;
  #lastMove_ms = -Infinity;
  #direction: 1 | -1 = 1;
  #isNarrow = true;

  get direction(): 1 | -1 {
    return this.#direction;
  }

  /** True after a jump, until `widen`. */
  get isNarrow(): boolean {
    return this.#isNarrow;
  }

  /** Take note of a move of the screen's upper edge, at a time in milliseconds. */
  moved(by_px: number, viewHeight: number, now_ms: number): void {
    if (by_px === 0) return;
    this.#direction = by_px > 0 ? 1 : -1;
    const elapsed_ms = now_ms - this.#lastMove_ms;
    this.#lastMove_ms = now_ms;
    if (Math.abs(by_px) > viewHeight) {
      this.#isNarrow = true;
      this.#speed_px_s = 0;
      return;
    }
    const speed = (Math.abs(by_px) / Math.max(8, Math.min(elapsed_ms, 250))) * 1000;
    this.#speed_px_s += (speed - this.#speed_px_s) * 0.3;
  }

  /** Draw the surroundings from now on. */
  widen(): void {
    this.#isNarrow = false;
  }

  /** What to draw above and below the screen. */
  extent(viewHeight: number): { above: number; below: number } {
    if (this.#isNarrow) return { above: NARROW_PX, below: NARROW_PX };
    const quick = this.#speed_px_s * LEAD_S;
    const isFlying = this.#speed_px_s > FLYING_SCREENS_S * viewHeight;
    const ahead = isFlying ? viewHeight / 2 : Math.min(MOST * viewHeight, Math.max(LEAST * viewHeight, quick));
    const behind = quick > LEAST * viewHeight ? NARROW_PX : BEHIND * viewHeight;
    return this.#direction === 1 ? { above: behind, below: ahead } : { above: ahead, below: behind };
  }
}

/** Pictures are asked for this long before they come into sight. */
const LEAD_S = 0.5;
const FLYING_SCREENS_S = 9;
const LEAST = 1.5;
const MOST = 4;
const BEHIND = 0.75;
const NARROW_PX = 60;
