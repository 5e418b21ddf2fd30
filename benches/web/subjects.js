// What makes the calls: each has a `name`, and makes calls by `prepare(call)` and `run(count)`. One that returns a
// promise says in `share` how many calls it makes for each of the others', as it is so much slower.

import { Caller, startServer } from "./calls.js";
import { BareCaller, newBuffer, sizes } from "./bare.js";
import { start } from "./workers.js";

/** The bare pair. */
export async function bare() {
  const buffer = newBuffer();
  await start("/bare-server.js", buffer);
  return Object.assign(new BareCaller(buffer), { name: "bare-js" });
}

/** A caller of ours, with a server of its own. */
export async function ours(name) {
  const caller = new Caller(name, await startServer(name));
  return { name, prepare: (call) => caller.prepare(call), run: (count) => caller.run(count) };
}

/** Messages there and back, without any library. */
export async function messages() {
  const worker = await start("/echo.js");
  const bytes = new Uint8Array(1 << 20).fill(7);
  let request, wanted;
  const trip = () =>
    new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(request);
    });
  return {
    name: "postMessage",
    share: 0.01,
    prepare(call) {
      let sent;
      ({ sent, wanted } = sizes(call));
      request = { bytes: sent > 0 ? bytes.slice(0, sent) : undefined, wanted };
    },
    async run(count) {
      for (let i = 0; i < count; i++) {
        const { data } = await trip();
        if ((data.bytes?.length ?? 0) !== wanted) throw new Error("a message went wrong");
      }
    },
  };
}
