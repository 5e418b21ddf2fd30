// The worker that makes the calls and measures them, in groups: what is compared is measured in turns, in one group.
// It answers the settings with `groups` of results and `notes` for people.

import init from "./calls.js";
import { coldBatch, mean, median, takeTurns } from "./measure.js";
import { bare, messages, ours } from "./subjects.js";
import { crowd } from "./crowd.js";
import { start } from "./workers.js";

/** Hot cases, with how many calls are timed together. */
const HOT = {
  "null": 4000, "64b": 2500,
  "4k-write": 1000, "4k-read": 1000,
  "64k-write": 100, "64k-read": 100,
  "1m-write": 8, "1m-read": 8,
};

async function measure({ seconds, cases: wanted, peers }) {
  await init();
  const groups = [], notes = [];
  const typed = await ours("sabrpc-typed");
  const subjects = [await bare(), await ours("sabrpc-js"), typed];
  try {
    subjects.push(await ours("sabrpc-helper"));
  } catch (error) {
    notes.push(`without the helper backend: ${error.message}`);
  }
  const isWanted = ({ name }) => wanted.length === 0 || wanted.includes(name);
  /** Measures the wanted cases, and with them those that they are compared with. */
  async function group(share, cases) {
    if (!cases.some((one) => isWanted(one) && !one.isReference)) return;
    postMessage({ stage: `measuring ${cases.map(({ name }) => name).join(", ")}` });
    groups.push(await takeTurns(cases.filter((one) => isWanted(one) || one.isReference), seconds * share));
  }

  await group(1, Object.entries(HOT).map(([name, count]) => ({ name, call: name, count, subjects })));
  await group(0.4, [{ name: "cold", call: "null", count: 5, subjects, take: coldBatch, condense: median }]);
  if (["metrics", "metrics-cold"].some((name) => isWanted({ name }))) {
    const pair = [typed, await ours("without-metrics")];
    await group(0.2, [{ name: "metrics", call: "null", count: HOT.null, subjects: pair }]);
    await group(0.2, [{ name: "metrics-cold", call: "null", count: 5, subjects: pair, take: coldBatch, condense: median }]);
  }
  await group(0.1, ["null", "oneway", "batch"].map((name) => {
    return { name, call: name, count: 4096, subjects: [typed], isReference: name === "null" };
  }));

  if (peers.length === 0) {
    const pair = [typed, await messages()];
    await group(0.2, ["null", "4k-write", "4k-read"].map((name) => ({ name, call: name, count: HOT[name], subjects: pair })));
  }

  const isCrowd = (name) => name.startsWith("callers");
  if (wanted.length === 0 || wanted.some(isCrowd)) {
    const callers = await crowd("sabrpc-typed", 8);
    await group(0.3, [1, 2, 4, 8].map((number) => {
      const subject = callers(number);
      const name = `callers-${number}`, isReference = number === 1;
      return { name, count: 1, subjects: [subject], take: subject.take, condense: median, isReference };
    }));
  }

  const hogs = [];
  for (const number of [1, 2]) {
    const name = (call) => `${call}-hog-${number}`;
    const cases = [
      { name: name("null"), call: "null", count: 500, subjects, condense: mean },
      { name: name("4k-read"), call: "4k-read", count: 300, subjects, condense: mean },
      { name: name("cold"), call: "null", count: 5, subjects, take: coldBatch, condense: mean },
    ];
    if (!cases.some(isWanted)) continue;
    while (hogs.length < number) hogs.push(await start("/hog.js"));
    await group(0.3, cases);
  }
  hogs.forEach((hog) => hog.terminate());

  return { groups, notes };
}

onmessage = async ({ data: settings }) => {
  try {
    postMessage(await measure(settings));
  } catch (error) {
    postMessage({ error: String(error?.stack ?? error) });
  }
};
