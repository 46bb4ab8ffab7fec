/**
 * What the grid has on screen: which rows, at which place, for which stretch of the listing.
 *
 * Owns the scroll place. Everything that changes the geometry (width, density, new assets) goes
 * through here and leaves the row that a person looks at where it is on the screen.
 */

import { justify, neighbour, rowAt, rowOf, sectionAt, tilesOfRow, type Direction, type Layout, type TileBox } from "./layout.ts";
import type { Anchor, Listing } from "./listing.svelte.ts";
import { Reach } from "./reach.ts";
import type { ScrollMark } from "./router.svelte.ts";
import { ScrollWindow } from "./scroll-window.ts";
import { Slots } from "./slots.ts";

export interface ShownRow {
  slot: number;
  row: number;
  /** From the top of the scrolled element. */
  top: number;
  height: number;
  tiles: TileBox[];
}

export interface ShownHeading {
  section: number;
  label: string;
  count: number;
  top: number;
}

export interface GridSize {
  width: number;
  height: number;
  rowHeight: number;
  gap: number;
  captionHeight: number;
  /** Room below the last row, besides that of the footer. */
  endHeight?: number;
}

export const HEADING_HEIGHT = 46;
const PAD_TOP = 10;
const PAD_BOTTOM = 96;
/** Between the last row and what is said at the end. */
const END_GAP = 28;
/** After a jump what is in sight has the site for itself: looked after this often, at most so long. */
const LOOK_MS = 80;
const LONGEST_ALONE_MS = 800;

export class GridView {
  layout = $state.raw<Layout | null>(null);
  rows = $state.raw<ShownRow[]>([]);
  headings = $state.raw<ShownHeading[]>([]);
  /** Height of the scrolled element. */
  span = $state(0);
  /** Place in the listing of the upper edge of the screen. */
  top = $state(0);
  /** The asset that arrow keys start from. */
  current = $state(0);
  viewHeight = $state(0);

  /** Keeps the row of `current` in the document, so that it keeps the focus. */
  pinned = false;
  #listing: Listing | null = null;
  #aspects: Uint16Array = new Uint16Array();
  #size: GridSize | null = null;
  #window = new ScrollWindow();
  #slots = new Slots();
  #reach = new Reach();
  #widening: ReturnType<typeof setTimeout> | undefined;
  #awaited: ScrollMark | null = null;
  /** Where to begin once the size is known. */
  #beginning: ScrollMark | null = null;

  /**
   * @param scroll sets the element's scroll position
   * @param isPainted tells whether all drawn tiles have their pictures
   */
  constructor(
    private readonly scroll: (scrollTop: number) => void,
    private readonly isPainted: () => boolean = () => true,
  ) {}

