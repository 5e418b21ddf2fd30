// Several callers on one server: each is a worker that calls as fast as it can while it is its turn.

import { startServer } from "./calls.js";
import { idle } from "./measure.js";
import { start } from "./workers.js";

// The words that the callers of a crowd share: `TURN` counts up, and is odd during a turn; callers with a number below
// `ACTIVE` take part, add their calls to `CALLS` and then count themselves in `DONE`.
export const TURN = 0, ACTIVE = 1, CALLS = 2, DONE = 3;

/** How long a turn takes, in milliseconds. */
const MILLIS = 50;

/** Starts `size` callers of a server of `subject`; returns a subject for a number of them. */
export async function crowd(subject, size) {
  const channel = await startServer(subject);
  const words = new Int32Array(new SharedArrayBuffer(16));
  for (let number = 0; number < size; number++) await start("/crowd-caller.js", { subject, channel, words, number });

  /** Microseconds between two answers, whoever gets them, when so many call. */
  function take(active) {
    words[ACTIVE] = active;
    words[CALLS] = words[DONE] = 0;
    const next = () => {
      Atomics.add(words, TURN, 1);
      Atomics.notify(words, TURN);
    };
    const begin = performance.now();
    next();
    idle(MILLIS);
    const elapsed = performance.now() - begin;
    const calls = Atomics.load(words, CALLS);
    next();
    for (let done; (done = Atomics.load(words, DONE)) < active;) Atomics.wait(words, DONE, done);
    return (elapsed * 1000) / calls;
  }
  return (active) => ({ name: subject, prepare() {}, run() {}, take: () => take(active) });
}
