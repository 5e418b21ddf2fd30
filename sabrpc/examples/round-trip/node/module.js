// The same as `wasm-bindgen --target experimental-nodejs-module` leaves it, which is ready when it is imported.
import { run } from "./pkg/round_trip.js";

console.log(`ok: ${await run(100)}`);
