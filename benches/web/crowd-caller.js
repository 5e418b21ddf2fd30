// One caller of a crowd.

import init, { Caller } from "./calls.js";
import { ACTIVE, BEGUN, CALLS, DONE, TURN } from "./crowd.js";

onmessage = async ({ data: { subject, channel, words, number } }) => {
  await init();
  const caller = new Caller(subject, channel);
  caller.prepare("null");
  const countIn = (word) => {
    Atomics.add(words, word, 1);
    Atomics.notify(words, word);
  };
  postMessage("attached");
  for (let turn = 0; ; turn = Atomics.load(words, TURN)) {
    if (turn % 2 === 0 || number >= words[ACTIVE]) {
      Atomics.wait(words, TURN, turn);
      continue;
    }
    countIn(BEGUN);
    while (Atomics.load(words, TURN) === turn) {
      caller.run(10);
      Atomics.add(words, CALLS, 10);
    }
    countIn(DONE);
  }
};
