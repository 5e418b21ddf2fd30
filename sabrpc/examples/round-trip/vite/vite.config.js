// Paths relative to the page, so that it may lie anywhere.
export default {
  base: "./",
  // Workers are modules: they wait for their imports with await.
  worker: { format: "es" },
  server: {
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  },
};
