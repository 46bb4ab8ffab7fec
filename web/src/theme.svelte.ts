/** Light, dark, or as the system has it; remembered. */

export type Theme = "system" | "light" | "dark";

// Shared with early-theme.js, which applies it before the first paint.
const KEY = "museion.theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

function isTheme(value: string | null): value is Theme {
  return value === "light" || value === "dark" || value === "system";
}

class ThemeChoice {
  current = $state<Theme>("system");

  constructor() {
    const remembered = localStorage.getItem(KEY);
    if (isTheme(remembered)) this.current = remembered;
  }

  /** Go on to the next of system, light, dark. */
  turn(): void {
    this.choose(ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length] ?? "system");
  }

  choose(theme: Theme): void {
    this.current = theme;
    localStorage.setItem(KEY, theme);
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }
}

export const theme = new ThemeChoice();
