// A module for the page, to go with index.html; `asyncWebAssembly` is what imports of .wasm need.
export default {
  mode: "production",
  entry: "./main.js",
  output: { filename: "main.js", module: true },
  experiments: { asyncWebAssembly: true, outputModule: true },
  // Modules that were built without optimisation are large.
  performance: { hints: false },
};
