// Runs before the first paint; see ../early-theme.ts. The key is shared with theme.svelte.ts.
const theme = localStorage.getItem("museion.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
