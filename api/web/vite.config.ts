import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// @hpke/common asks for Node's crypto only where there is no globalThis.crypto
const quiet = (level: string, log: { message?: string }) => level === "warn" && log.message?.includes("@hpke/common") === true;

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { onLog: (level, log, handle) => quiet(level, log) || handle(level, log) },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
