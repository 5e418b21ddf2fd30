// The worker that calls.
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";

import init, { caller_worker, make_workers_with } from "./pkg/round_trip.js";

await init({ module_or_path: await readFile(new URL("./pkg/round_trip_bg.wasm", import.meta.url)) });
make_workers_with(() => new Worker(new URL("./echo.js", import.meta.url), { argv: process.argv.slice(2) }));
caller_worker();
