// Several callers on one server: each is a worker that calls as fast as it can while it is its turn.

import { startServer } from "./calls.js";
import { idle } from "./measure.js";
import { start } from "./workers.js";

// The words that the callers of a crowd share: `TURN` counts up, and is odd during a turn; callers with a number below
// `ACTIVE` take part: each counts itself in `BEGUN`, adds its calls to `CALLS`, and counts itself in `DONE`.
export const TURN = 0, ACTIVE = 1, BEGUN = 2, CALLS = 3, DONE = 4;

/** How long a turn takes, in milliseconds. */
const MILLIS = 50;

/** Starts `size` callers of a server of `subject`; returns a subject for a number of them. */
export async function crowd(subject, size) {
  const channel = await startServer(subject);
  const words = new Int32Array(new SharedArrayBuffer(20));
  for (let number = 0; number < size; number++) await start("/crowd-caller.js", { subject, channel, words, number });

  /** Microseconds between two answers, whoever gets them, when so many call. */
  function take(active) {
    words[ACTIVE] = active;
    words[BEGUN] = words[DONE] = 0;
    const next = () => {
      Atomics.add(words, TURN, 1);
      Atomics.notify(words, TURN);
    };
    const all = (word) => {
      for (let now; (now = Atomics.load(words, word)) < active;) Atomics.wait(words, word, now);
    };
    next();
    all(BEGUN);
    const begin = performance.now();
    Atomics.store(words, CALLS, 0);
    idle(MILLIS);
    const calls = Atomics.load(words, CALLS);
    const elapsed = performance.now() - begin;
    next();
    all(DONE);
    return (elapsed * 1000) / Math.max(calls, 1);
  }
  return (active) => ({ name: subject, prepare() {}, run() {}, take: () => take(active) });
}
