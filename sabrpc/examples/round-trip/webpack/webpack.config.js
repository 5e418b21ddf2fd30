// `asyncWebAssembly` is what imports of .wasm need, as `wasm-bindgen --target bundler` writes them.
export default {
  mode: "production",
  entry: "./main.js",
  output: { filename: "main.js" },
  experiments: { asyncWebAssembly: true },
  // Modules that were built without optimisation are large.
  performance: { hints: false },
};
