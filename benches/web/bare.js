// The reference: a call between two workers as a careful person would write it by hand for exactly this work, with no
// protocol beyond it. Views are made once and kept; both sides poll for a while, then wait; who sleeps says so, and is
// notified only then. One caller, one server, one request at a time.

// Words. Each side writes its own cache lines.
const REQUEST = 0, SENT = 1, WANTED = 2, CALLER_SLEEPS = 3;
const RESPONSE = 32, RETURNED = 33, SERVER_SLEEPS = 34;
// Bytes.
const LARGEST = 1 << 20;
const REQUEST_AT = 4096, RESPONSE_AT = REQUEST_AT + LARGEST;

/** For how long each side polls before it waits, in milliseconds. */
const POLLING = 0.05;

/** Shared memory for one pair. */
export const newBuffer = () => new SharedArrayBuffer(RESPONSE_AT + LARGEST);

/** How many polls take `POLLING` here: the best of several tries, as whatever else runs makes it look slower. */
function polls(words) {
  const tries = 50_000;
  let shortest = Infinity;
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    for (let j = 0; j < tries; j++) if (Atomics.load(words, RESPONSE) === -1) return 0;
    shortest = Math.min(shortest, performance.now() - start);
  }
  return Math.ceil((tries * POLLING) / shortest);
}

/** The bytes that a call sends and wants back, by the name of its case. */
export function sizes(name) {
  const [size, direction] = name.split("-");
  const bytes = { null: 0, "64b": 64, "4k": 4096, "64k": 65536, "1m": LARGEST }[size];
  return { sent: direction === "read" ? 0 : bytes, wanted: direction === "write" ? 0 : bytes };
}

/** The calling side of a pair. */
export class BareCaller {
  constructor(buffer) {
    this.buffer = buffer;
    this.calls = caller(buffer);
  }

  prepare(name) {
    this.calls.prepare(sizes(name));
  }

  run(count) {
    this.calls.run(count);
  }
}

function caller(buffer) {
  const words = new Int32Array(buffer), shared = new Uint8Array(buffer);
  const source = new Uint8Array(LARGEST).fill(7), target = new Uint8Array(LARGEST);
  const budget = polls(words);
  let wanted = 0, sent = 0;
  let request = source.subarray(0, 0), response = shared.subarray(RESPONSE_AT, RESPONSE_AT);

  function sleep(before, seq) {
    Atomics.store(words, CALLER_SLEEPS, 1);
    while (Atomics.load(words, RESPONSE) !== seq) Atomics.wait(words, RESPONSE, before);
    Atomics.store(words, CALLER_SLEEPS, 0);
  }

  function call() {
    if (sent > 0) shared.set(request, REQUEST_AT);
    words[SENT] = sent;
    words[WANTED] = wanted;
    const before = words[REQUEST], seq = (before + 1) | 0;
    Atomics.store(words, REQUEST, seq);
    if (Atomics.load(words, SERVER_SLEEPS) !== 0) Atomics.notify(words, REQUEST);
    let i = 0;
    for (; i < budget; i++) if (Atomics.load(words, RESPONSE) === seq) break;
    if (i === budget) sleep(before, seq);
    const returned = words[RETURNED];
    if (returned > 0) {
      if (returned !== response.length) response = shared.subarray(RESPONSE_AT, RESPONSE_AT + returned);
      target.set(response, 0);
    }
    return returned;
  }

  return {
    prepare(sizes) {
      ({ sent, wanted } = sizes);
      request = source.subarray(0, sent);
    },
    run(count) {
      for (let i = 0; i < count; i++) if (call() !== wanted) throw new Error("a bare call went wrong");
    },
  };
}

/** The serving side of a pair: never returns. */
export function serve(buffer) {
  const words = new Int32Array(buffer), shared = new Uint8Array(buffer);
  const source = new Uint8Array(LARGEST).fill(7), target = new Uint8Array(LARGEST);
  const budget = polls(words);
  let request = shared.subarray(REQUEST_AT, REQUEST_AT), response = source.subarray(0, 0);
  let last = Atomics.load(words, RESPONSE);

  function sleep() {
    let seq;
    Atomics.store(words, SERVER_SLEEPS, 1);
    while ((seq = Atomics.load(words, REQUEST)) === last) Atomics.wait(words, REQUEST, last);
    Atomics.store(words, SERVER_SLEEPS, 0);
    return seq;
  }

  postMessage("serving");
  for (;;) {
    let seq = last;
    for (let i = 0; i < budget; i++) {
      seq = Atomics.load(words, REQUEST);
      if (seq !== last) break;
    }
    if (seq === last) seq = sleep();
    const sent = words[SENT], wanted = words[WANTED];
    if (sent > 0) {
      if (sent !== request.length) request = shared.subarray(REQUEST_AT, REQUEST_AT + sent);
      target.set(request, 0);
    }
    if (wanted > 0) {
      if (wanted !== response.length) response = source.subarray(0, wanted);
      shared.set(response, RESPONSE_AT);
    }
    words[RETURNED] = wanted;
    last = seq;
    Atomics.store(words, RESPONSE, seq);
    if (Atomics.load(words, CALLER_SLEEPS) !== 0) Atomics.notify(words, RESPONSE);
  }
}
