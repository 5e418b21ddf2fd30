// One caller of a crowd.

import init, { Caller } from "./calls.js";
import { ACTIVE, CALLS, DONE, TURN } from "./crowd.js";

onmessage = async ({ data: { subject, channel, words, number } }) => {
  await init();
  const caller = new Caller(subject, channel);
  caller.prepare("null");
  postMessage("attached");
  for (let turn = 0; ; turn = Atomics.load(words, TURN)) {
    if (turn % 2 === 0 || number >= words[ACTIVE]) {
      Atomics.wait(words, TURN, turn);
      continue;
    }
    while (Atomics.load(words, TURN) === turn) {
      caller.run(10);
      Atomics.add(words, CALLS, 10);
    }
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  }
};
