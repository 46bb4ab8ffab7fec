/** Makes controls that stand together one stop of the Tab key; arrow keys move among them. */

const CONTROLS = "a[href], button:not(:disabled)";

/** Attach to an element with the role of a toolbar. Controls may come and go. */
export function roving(root: HTMLElement): () => void {
  let current: HTMLElement | null = null;
  const controls = () => Array.from(root.querySelectorAll<HTMLElement>(CONTROLS)).filter((control) => control.offsetParent !== null);

  const settle = () => {
    const all = controls();
    if (!current || !all.includes(current)) current = all[0] ?? null;
    for (const control of root.querySelectorAll<HTMLElement>(CONTROLS)) control.tabIndex = control === current ? 0 : -1;
  };
  const follow = (event: FocusEvent) => {
    current = (event.target as HTMLElement).closest<HTMLElement>(CONTROLS);
    settle();
  };
  const move = (event: KeyboardEvent) => {
    const all = controls();
    const at = all.indexOf(event.target as HTMLElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    all[Math.max(0, Math.min(to, all.length - 1))]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };

  const observer = new MutationObserver(settle);
  observer.observe(root, { childList: true, subtree: true });
  root.addEventListener("focusin", follow);
  root.addEventListener("keydown", move);
  settle();
  return () => {
    observer.disconnect();
    root.removeEventListener("focusin", follow);
    root.removeEventListener("keydown", move);
  };
}
