// The primitives of sabrpc's region trait over a SharedArrayBuffer: a handful of free functions with integer arguments and
// results, which wasm-bindgen imports directly, without a shim. `w` is a word's index, `o` a byte offset, `p` an address in
// the caller's own wasm memory. They work on the region that was selected last, which the caller sees to; its views are
// kept in module variables, and refreshed when our memory has grown (an old view is then too short).

const regions = [];
let words, bytes, memory, own, own32;
// Where in `memory` the handle of what is selected is kept.
let selectedAt = 0;
let mine = null, minePtr = -1, theirs = null, theirsAt = -1;

export function region_open(buffer, wasmMemory) {
  const free = regions.indexOf(undefined);
  const h = free < 0 ? regions.length : free;
  regions[h] = { words: new Int32Array(buffer, 0, buffer.byteLength >>> 2), bytes: new Uint8Array(buffer), memory: wasmMemory };
  return h;
}

export function region_close(h) {
  if (words === regions[h].words) words = bytes = memory = own = own32 = mine = theirs = undefined;
  regions[h] = undefined;
}

export function region_select(h, p) {
  // Should two instances of a module share this script, the other one has to select its region anew.
  if (memory !== undefined && memory !== regions[h].memory) new Int32Array(memory.buffer)[selectedAt] = -1;
  selectedAt = p >>> 2;
  ({ words, bytes, memory } = regions[h]);
  refresh();
  theirs = null;
}

function refresh() {
  own = new Uint8Array(memory.buffer);
  own32 = new Int32Array(memory.buffer);
  mine = null;
}

export function region_load(w) {
  return Atomics.load(words, w);
}

export function region_store(w, value) {
  Atomics.store(words, w, value);
}

export function region_add(w, value) {
  return Atomics.add(words, w, value);
}

export function region_compare_exchange(w, old, value) {
  return Atomics.compareExchange(words, w, old, value);
}

export function region_wait(w, old, millis) {
  Atomics.wait(words, w, old, millis);
}

export function region_notify(w) {
  Atomics.notify(words, w);
}

// How many words of mail lie behind a length; see inline_len in layout.rs.
function inlineWords(len) {
  len &= 0x3ffffff;
  return len <= 112 ? (len + 3) >>> 2 : 0;
}

// `mail` is the address of the struct Mail of region/mod.rs in our memory. No booleans: an engine takes longer to hand them to
// wasm.
export function region_publish(w, mail, flag) {
  const from = mail >>> 2;
  if (from + 32 > own32.length) refresh();
  const view = words, ours = own32;
  const value = ours[from], len = ours[from + 2];
  view[w + 1] = ours[from + 1];
  view[w + 2] = len;
  if (len !== 0) {
    for (let n = inlineWords(len), to = w + 3, i = from + 4; n > 0; n--) view[to++] = ours[i++];
  }
  Atomics.store(view, w, value);
  return Atomics.load(view, flag);
}

export function region_await_change(w, old, polls, also, mail) {
  const view = words;
  do {
    const value = Atomics.load(view, w);
    if (value !== old) {
      const to = mail >>> 2;
      if (to + 32 > own32.length) refresh();
      const ours = own32, len = view[w + 2];
      ours[to] = value;
      ours[to + 1] = view[w + 1];
      ours[to + 2] = len;
      if (len !== 0) {
        for (let n = inlineWords(len), from = w + 3, i = to + 4; n > 0; n--) ours[i++] = view[from++];
      }
      // Not atomic: whatever was stored there before `value` was is seen, and more is not asked for.
      ours[to + 3] = view[also];
      return 1;
    }
  } while (--polls > 0);
  return 0;
}

export function region_copy_in(o, p, len) {
  if (len === 0) return;
  p >>>= 0;
  if (mine === null || p !== minePtr || len !== mine.length) {
    if (p + len > own.length) refresh();
    mine = own.subarray(p, p + len);
    minePtr = p;
  }
  bytes.set(mine, o);
}

export function region_copy_out(o, p, len) {
  if (len === 0) return;
  p >>>= 0;
  if (p + len > own.length) refresh();
  if (theirs === null || o !== theirsAt || len !== theirs.length) {
    theirs = bytes.subarray(o, o + len);
    theirsAt = o;
  }
  own.set(theirs, p);
}

export function region_view(o, len) {
  return bytes.subarray(o, o + len);
}

