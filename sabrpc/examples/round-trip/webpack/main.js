// With a bundler: the module as `wasm-bindgen --target bundler` leaves it, which is ready when it is imported. Its workers
// are made here, where the bundler sees their scripts.
import { make_workers_with, run } from "./pkg/round_trip.js";

const output = document.querySelector("output");
try {
  make_workers_with(() => new Worker(new URL("./caller.js", import.meta.url), { type: "module" }));
  output.textContent = `ok: ${await run(100)}`;
} catch (error) {
  output.textContent = `failed: ${error}`;
}
