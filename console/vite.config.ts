import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

// The service that answers /api while the pages are developed with `npm run dev`.
const SERVICE = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    outDir: "../dispatch_api/static",
    emptyOutDir: true,
    // No data: addresses in the pages, so that a strict content security policy can hold.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": SERVICE } },
  test: { include: ["tests/**/*.test.ts"] },
});
