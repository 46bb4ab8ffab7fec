import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

import { earlyTheme } from "./early-theme.ts";

// A running site to develop against; `museion serve` prints its address.
const site = process.env["MUSEION_SITE"] ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [svelte(), earlyTheme()],
  server: { proxy: { "/api": { target: site, changeOrigin: true } } },
  build: {
    outDir: "../src/museion/api/static",
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    assetsInlineLimit: 0, // the content security policy wants plain files
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
