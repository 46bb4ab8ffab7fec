/** Follows the catalog by server-sent events, for as long as the page is open. */

export interface CatalogEvent {
  position: number;
  total: number;
  pending: number;
  quarantined: number;
  changed: string[];
  more: boolean;
}

export interface ChangesHandlers {
  catalog: (event: CatalogEvent) => void;
  /** Called with false once the site is lost, with true when it is there again. */
  online: (online: boolean) => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** A connection that comes back sooner than this is not worth a banner. */
const GRACE_MS = 1500;
/**
 * A page that nobody sees lets go of its connection after this time: a browser keeps six to a host
 * for all of its pages together, and six forgotten tabs would lock out the seventh.
 */
const HIDDEN_MS = 30_000;

/**
 * Connect, and connect again whenever the connection is lost; waits double up to 15 s.
 *
 * Returns a function that ends it.
 */
export function followChanges(handlers: ChangesHandlers): () => void {
  let source: EventSource | null = null;
  let wait_ms = FIRST_WAIT_MS;
  let again: ReturnType<typeof setTimeout> | undefined;
  let grace: ReturnType<typeof setTimeout> | undefined;
  let hidden: ReturnType<typeof setTimeout> | undefined;

  const connect = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource("/api/changes");
    source.addEventListener("catalog", (event) => {
      wait_ms = FIRST_WAIT_MS;
      clearTimeout(grace);
      grace = undefined;
      handlers.online(true);
      handlers.catalog(JSON.parse((event as MessageEvent<string>).data) as CatalogEvent);
    });
    source.addEventListener("error", () => {
      source?.close();
      grace ??= setTimeout(() => handlers.online(false), GRACE_MS);
      again = setTimeout(connect, wait_ms);
      wait_ms = Math.min(LONGEST_WAIT_MS, wait_ms * 2);
    });
  };
  const rest = () => {
    clearTimeout(hidden);
    if (document.visibilityState === "hidden") hidden = setTimeout(() => source?.close(), HIDDEN_MS);
    else if (source?.readyState === EventSource.CLOSED) connect();
  };
  const hurry = () => {
    if (grace !== undefined) connect();
  };
  connect();
  window.addEventListener("online", hurry);
  window.addEventListener("focus", hurry);
  document.addEventListener("visibilitychange", rest);
  return () => {
    clearTimeout(hidden);
    document.removeEventListener("visibilitychange", rest);
    clearTimeout(again);
    clearTimeout(grace);
    source?.close();
    window.removeEventListener("online", hurry);
    window.removeEventListener("focus", hurry);
  };
}
