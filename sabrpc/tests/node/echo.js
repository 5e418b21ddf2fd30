// The worker that is called, and fails.
import { readFile } from "node:fs/promises";

import init, { echo_worker } from "./pkg/round_trip.js";

const fail = {
  throw: () => {
    throw new Error("stray");
  },
  reject: () => Promise.reject(new Error("stray")),
  exit: () => process.exit(),
}[process.argv[2]];
if (process.argv[2] === "start") throw new Error("no such luck");

await init({ module_or_path: await readFile(new URL("./pkg/round_trip_bg.wasm", import.meta.url)) });
echo_worker();
// By then the caller has begun; were it still on its way, it would be told the same.
setTimeout(fail, 500);
