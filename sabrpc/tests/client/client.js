// A caller of sabrpc's services in plain JavaScript, written from docs/src/protocol.md alone. It blocks, so it runs in a
// worker. It leaves out what a caller need not do: batches, raw calls and streams.

const INLINE = 112, SLICE = 250;
// Words of the header, as indices.
const VERSION = 1, MAILBOXES = 2, AREA = 3, STATE = 16, SCHEMA_LO = 18, SCHEMA_HI = 19, TABLE_LEN = 20, DOORBELL = 32,
  SERVER_SLEEPS = 48;
// Words of a mailbox, from its own start.
const REQUEST = 0, OP = 1, LEN = 2, RESPONSE = 32, STATUS = 33, RESPONSE_LEN = 34, OWNER = 64, CALLER_SLEEPS = 65,
  INTERRUPT = 66, GIVEN_UP = 67, WAITERS = 68, VOUCHED = 69, SINCE = 94;
const SERVING = 1, STOPPING = 2, OPENING = 5;
const ONEWAY = 1 << 16, PIECE = 1 << 17, FIRST = 1 << 18, LAST = 1 << 19, CONTINUE = 1 << 20;
const OK = 0, SERVICE_ERROR = 1, RPC_ERROR = 2, GO_ON = 3, LOST = 4, MORE = 256;
const ERRORS = ["UnknownOp", "Malformed", "Unencodable", "TooLarge", "SchemaMismatch", "Gone", "TimedOut", "NoMailbox",
  "CannotBlock", "Panicked", "Exception", "Interrupted", "WouldDeadlock"];

// Values to bytes; each returns a list of them.
export const varint = (n) => {
  const bytes = [];
  for (n = BigInt(n); n > 127n; n >>= 7n) bytes.push(Number(n & 127n) | 128);
  return [...bytes, Number(n)];
};
export const signed = (n, bits) => varint(BigInt.asUintN(bits, (BigInt(n) << 1n) ^ (BigInt(n) >> BigInt(bits - 1))));
export const f64 = (n) => [...new Uint8Array(new Float64Array([n]).buffer)];
export const text = (s) => list([...new TextEncoder().encode(s)], (byte) => [byte]);
export const list = (items, encode) => [...varint(items.length), ...items.flatMap(encode)];
export const option = (value, encode) => (value === null ? [0] : [1, ...encode(value)]);
const u32 = (n) => [...new Uint8Array(new Uint32Array([n]).buffer)];