// Resolves when the word may have changed.
export function region_wait_async(w, old, millis) {
  const view = words;
  if (typeof Atomics.waitAsync !== "function") return wait_elsewhere(view, w, old, millis);
  const { async, value } = Atomics.waitAsync(view, w, old, millis);
  return async ? value : Promise.resolve();
}

// Without Atomics.waitAsync (Firefox before 145) small workers wait in our place, one word each, and say when they have
// done so: a tenth of the delay of looking every few milliseconds, and no work while nothing happens. We do look every
// few milliseconds as long as none is at hand: it is still loading, a policy forbids it, or there are too many.
const idleWaiters = [];
// All of them: Firefox ends a worker that nobody refers to, also in the middle of a wait.
const waiters = [];

function wait_elsewhere(view, w, old, millis) {
  if (Atomics.load(view, w) !== old) return Promise.resolve();
  const waiter = idleWaiters.pop();
  if (waiter === undefined) {
    start_waiter();
    return timeout(Math.min(millis, 4));
  }
  return new Promise((resolve) => {
    waiter.onmessage = () => {
      idleWaiters.push(waiter);
      resolve();
    };
    waiter.postMessage([view, w, old, millis]);
  });
}

function start_waiter() {
  if (waiters.length === 8) return;
  const source = "onmessage = ({ data }) => { Atomics.wait(...data); postMessage(null); }; postMessage(null);";
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const waiter = new Worker(url, { name: "sabrpc-waiter" });
    waiters.push(waiter);
    // Its first message says that it has loaded.
    waiter.onmessage = () => {
      URL.revokeObjectURL(url);
      idleWaiters.push(waiter);
    };
  } catch {
    // Forbidden here: nobody need try again.
    waiters.length = 8;
  }
}

// Whether this thread may block: asked of the engine itself, with a wait that cannot last.
export function can_block() {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

// setTimeout takes 31 bits of milliseconds; a longer sleep is several.
export async function timeout(millis) {
  const longest = 2 ** 31 - 1;
  for (; millis > longest; millis -= longest) await new Promise((resolve) => setTimeout(resolve, longest));
  await new Promise((resolve) => setTimeout(resolve, millis));
}

// Lets everything run that is due, by a task of the event loop's own; setTimeout would cost milliseconds. And by a second
// one, since a browser may find a timer due only after the first is in line.
let channel = null;
const due = [];
export function macrotask() {
  if (channel === null) {
    channel = new MessageChannel();
    channel.port1.onmessage = ({ data: again }) => {
      if (again) channel.port2.postMessage(false);
      else due.shift()();
    };
    // In Node a thread lives as long as a port listens, unless told that this one does not count.
    channel.port1.unref?.();
  }
  return new Promise((resolve) => {
    due.push(resolve);
    channel.port2.postMessage(true);
  });
}

export function now() {
  return performance.now();
}

// Where nothing says whether threads may share memory, as in Node, they may.
export function is_isolated() {
  return globalThis.crossOriginIsolated !== false && typeof SharedArrayBuffer === "function";
}

export function new_memory(size) {
  const pages = Math.ceil(size / 65536);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

export function memory_buffer(memory) {
  const buffer = memory instanceof WebAssembly.Memory ? memory.buffer : memory;
  return typeof SharedArrayBuffer === "function" && buffer instanceof SharedArrayBuffer ? buffer : undefined;
}

export function buffer_length(buffer) {
  return buffer.byteLength;
}

// The helper module of region/web/helper.rs: its functions go to `places` of our function table, in this order.
const helperFunctions = ["load", "publish", "await_change", "copy_in", "copy_out"];
let helper;

export function helper_install(bytes, own, table, shared, places) {
  if (!(shared instanceof WebAssembly.Memory)) return false;
  // Invalid without multi-memory.
  helper ??= WebAssembly.validate(bytes.slice()) ? new WebAssembly.Module(bytes.slice()) : null;
  if (helper === null) return false;
  try {
    const { exports } = new WebAssembly.Instance(helper, { sabrpc: { own, shared } });
    helperFunctions.forEach((name, i) => table.set(places[i], exports[name]));
    return true;
  } catch (error) {
    // Our own memory is shared, which the helper does not expect.
    if (error instanceof WebAssembly.LinkError) return false;
    throw error;
  }
}

export function helper_remove(table, places) {
  for (const place of places) table.set(place, null);
}
