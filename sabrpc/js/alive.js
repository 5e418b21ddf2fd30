// Finds out that a worker has ended which can say so no more: it was terminated, say. A worker that is to be missed holds
// a Web Lock. The browser gives that to whoever waits for it when the worker is gone.

const isWorker = typeof WorkerGlobalScope === "function";
const locks = isWorker || typeof document === "object" ? navigator.locks : undefined;

// Chromium answers a worker's first request only when it has asked whether the worker may have locks at all. A worker
// that blocks in its first call would never hear of that, so it is asked here, while the module is still loading.
if (isWorker) locks?.query().catch(() => {});

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

class Hold {
  constructor(name) {
    const until = new Promise((resolve) => (this.release = resolve));
    // Refused where the page has no origin of its own: then nobody is missed.
    locks.request(name, () => until).catch(() => {});
  }
}

// Holds `name` until it is released or this worker ends; undefined in threads that need not be missed, since a page and
// its workers end together, and where there are no locks.
export function hold(name) {
  return locks !== undefined && isWorker ? new Hold(name) : undefined;
}

// Resolves when who holds `name` is gone: to true. To false if nobody was seen to hold it, or in line for it, at one of the
// looks that are made after these pauses: a request may have been refused, or be late, and nobody is taken for gone then.
async function gone(name) {
  try {
    for (const millis of [0, 20, 100, 500, 2000, 8000]) {
      if (millis > 0) await pause(millis);
      const { held, pending } = await locks.query();
      if (![...held, ...pending].some((lock) => lock.name === name)) continue;
      await locks.request(name, () => {});
      return true;
    }
  } catch {
    // Refused where the page has no origin of its own.
  }
  return false;
}

// When the caller is gone who vouches for himself by `name`; undefined where that cannot be seen.
export function caller_gone(name) {
  return locks === undefined ? undefined : gone(name);
}

// The servers that this thread watches.
const watched = new Set();

// The same of a server; undefined also if this thread watches it already.
export function server_gone(name) {
  if (locks === undefined || watched.has(name)) return undefined;
  watched.add(name);
  return gone(name).finally(() => watched.delete(name));
}

// When one of Node's workers has ended; undefined for a browser's, which tell nobody.
export function exited(worker) {
  if (typeof worker.once !== "function") return undefined;
  return new Promise((resolve) => worker.once("exit", () => resolve(true)));
}