// Bytes to values.
export class Reader {
  constructor(bytes) { [this.bytes, this.at] = [bytes, 0]; }
  take(len) {
    if (len > this.bytes.length - this.at) throw new RangeError("an answer is cut short");
    return this.bytes.slice(this.at, (this.at += len));
  }
  byte() { return this.take(1)[0]; }
  bool() { return this.byte() === 1; }
  u64() {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  u32() { return Number(this.u64()); }
  i64() { const n = this.u64(); return (n >> 1n) ^ -(n & 1n); }
  f64() { return new Float64Array(this.take(8).buffer)[0]; }
  text() { return new TextDecoder().decode(this.take(this.u32())); }
  list(decode) { return Array.from({ length: this.u32() }, () => decode(this)); }
  option(decode) { return this.bool() ? decode(this) : null; }
}

/** What is wrong with a call besides the service's own errors; `kind` is one of ERRORS. */
export class RpcError extends Error {
  constructor(kind, detail = "") { super(`${kind}: ${detail}`); this.kind = kind; }
}

/** The service's own error, not decoded yet. */
export class ServiceError extends Error {
  constructor(reader) { super("the service's own error"); this.reader = reader; }
}

export class Client {
  // `contracts` has, by the ids of the operations that the caller was written for, their contracts.
  constructor(memory, contracts) {
    const buffer = memory instanceof WebAssembly.Memory ? memory.buffer : memory;
    const words = (this.words = new Int32Array(buffer, 0, buffer.byteLength >>> 2));
    this.bytes = new Uint8Array(buffer);
    const [mailboxes, area] = [words[MAILBOXES], words[AREA]];
    const sizes = mailboxes >= 1 && mailboxes <= 256 && area >= 4096 && area <= 67108800 && area % 64 === 0;
    const table = 256 + (384 + area) * mailboxes;
    if (words[0] !== 0x01424153 || words[VERSION] !== 3 || !sizes || table + 8192 > buffer.byteLength) {
      throw new RpcError("Malformed", "not a channel of version 3");
    }
    this.area = area;
    if ((Atomics.load(words, STATE) & 7) !== SERVING) throw new RpcError("Gone", "nobody serves");
    this.compare(table, contracts);
    for (let index = 0; index < mailboxes; index++) {
      const free = Atomics.load(words, (this.at = 64 + 96 * index) + OWNER);
      this.owner = (free + 1) | 0;
      if (free % 2 !== 0 || Atomics.compareExchange(words, this.at + OWNER, free, this.owner) !== free) continue;
      this.areaAt = 256 + 384 * mailboxes + area * index;
      this.store(CALLER_SLEEPS, 0);
      for (const word of [WAITERS, SINCE, VOUCHED]) this.store(word, 0);
      this.seq = this.load(REQUEST);
      this.outstanding = this.load(RESPONSE) === this.seq ? null : { forget: true, from: 0 };
      if (!this.outstanding) this.store(GIVEN_UP, 0);
      this.ring();
      return;
    }
    throw new RpcError("NoMailbox", mailboxes);
  }

  compare(table, contracts) {
    const len = Atomics.load(this.words, TABLE_LEN);
    if (len < 1 || len > 8192) throw new RpcError("Malformed", "no table of operations");
    const reader = new Reader(this.bytes.slice(table, table + len));
    [this.service, this.version] = [reader.text(), reader.u32()];
    for (const { id, name, contract } of reader.list(() => ({
      id: reader.u32(), name: reader.text(), signature: reader.text(), flags: reader.byte(), contract: reader.u64(),
    }))) {
      if (contracts.has(id) && contracts.get(id) !== contract) throw new RpcError("SchemaMismatch", name);
    }
  }

  load(word) { return Atomics.load(this.words, this.at + word); }
  store(word, value) { Atomics.store(this.words, this.at + word, value); }
  ring() {
    Atomics.add(this.words, DOORBELL, 1);
    Atomics.notify(this.words, DOORBELL);
  }

  /** Calls operation `id`; `decode` makes the value of a Reader. A one-way call's error is thrown by the next call. */
  call(id, args, { ins = [], outs = [], oneway = false, deadline = Infinity, decode = () => null } = {}) {
    const until = performance.now() + deadline;
    this.settle(until);
    const head = Uint8Array.from([args, ...[...ins, ...outs].map((bytes) => varint(bytes.length * 8))].flat());
    let end = head.length > INLINE ? head.length : 0;
    const place = ({ length }) => {
      const at = Math.ceil(end / 8) * 8;
      end = at + length;
      return at;
    };
    const insAt = ins.map(place);
    const fits = end <= this.area;
    const outsAt = outs.map(place);
    const behind = Math.ceil(end / 8) * 8;
    const inPlace = fits && outs.length > 0 && behind + 1024 <= this.area;
    const from = inPlace ? behind : 0;
    const flags = oneway ? ONEWAY : 0;
    let answer = null;
    this.outstanding = { id, from, forget: !oneway };
    if (fits) {
      ins.forEach((bytes, n) => this.bytes.set(bytes, this.areaAt + insAt[n]));
      this.publish(id | flags, head);
    } else {
      const all = Uint8Array.from([u32(head.length), [...head], ...ins.map((bytes) => [...bytes])].flat());
      for (let sent = 0, last = 0; !last; sent += this.area) {
        last = sent + this.area >= all.length ? LAST : 0;
        const piece = all.subarray(sent, sent + this.area);
        this.publish(id | flags | PIECE | last | (sent === 0 ? FIRST : 0), piece);
        if (!last && (answer = this.wait(until)).status !== GO_ON) break;
        if (!last) answer = null;
      }
    }
    if (oneway && !answer) return null;
    const reader = new Reader(this.collect(id, from, until, answer));
    const filled = outs.map(() => reader.u32());
    const value = decode(reader);
    outs.forEach((out, n) => {
      const at = this.areaAt + outsAt[n];
      out.set(inPlace ? this.bytes.slice(at, at + filled[n]) : reader.take(filled[n]));
    });
    if (reader.at !== reader.bytes.length) throw new RpcError("Malformed", "something is left over");
    return value;
  }

