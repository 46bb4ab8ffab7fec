/**
 * A movable window over a listing that is taller than a browser can scroll.
 *
 * Browsers cap the height of an element (17 to 33 million pixels) and lose sub-pixel precision long
 * before. So the scrolled element is never taller than `cap`; it shows the stretch of the listing
 * that begins at `base`. Within the stretch scrolling is native and exact to the pixel; jumps and
 * pauses move the stretch. Listings below the cap never move it.
 */
export class ScrollWindow {
  base = 0;
  total = 0;

  constructor(readonly cap = 4_000_000) {}

  /** Height of the scrolled element. */
  get span(): number {
    return Math.min(this.total, this.cap);
  }

  /** Set the listing's height; the base stays inside it. */
  resize(total: number): void {
    this.total = total;
    this.base = Math.min(this.base, Math.max(0, total - this.cap));
  }

  /** The place in the listing that a scroll position of the element shows. */
  toListing(scrollTop: number): number {
    return this.base + scrollTop;
  }

  /**
   * The scroll position that shows place `y`, moving the stretch where `y` lies outside of its
   * comfortable middle. `y` is clamped to the listing.
   */
  toScroll(y: number): number {
    const place = Math.min(Math.max(0, y), Math.max(0, this.total));
    if (!this.isComfortable(place)) {
      const furthest = Math.max(0, this.total - this.cap);
      this.base = Math.round(Math.min(furthest, Math.max(0, place - this.cap / 2)));
    }
    return place - this.base;
  }

  /** True where one can scroll on for an eighth of the stretch in both directions, or to an end. */
  isComfortable(y: number): boolean {
    const margin = this.cap / 8;
    const above = y - this.base;
    const below = this.base + this.span - y;
    const roomAbove = this.base === 0 ? above >= 0 : above >= margin;
    const roomBelow = this.base + this.span >= this.total ? below >= 0 : below >= margin;
    return roomAbove && roomBelow;
  }
}
