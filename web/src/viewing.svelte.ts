/** The asset open in the viewer and its place in the listing, for going on to the next. */

import { isAbort, type Detail, type Tile } from "./api.ts";
import { gallery } from "./gallery.svelte.ts";
import { ArchiveListing, type Listing } from "./listing.svelte.ts";
import { router } from "./router.svelte.ts";

class Viewing {
  /** Place in the listing; -1 while unknown. */
  index = $state(-1);
  #pushed = false;
  #origin: DOMRect | null = null;

  /** The tile at the present place, once its page is here. */
  get tile(): Tile | undefined {
    return this.index >= 0 ? gallery.listing?.tile(this.index) : undefined;
  }

  /** @param origin where the tile is on the screen; the picture grows out of it */
  open(tile: Tile, index: number, origin: DOMRect | null = null): void {
    this.index = index;
    this.#origin = origin;
    this.#pushed = true;
    router.go({ asset: tile.id });
  }

  /** Where the picture comes from, for the first that asks. */
  takeOrigin(): DOMRect | null {
    const origin = this.#origin;
    this.#origin = null;
    return origin;
  }

  /** Open an asset that stands elsewhere or nowhere in the listing. */
  openElsewhere(id: string): void {
    this.index = this.#lookUp(id, gallery.listing);
    router.go({ asset: id }, { replace: true });
  }

  /** Go to the previous or next asset of the listing; its page is fetched if need be. */
  step(by: 1 | -1): void {
    const listing = gallery.listing;
    const next = this.index + by;
    if (!listing || this.index < 0 || next < 0 || next >= listing.aspects.length) return;
    this.index = next;
    listing.want(Math.max(0, next - 3), Math.min(listing.aspects.length - 1, next + 3), by);
  }

  close(): void {
    const pushed = this.#pushed;
    this.#pushed = false;
    router.closeAsset(pushed);
  }

  /** Find the place of an asset that was opened by its address. */
  async locate(detail: Detail, signal: AbortSignal): Promise<void> {
    const listing = gallery.listing;
    const near = this.#lookUp(detail.id, listing);
    if (near >= 0 || !(listing instanceof ArchiveListing)) {
      this.index = near;
      return;
    }
    try {
      const month = (detail.capture_time ?? detail.ingest_time).slice(0, 7);
      const found = await listing.find(detail.id, month, signal);
      if (!signal.aborted) this.index = found;
    } catch (error) {
      if (!isAbort(error)) this.index = -1;
    }
  }

  #lookUp(id: string, listing: Listing | null): number {
    const length = Math.min(listing?.aspects.length ?? 0, 20_000);
    for (let index = 0; index < length; index++) {
      if (listing?.tile(index)?.id === id) return index;
    }
    return -1;
  }
}

export const viewing = new Viewing();
