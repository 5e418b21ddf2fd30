// Calls every method of the ledger (tests/other_language.rs) through the client; what comes back is compared there.
import { Client, RpcError, ServiceError, f64, list, option, signed, text, varint } from "./client.js";

const [ADD, GREET, NAP, PUT, TOTAL, ECHO, KINDS, PANIC] = [0, 1, 2, 3, 4, 5, 6, 7];

// A call that comes back, whatever happens.
const call = (client, id, args, options) => client.call(id, args, { deadline: 5000, ...options });

// What a call returns, or what it throws.
function outcome(f) {
  try {
    return f();
  } catch (error) {
    if (error instanceof ServiceError) return `service error ${error.reader.u32()}`;
    if (error instanceof RpcError) return error.kind;
    throw error;
  }
}

export function exercise(memory, ids, contracts, wrong) {
  const known = new Map([...ids].map((id, n) => [id, contracts[n]]));
  const results = {};
  const other = new Map(known).set(ADD, wrong);
  results.mismatch = outcome(() => new Client(memory, other));
  results.noChannel = outcome(() => new Client(new SharedArrayBuffer(4096), known));

  const client = new Client(memory, known);
  const add = (a, b) => call(client, ADD, [...varint(a), ...varint(b)], { decode: (reader) => reader.u32() });
  const greet = (name, times) =>
    call(client, GREET, [...text(name), ...varint(times)], { decode: (reader) => reader.text() });
  results.service = client.service;
  results.add = [add(1, 2), add(4294967295, 2)];
  let sum = 0;
  for (let n = 0; n < 2000; n++) sum += add(n, 1);
  results.sum = sum;
  // In the mailbox, in the area, in pieces of both.
  results.greet = ["Ada", "é".repeat(200), "x".repeat(9000)].map((name) => {
    const greeting = greet(name, 2);
    return greeting === `${name}${name}` ? greeting.length : greeting;
  });
  results.refused = outcome(() => greet("", 1));

  results.echo = [0, 5, 112, 113, 2900, 3100, 4096, 20000].map((len) => {
    const sent = Uint8Array.from({ length: len }, (_, at) => at * 7);
    const out = new Uint8Array(len + 3).fill(238);
    const filled = call(client, ECHO, [1], { ins: [sent], outs: [out], decode: (reader) => reader.u32() });
    const right = out.subarray(0, len).every((byte, at) => byte === ((at * 7 + 1) & 255));
    return filled === len && right && out.subarray(len).every((byte) => byte === 238);
  });

  const [least, number] = [-(2n ** 63n), -1.5e-300];
  results.kinds = call(
    client,
    KINDS,
    [...signed(least, 64), ...f64(number), ...option(null, () => []), ...list(["a", "ß"], text)],
    { decode: (reader) => {
      const kinds = [reader.i64(), reader.f64(), reader.option((reader) => reader.bool()), reader.list((reader) => reader.text())];
      return [kinds[0] === least, kinds[1] === number, kinds[2], kinds[3]];
    } },
  );

  const put = (bytes) => call(client, PUT, [], { ins: [bytes], oneway: true });
  for (let n = 0; n < 20; n++) put(new Uint8Array(3));
  put(new Uint8Array(10000));
  results.total = call(client, TOTAL, [], { decode: (reader) => reader.u32() });
  put(Uint8Array.of(255));
  results.late = outcome(() => add(1, 1));

  const start = performance.now();
  results.timedOut = outcome(() => call(client, NAP, varint(400), { deadline: 30, decode: (reader) => reader.bool() }));
  const waited = performance.now() - start;
  results.inTime = waited >= 29 && waited < 350;
  results.afterwards = add(20, 22);
  results.asleep = call(client, NAP, varint(40), { decode: (reader) => reader.bool() });
  results.unknown = outcome(() => call(client, 99, []));
  results.malformed = outcome(() => call(client, ADD, [1]));
  client.close();
  const next = new Client(memory, known);
  results.next = call(next, ADD, [1, 1], { decode: (reader) => reader.u32() });
  // A panic ends a worker's server.
  results.died = outcome(() => call(next, PANIC, []));
  return JSON.stringify(results);
}
