// Without a bundler: the module as `wasm-bindgen --target web` leaves it. It starts its workers itself.
import init, { run } from "./pkg/round_trip.js";

const output = document.querySelector("output");
try {
  await init();
  output.textContent = `ok: ${await run(100)}`;
} catch (error) {
  output.textContent = `failed: ${error}`;
}