  get furthest(): number {
    return Math.max(0, this.#window.total - this.viewHeight);
  }

  /** True where the scrolled element ends where the listing ends. */
  get atEnd(): boolean {
    return this.top >= 0 && this.#window.base + this.span >= this.#window.total;
  }

  /** Where the last row ends, from the top of the scrolled element. */
  get endTop(): number {
    return PAD_TOP + (this.layout?.height ?? 0) + END_GAP - this.#window.base;
  }

  get sectionLabel(): string {
    if (!this.layout) return "";
    return this.layout.sections[sectionAt(this.layout, this.top + HEADING_HEIGHT)]?.label ?? "";
  }

  /** Show another listing from where the mark says, or a later state of the same one. */
  show(listing: Listing, mark: ScrollMark | null): void {
    this.#listing = listing;
    this.#awaited = null;
    this.current = Math.min(mark?.index ?? 0, Math.max(0, listing.aspects.length - 1));
    this.#slots = new Slots();
    const beginning = mark ?? { index: 0, offset: -PAD_TOP - HEADING_HEIGHT };
    if (this.#size) this.#relayout(beginning);
    else this.#beginning = beginning;
  }

  /** Note that the present listing will be replaced and where its anchor will stand then. */
  follow(anchor: Anchor, index: number): void {
    const mark = this.mark();
    const moved = index - anchor.index;
    this.current += moved;
    this.#awaited = this.top < 2 ? { index: 0, offset: mark.offset } : { ...mark, index: mark.index + moved };
  }

  /** Take the later state announced by `follow`, or what the listing has grown by. */
  update(listing: Listing): void {
    const mark = this.#awaited ?? this.mark();
    const before = this.layout && this.#awaited ? rowOf(this.layout, this.mark().index) : 0;
    const renewed = this.#awaited !== null;
    this.#awaited = null;
    this.#listing = listing;
    this.#relayout(mark, renewed ? before : null);
  }

  resize(size: GridSize): void {
    const mark = this.#beginning ?? this.mark();
    this.#beginning = null;
    this.#size = size;
    this.viewHeight = size.height;
    if (this.#listing) this.#relayout(mark);
  }

  /** Where the grid is scrolled to, in terms that outlive its geometry. */
  mark(): ScrollMark {
    if (!this.layout || this.layout.rows === 0) return { index: 0, offset: -PAD_TOP - HEADING_HEIGHT };
    const row = rowAt(this.layout, this.top - PAD_TOP);
    const offset = this.top - PAD_TOP - (this.layout.rowTop[row] ?? 0);
    return { index: this.layout.rowFirst[row] ?? 0, offset };
  }

  /** Follow the element's own scrolling. */
  scrolled(scrollTop: number): void {
    const top = this.#window.toListing(scrollTop);
    if (Math.abs(top - this.top) < 0.5) return;
    this.#moveTo(top);
    if (!this.#nearEdge(scrollTop)) this.#render();
    else this.scrollTo(top);
  }

  /** Move the stretch under a resting screen, so that there is room to scroll on. */
  settle(): void {
    if (!this.#window.isComfortable(this.top)) this.scrollTo(this.top);
  }

  scrollTo(y: number): void {
    const top = Math.min(Math.max(0, y), this.furthest);
    this.#moveTo(top);
    const scrollTop = this.#window.toScroll(top);
    this.span = this.#window.span;
    this.#render();
    this.scroll(scrollTop);
  }

  /** Scroll as little as needed to show the asset whole. */
  reveal(index: number): void {
    if (!this.layout) return;
    const row = rowOf(this.layout, index);
    const top = (this.layout.rowTop[row] ?? 0) + PAD_TOP;
    const bottom = top + (this.layout.rowHeight[row] ?? 0) + this.layout.options.captionHeight;
    if (top < this.top) this.scrollTo(top - this.layout.options.headerHeight);
    else if (bottom > this.top + this.viewHeight) this.scrollTo(bottom - this.viewHeight + 8);
    else this.#render();
  }

  /** The asset an arrow key leads to from the current one. */
  step(direction: Direction): number {
    return this.layout ? neighbour(this.layout, this.#aspects, this.current, direction) : 0;
  }

  /** The first asset whose row is wholly on screen. */
  firstInSight(): number {
    if (!this.layout) return 0;
    const row = rowAt(this.layout, this.top - PAD_TOP);
    const isCut = (this.layout.rowTop[row] ?? 0) < this.top - PAD_TOP && row + 1 < this.layout.rows;
    return this.layout.rowFirst[isCut ? row + 1 : row] ?? 0;
  }

  #moveTo(top: number): void {
    this.#reach.moved(top - this.top, this.viewHeight, performance.now());
    this.top = top;
  }

  /** Draw the surroundings once everything in sight has its picture. */
  #widenLater(waited_ms = 0): void {
    clearTimeout(this.#widening);
    this.#widening = setTimeout(() => {
      const waits = waited_ms + LOOK_MS;
      if (waits < LONGEST_ALONE_MS && !this.isPainted()) {
        this.#widenLater(waits);
        return;
      }
      this.#reach.widen();
      this.#render();
    }, LOOK_MS);
  }

  #nearEdge(scrollTop: number): boolean {
    const room = this.viewHeight * 4;
    const { base, span, total } = this.#window;
    return (base > 0 && scrollTop < room) || (base + span < total && scrollTop + this.viewHeight > span - room);
  }

  #relayout(mark: ScrollMark, rowBefore: number | null = null): void {
    if (!this.#listing || !this.#size) return;
    const { width, rowHeight, gap, captionHeight } = this.#size;
    const { aspects, sections } = this.#listing;
    this.#aspects = aspects;
    const headerHeight = sections.length ? HEADING_HEIGHT : 0;
    const layout = justify(aspects, sections, { width, rowHeight, gap, headerHeight, captionHeight });
    const row = rowOf(layout, mark.index);
    if (rowBefore !== null) this.#slots.renumber(row - rowBefore);
    this.layout = layout;
    this.#window.resize(layout.height + PAD_TOP + PAD_BOTTOM + (this.#size.endHeight ?? 0));
    this.rows = [];
    this.scrollTo(PAD_TOP + (layout.rowTop[row] ?? 0) + mark.offset);
  }

  #render(): void {
    if (!this.layout) return;
    const { above, below } = this.#reach.extent(this.viewHeight);
    if (this.#reach.isNarrow) this.#widenLater();
    const from = this.top - above;
    const to = this.top + this.viewHeight + below;
    this.#renderRows(this.layout, from - PAD_TOP, to - PAD_TOP);
    this.#renderHeadings(this.layout, from - PAD_TOP, to - PAD_TOP);
  }

  #renderRows(layout: Layout, from: number, to: number): void {
    const first = rowAt(layout, from);
    const last = layout.rows ? rowAt(layout, to) : -1;
    const wanted = Array.from({ length: last - first + 1 }, (_, at) => first + at);
    const pinned = this.pinned ? rowOf(layout, this.current) : -1;
    if (pinned >= 0 && (pinned < first || pinned > last)) wanted.push(pinned);
    const slots = this.#slots.assign(wanted);
    const known = new Map(this.rows.map((shown) => [shown.row, shown]));
    const rows = wanted.map((row): ShownRow => {
      const top = PAD_TOP + (layout.rowTop[row] ?? 0) - this.#window.base;
      const shown = known.get(row);
      if (shown && shown.top === top) return shown;
      const height = layout.rowHeight[row] ?? 0;
      return { slot: slots.get(row) ?? 0, row, top, height, tiles: tilesOfRow(layout, this.#aspects, row) };
    });
    this.rows = rows.sort((one, other) => one.slot - other.slot);
    const inSight = [rowAt(layout, this.top - PAD_TOP), rowAt(layout, this.top + this.viewHeight)];
    const indexes = inSight.map((row, at) => (layout.rowFirst[row + at] ?? 0) - at);
    // After a jump what is in sight has the site for itself.
    const heading = this.#reach.isNarrow ? 0 : this.#reach.direction;
    if (layout.rows) this.#listing?.want(indexes[0] ?? 0, Math.max(0, indexes[1] ?? 0), heading);
  }

  #renderHeadings(layout: Layout, from: number, to: number): void {
    if (layout.sections.length === 0) {
      if (this.headings.length) this.headings = [];
      return;
    }
    const headings: ShownHeading[] = [];
    for (let at = sectionAt(layout, from); at < layout.sections.length; at++) {
      const top = layout.sectionTop[at] ?? 0;
      if (top > to) break;
      const { label, count, shown } = layout.sections[at] ?? { label: "", count: 0, shown: undefined };
      headings.push({ section: at, label, count: shown ?? count, top: top + PAD_TOP - this.#window.base });
    }
    this.headings = headings;
  }
}
