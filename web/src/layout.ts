/**
 * Justified rows over every asset of a listing, computed from its aspect ratios alone.
 *
 * Pure; typed arrays throughout, so that 800,000 assets take some ten milliseconds and a few
 * megabytes. Lengths are CSS pixels.
 */

export interface LayoutOptions {
  /** Inner width that every full row fills exactly. */
  width: number;
  /** Row height aimed at; full rows come near it. */
  rowHeight: number;
  /** Space between tiles and between rows. */
  gap: number;
  /** Height of the heading above each section; 0 for none. */
  headerHeight: number;
  /** Height of the caption line under each row; 0 for none. */
  captionHeight: number;
}

/** A run of consecutive assets that starts a new row: one month of the timeline. */
export interface Section {
  offset: number;
  count: number;
  /** The count that the heading tells, where it is not `count`. */
  shown?: number;
  label: string;
  /** The year that the date rail shows; empty for none. */
  year: string;
}

export interface TileBox {
  index: number;
  left: number;
  width: number;
}

/** Geometry of all rows. `rowFirst` and `rowTop` have one more entry than there are rows. */
export interface Layout {
  count: number;
  rows: number;
  height: number;
  rowFirst: Uint32Array;
  rowTop: Float64Array;
  /** Picture height of each row, without its caption line. */
  rowHeight: Float32Array;
  sections: readonly Section[];
  sectionTop: Float64Array;
  sectionRow: Uint32Array;
  options: LayoutOptions;
}

/** Panoramas and slivers are cropped to these ratios in the grid; the viewer shows them whole. */
export const MIN_RATIO = 0.5;
export const MAX_RATIO = 3;
/** A row that cannot be filled grows at most this much above the aim. */
const LAST_ROW_GROWTH = 1.15;

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** The ratio at which an asset is shown in the grid. */
export function shownRatio(aspects: Uint16Array, index: number): number {
  return clamp((aspects[index] ?? 1000) / 1000, MIN_RATIO, MAX_RATIO);
}

/**
 * Lay out all assets in rows of equal width.
 *
 * Each row ends where its height comes nearest to the aim; the last row of a section stays ragged
 * rather than being blown up. Tops and heights are whole pixels.
 *
 * @param aspects width over height in thousandths, in display order
 * @param sections consecutive, covering every asset; empty means one section without heading
 */
export function justify(
  aspects: Uint16Array,
  sections: readonly Section[],
  options: LayoutOptions,
): Layout {
  const count = aspects.length;
  const rowFirst = new Uint32Array(count + 1);
  const rowTop = new Float64Array(count + 1);
  const rowHeight = new Float32Array(count);
  const sectionTop = new Float64Array(sections.length);
  const sectionRow = new Uint32Array(sections.length);
  const { gap, captionHeight } = options;
  let rows = 0;
  let top = 0;

  const place = (first: number, end: number) => {
    let index = first;
    while (index < end) {
      const row = nextRow(aspects, index, end, options);
      rowFirst[rows] = index;
      rowTop[rows] = top;
      rowHeight[rows] = row.height;
      rows += 1;
      top += row.height + captionHeight + gap;
      index = row.end;
    }
  };

  if (sections.length === 0) place(0, count);
  sections.forEach((section, at) => {
    sectionTop[at] = top;
    sectionRow[at] = rows;
    top += options.headerHeight;
    place(section.offset, Math.min(count, section.offset + section.count));
  });
  rowFirst[rows] = count;
  rowTop[rows] = top;
  return {
    count,
    rows,
    height: Math.max(0, top - (rows ? gap : 0)),
    rowFirst: rowFirst.slice(0, rows + 1),
    rowTop: rowTop.slice(0, rows + 1),
    rowHeight: rowHeight.slice(0, rows),
    sections,
    sectionTop,
    sectionRow,
    options,
  };
}

function nextRow(
  aspects: Uint16Array,
  first: number,
  end: number,
  { width, rowHeight, gap }: LayoutOptions,
): { end: number; height: number } {
  let ratios = 0;
  let before = Infinity;
  for (let index = first; index < end; index++) {
    ratios += shownRatio(aspects, index);
    const height = (width - gap * (index - first)) / ratios;
    if (height <= rowHeight) {
      const shorter = index > first && before - rowHeight < rowHeight - height;
      return shorter
        ? { end: index, height: Math.round(before) }
        : { end: index + 1, height: Math.max(1, Math.round(height)) };
    }
    before = height;
  }
  return { end, height: Math.round(Math.min(before, rowHeight * LAST_ROW_GROWTH)) };
}

/** The last row whose top is at or above `y`; 0 where there is none. O(log rows). */
export function rowAt(layout: Layout, y: number): number {
  return lastAtOrBelow(layout.rowTop, layout.rows, y);
}

/** The row that shows the asset. O(log rows). */
export function rowOf(layout: Layout, index: number): number {
  return lastAtOrBelow(layout.rowFirst, layout.rows, index);
}

/** The section shown at `y`; -1 where the listing has none. O(log sections). */
export function sectionAt(layout: Layout, y: number): number {
  if (layout.sections.length === 0) return -1;
  return lastAtOrBelow(layout.sectionTop, layout.sections.length, y);
}

function lastAtOrBelow(sorted: Float64Array | Uint32Array, length: number, value: number): number {
  let low = 0;
  let high = length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/**
 * Left edges and widths of a row's tiles, in whole pixels.
 *
 * A full row ends exactly at the layout's width: rounding goes by cumulated position, so that no
 * error adds up.
 */
export function tilesOfRow(layout: Layout, aspects: Uint16Array, row: number): TileBox[] {
  const first = layout.rowFirst[row] ?? 0;
  const end = layout.rowFirst[row + 1] ?? first;
  const { width, gap } = layout.options;
  const height = layout.rowHeight[row] ?? 0;
  let ratios = 0;
  for (let index = first; index < end; index++) ratios += shownRatio(aspects, index);
  const inner = width - gap * (end - first - 1);
  const natural = ratios * height;
  // Heights were rounded, so a full row misses its width by less than half a pixel per ratio.
  const scale = Math.abs(natural - inner) <= ratios ? inner / natural : Math.min(1, inner / natural);
  const boxes: TileBox[] = [];
  let edge = 0;
  for (let index = first; index < end; index++) {
    const left = Math.round(edge) + gap * (index - first);
    edge += shownRatio(aspects, index) * height * scale;
    boxes.push({ index, left, width: Math.round(edge) + gap * (index - first) - left });
  }
  return boxes;
}

export type Direction = "left" | "right" | "up" | "down";

/**
 * The asset that an arrow key leads to: its neighbour, or the tile of the next row whose middle is
 * nearest. Stays where it is at the ends.
 */
export function neighbour(
  layout: Layout,
  aspects: Uint16Array,
  index: number,
  direction: Direction,
): number {
  if (direction === "left") return Math.max(0, index - 1);
  if (direction === "right") return Math.min(layout.count - 1, index + 1);
  const row = rowOf(layout, index);
  const target = direction === "up" ? row - 1 : row + 1;
  if (target < 0 || target >= layout.rows) return index;
  const own = tilesOfRow(layout, aspects, row).find((box) => box.index === index);
  const middle = own ? own.left + own.width / 2 : 0;
  const distance = (box: TileBox) => Math.abs(box.left + box.width / 2 - middle);
  const nearest = tilesOfRow(layout, aspects, target).reduce((best, box) =>
    distance(box) < distance(best) ? box : best,
  );
  return nearest.index;
}
