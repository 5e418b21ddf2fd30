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
    this.granted = new Promise((resolve) => {
      const grant = () => {
        resolve();
        return until;
      };
      // Refused where the page has no origin of its own: then nobody is missed.
      locks.request(name, grant).catch(resolve);
    });
  }
}

// Holds `name` until it is released or this worker ends; undefined in threads that need not be missed, since a page and
// its workers end together, and where there are no locks.
export function hold(name) {
  return locks !== undefined && isWorker ? new Hold(name) : undefined;
}

// Calls `then` when who holds `name` is gone. Nobody is taken for gone who was not seen to hold it, or in line for it,
// at one of the looks that are made after these pauses: a request may have been refused, or be late.
async function when_gone(name, pauses, then) {
  for (const millis of pauses) {
    if (millis > 0) await pause(millis);
    const { held, pending } = await locks.query();
    if (![...held, ...pending].some((lock) => lock.name === name)) continue;
    await locks.request(name, () => {});
    return then();
  }
}

// Calls `then` when the caller who vouches for himself by `name` is gone.
export function when_caller_gone(name, then) {
  if (locks !== undefined) when_gone(name, [0, 20, 100, 500, 2000, 8000], then).catch(() => {});
}

// The servers that this thread watches.
const watched = new Set();

// Calls `then` when the worker of the server has ended that holds `name`.
export function when_server_gone(name, then) {
  if (locks === undefined || watched.has(name)) return;
  watched.add(name);
  const over = () => watched.delete(name);
  // It held the lock before it said that it was ready. If it does not, nobody vouches for it.
  when_gone(name, [0], then).then(over, over);
}

// The same for one of Node's workers.
export function when_exited(worker, then) {
  if (typeof worker.once === "function") worker.once("exit", then);
}
