import { defineConfig } from 'vite';

/** The portal: everything it needs is in the page's own folder, nothing is inlined, every asset is named by its content. */
export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
