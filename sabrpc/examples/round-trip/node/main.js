// In Node: the module as `wasm-bindgen --target web` leaves it. Its workers are threads of worker_threads, and it starts
// them itself. The process ends when nothing is left to do, so a server that has not stopped would keep it.
import { readFile } from "node:fs/promises";

import init, { run } from "./pkg/round_trip.js";

await init({ module_or_path: await readFile(new URL("./pkg/round_trip_bg.wasm", import.meta.url)) });
console.log(`ok: ${await run(100)}`);
