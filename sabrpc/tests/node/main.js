// In Node, the example round-trip with workers that are made here. The one that is called fails on the side, in the way
// that the argument says, while calls are under way; the last line is what the caller was told.
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";

import init, { make_workers_with, run } from "./pkg/round_trip.js";

await init({ module_or_path: await readFile(new URL("./pkg/round_trip_bg.wasm", import.meta.url)) });
make_workers_with(() => new Worker(new URL("./caller.js", import.meta.url), { argv: process.argv.slice(2) }));
try {
  console.log(`ok: ${await run(1_000_000)}`);
} catch (error) {
  console.log(`failed: ${error.message}`);
}
