// The worker that makes the calls and measures them.

import init, { Caller, startServer } from "./calls.js";
import { BareCaller, newBuffer } from "./bare.js";
import { takeTurns } from "./measure.js";

/** Hot cases, with how many calls are timed together. */
const HOT = {
  "null": 4000, "64b": 2500,
  "4k-write": 1000, "4k-read": 1000,
  "64k-write": 100, "64k-read": 100,
  "1m-write": 8, "1m-read": 8,
};

/** Starts a worker and returns once it has said something. */
export function start(script, message) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { type: "module" });
    worker.onmessage = () => resolve(worker);
    worker.onerror = (event) => reject(new Error(`${script}: ${event.message}`));
    worker.postMessage(message);
  });
}

async function bare() {
  const buffer = newBuffer();
  await start("./bare-server.js", buffer);
  return Object.assign(new BareCaller(buffer), { name: "bare-js" });
}

async function subject(name) {
  const caller = new Caller(name, await startServer(name));
  return { name, prepare: (call) => caller.prepare(call), run: (count) => caller.run(count) };
}

async function measure({ seconds, cases: wanted }) {
  const isWanted = ({ name }) => wanted.length === 0 || wanted.includes(name);
  await init();
  const subjects = [await bare()];
  for (const name of ["sabrpc-helper", "sabrpc-js", "sabrpc-typed"]) subjects.push(await subject(name));

  const hot = Object.entries(HOT).map(([name, count]) => ({ name, call: name, count, subjects }));
  const cold = [{ name: "cold", call: "null", count: 5, subjects, cold: true }];
  return [
    ...(await takeTurns(hot.filter(isWanted), seconds)),
    ...(await takeTurns(cold.filter(isWanted), seconds / 2)),
  ];
}

onmessage = async ({ data: settings }) => {
  try {
    postMessage({ measured: await measure(settings) });
  } catch (error) {
    postMessage({ error: String(error?.stack ?? error) });
  }
};
