// Watches the grid from inside the page, frame by frame; see web_page.py.
// Every tile in sight must show a decoded picture; how long each one did not is what counts.
(() => {
  const grid = () => document.querySelector('[data-testid="grid"]');
  const WIDEST_GAP_PX = 90; // a month heading between two rows

  function tilesInSight() {
    const scroller = grid();
    if (!scroller) return null;
    const frame = scroller.getBoundingClientRect();
    const tiles = [];
    for (const tile of scroller.querySelectorAll('[data-testid="tile"]')) {
      const { top, bottom } = tile.getBoundingClientRect();
      if (bottom <= frame.top + 1 || top >= frame.bottom - 1) continue;
      const image = tile.querySelector("img");
      const isShown = Boolean(image && image.complete && image.naturalWidth > 0);
      tiles.push({ key: tile.dataset.index, top, bottom, isShown });
    }
    return { frame, tiles };
  }

  /** True where a stretch of the screen has no row at all. */
  function hasHole({ frame, tiles }, atEnd) {
    let edge = frame.top;
    for (const { top, bottom } of [...tiles].sort((one, other) => one.top - other.top)) {
      if (top - edge > WIDEST_GAP_PX) return true;
      edge = Math.max(edge, bottom);
    }
    return !atEnd && frame.bottom - edge > WIDEST_GAP_PX;
  }

  function isComplete() {
    const seen = tilesInSight();
    const scroller = grid();
    if (!seen || seen.tiles.length === 0) return false;
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2;
    return seen.tiles.every((tile) => tile.isShown) && !hasHole(seen, atEnd);
  }

  const frames = (count) =>
    new Promise((resolve) => {
      const next = () => (count-- > 0 ? requestAnimationFrame(next) : resolve(performance.now()));
      next();
    });

  /** Milliseconds since navigation began until every tile in sight was painted. */
  async function painted() {
    while (!isComplete()) await frames(1);
    return frames(1);
  }

  /** Scroll steadily; return how long tiles in sight stayed blank, and how frames went. */
  async function scroll(pixels_per_s, seconds) {
    const scroller = grid();
    const blankSince = new Map();
    const blanks_ms = [];
    const seen = new Set();
    let holeSince = null;
    let longestFrame_ms = 0;
    let before = await frames(1);
    const started = before;
    const ended = started + seconds * 1000;
    const startTop = scroller.scrollTop;
    let place = startTop;
    for (;;) {
      const now = await frames(1);
      longestFrame_ms = Math.max(longestFrame_ms, now - before);
      place += (pixels_per_s * (now - before)) / 1000;
      before = now;
      const furthest = scroller.scrollHeight - scroller.clientHeight;
      const isOver = now >= ended || place >= furthest;
      const view = tilesInSight();
      const present = new Set();
      for (const { key, isShown } of view.tiles) {
        present.add(key);
        seen.add(key);
        if (!isShown && !blankSince.has(key)) blankSince.set(key, now);
        if (isShown && blankSince.has(key)) {
          blanks_ms.push(now - blankSince.get(key));
          blankSince.delete(key);
        }
      }
      for (const [key, since] of blankSince) {
        if (present.has(key)) continue;
        blanks_ms.push(now - since);
        blankSince.delete(key);
      }
      const hole = hasHole(view, place >= furthest - 2);
      if (hole && holeSince === null) holeSince = now;
      if (!hole && holeSince !== null) {
        blanks_ms.push(now - holeSince);
        holeSince = null;
      }
      if (isOver && blankSince.size === 0 && holeSince === null) break;
      if (isOver && now > ended + 5000) {
        blanks_ms.push(now - Math.min(holeSince ?? now, ...blankSince.values()));
        break;
      }
      if (!isOver) scroller.scrollTop = place;
    }
    const travelled_px = scroller.scrollTop - startTop;
    return { blanks_ms, tiles: seen.size, travelled_px, longestFrame_ms };
  }

  /** Jump to a share of the whole; return milliseconds until everything in sight is painted. */
  async function jump(share) {
    const rail = document.querySelector('[data-testid="scrubber"]').getBoundingClientRect();
    const y = rail.top + 16 + share * (rail.height - 32);
    const at = { clientX: rail.left + 10, clientY: y, pointerId: 1, bubbles: true, button: 0 };
    const target = document.querySelector('[data-testid="scrubber"]');
    target.setPointerCapture = () => undefined; // a made-up pointer cannot be captured
    const started = performance.now();
    target.dispatchEvent(new PointerEvent("pointerdown", at));
    target.dispatchEvent(new PointerEvent("pointerup", at));
    await frames(1);
    return (await painted()) - started;
  }

  window.gridWatch = { painted, scroll, jump };
})();