  publish(op, message) {
    if (message.length > INLINE) this.bytes.set(message, this.areaAt);
    else this.bytes.set(message, (this.at + 3) * 4);
    this.words[this.at + OP] = op | ((this.owner >> 1) << 22);
    this.words[this.at + LEN] = message.length;
    this.store(REQUEST, (this.seq = (this.seq + 1) | 0));
    if (Atomics.load(this.words, SERVER_SLEEPS) !== 0) this.ring();
  }

  wait(until) {
    for (;;) {
      this.store(CALLER_SLEEPS, 1);
      const state = Atomics.load(this.words, STATE) & 7;
      const left = until - performance.now();
      let why = null;
      if (this.load(RESPONSE) === this.seq) {
        this.store(CALLER_SLEEPS, 0);
        return { status: this.words[this.at + STATUS], len: this.words[this.at + RESPONSE_LEN] };
      } else if (this.load(INTERRUPT) === this.owner) {
        this.store(INTERRUPT, 0);
        why = "Interrupted";
      } else if (left <= 0) why = "TimedOut";
      else if (![SERVING, STOPPING, OPENING].includes(state)) why = "Gone";
      if (why) {
        this.store(CALLER_SLEEPS, 0);
        if (this.outstanding?.forget) {
          this.store(GIVEN_UP, (this.seq << 1) | 1);
          this.ring();
        }
        throw new RpcError(why);
      }
      Atomics.wait(this.words, this.at + CALLER_SLEEPS, 1, Math.min(left, SLICE));
    }
  }

  // The bytes of an answer, whole or in pieces. Throws what is none.
  collect(id, from, until, answer = null) {
    const parts = [];
    for (;;) {
      const { status, len } = answer ?? this.wait(until);
      answer = null;
      const at = (status & ~MORE) === RPC_ERROR ? 0 : from;
      if (len < 0 || len > this.area - at) throw new RpcError("Malformed", `${len} bytes`);
      const start = len > INLINE ? this.areaAt + at : (this.at + STATUS + 2) * 4;
      parts.push(...this.bytes.slice(start, start + len));
      if (status & MORE) {
        this.publish(id | CONTINUE, []);
        continue;
      }
      this.outstanding = null;
      const reader = new Reader(Uint8Array.from(parts));
      if (status === OK) return reader.bytes;
      if (status === SERVICE_ERROR) throw new ServiceError(reader);
      if (status === RPC_ERROR) throw new RpcError(ERRORS[reader.byte()], reader.bytes);
      throw new RpcError(status === LOST ? "Gone" : "Malformed", `status ${status}`);
    }
  }

  // Waits for what is outstanding before anything else is asked.
  settle(until) {
    if (!this.outstanding) return;
    const { id = 0, from, forget } = this.outstanding;
    try {
      if (forget) this.wait(until);
      else this.collect(id, from, until);
    } finally {
      if (this.load(RESPONSE) === this.seq) this.outstanding = null;
    }
    this.store(GIVEN_UP, 0);
  }

  close() {
    Atomics.compareExchange(this.words, this.at + OWNER, this.owner, (this.owner + 1) | 0);
    this.ring();
  }
}
