/** The address as reactive state. Each history entry remembers where its grid was scrolled to. */

import { formatRoute, listingKey, parseRoute, type Route } from "./query.ts";

/** Where a grid was scrolled to: the asset at its upper edge and how far into it, in pixels. */
export interface ScrollMark {
  index: number;
  offset: number;
}

interface EntryState {
  mark?: ScrollMark | undefined;
  /** Entries of this page before this one; 0: going back would leave the page. */
  depth: number;
}

class Router {
  route = $state.raw<Route>(parseRoute(location.href));
  /** The listing's key; unchanged while assets are opened and closed. */
  readonly key = $derived(listingKey(this.route));
  #state: EntryState;

  constructor() {
    history.scrollRestoration = "manual";
    this.#state = (history.state as EntryState | null) ?? { depth: 0 };
    history.replaceState(this.#state, "");
    window.addEventListener("popstate", (event) => {
      this.#state = (event.state as EntryState | null) ?? { depth: 0 };
      this.route = parseRoute(location.href);
    });
  }

  /** Where this entry's grid was scrolled to when it was left. */
  get mark(): ScrollMark | null {
    return this.#state.mark ?? null;
  }

  /** Remember where the grid is scrolled to, in the present entry. */
  remember(mark: ScrollMark): void {
    this.#state = { ...this.#state, mark };
    history.replaceState(this.#state, "");
  }

  /** Change the address; the entry being left keeps its mark, one of the same listing inherits it. */
  go(change: Partial<Route>, options: { replace?: boolean } = {}): void {
    const route = { ...this.route, ...change };
    const address = formatRoute(route);
    if (address === formatRoute(this.route)) return;
    const mark = listingKey(route) === this.key ? this.#state.mark : undefined;
    if (options.replace) {
      this.#state = { depth: this.#state.depth, mark };
      history.replaceState(this.#state, "", address);
    } else {
      this.#state = { depth: this.#state.depth + 1, mark };
      history.pushState(this.#state, "", address);
    }
    this.route = route;
  }

  /** Leave the viewer: back to the grid's entry if there is one, else in place. */
  closeAsset(pushed: boolean): void {
    if (pushed && this.#state.depth > 0) history.back();
    else this.go({ asset: null }, { replace: true });
  }
}

export const router = new Router();
