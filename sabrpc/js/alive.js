// What Rust needs to find out that a thread has ended which can say so no more: a worker was terminated, say. It leaves two
// traces. A Web Lock that it holds is given to whoever waits for it, by way of his event loop; and an object URL that it made
// leads nowhere any more, which can be seen without one.

const isWorker = typeof WorkerGlobalScope === "function";
const isDocument = !isWorker && typeof document === "object";
const locks = isWorker || isDocument ? navigator.locks : undefined;

// Chromium answers a worker's first request only when it has asked whether the worker may have locks at all. A worker
// that blocks in its first call would never hear of that, so it is asked here, while the module is still loading.
if (isWorker) locks?.query().catch(() => {});

// Whether others may live on that share our memory when we end. A page and its workers end together; a frame goes before its
// page, and a window that another opened before that one. Only these hold a lock, since a browser keeps no page that does for
// when its user comes back.
const isOutlived = isWorker || (isDocument && (window !== window.top || window.opener !== null));

class Hold {
  constructor(name) {
    const until = new Promise((resolve) => (this.release = resolve));
    // Whether it is ours, once that is known. Refused where the page has no origin of its own: then nobody is missed.
    this.granted = new Promise((resolve) => {
      const grant = () => {
        resolve(true);
        return until;
      };
      locks.request(name, grant).catch(() => resolve(false));
    });
  }
}

// Holds `name` until it is released or this thread ends; undefined in threads that need not be missed, and where there are
// no locks.
export function hold(name) {
  return locks !== undefined && isOutlived ? new Hold(name) : undefined;
}

export function has_locks() {
  return locks !== undefined;
}

// Whether somebody holds `name`, or is in line for it.
export async function is_held(name) {
  const { held, pending } = await locks.query();
  return [...held, ...pending].some((lock) => lock.name === name);
}

// Resolves when nobody holds `name` any more.
export async function line_up(name) {
  await locks.request(name, () => {});
}

// Nobody can look in Node, nor in a page without an origin of its own, whose addresses lead nowhere for others.
const hasBeacon = isOutlived && typeof XMLHttpRequest === "function" && self.origin !== "null";

let beacon;

// The last part of the address of an object that this thread has made and lives as long as it does: a UUID, or nothing.
export function light_beacon() {
  if (!hasBeacon) return "";
  beacon ??= URL.createObjectURL(new Blob([]));
  return beacon.slice(beacon.lastIndexOf("/") + 1);
}

// A policy (connect-src without blob:) may forbid to look: then our own is dark, too, again and again.
const FAILURES = 3;
let failures = 0;

function is_lit(id) {
  try {
    const request = new XMLHttpRequest();
    request.open("GET", `blob:${self.origin}/${id}`, false);
    request.send();
    return request.status === 200;
  } catch {
    return false;
  }
}

// Whether it is certain that the thread is gone whose beacon this is: looked at twice, and ours in between. It blocks for a
// few milliseconds, and needs no turn of our event loop; in Firefox and Safari it needs one of the page's. Only workers look: a
// page must not be blocked.
export function is_dark(id) {
  if (!isWorker || !hasBeacon || failures >= FAILURES || is_lit(id)) return false;
  failures = is_lit(light_beacon()) ? 0 : failures + 1;
  return failures === 0 && !is_lit(id);
}

// When one of Node's workers has ended; undefined for a browser's, which tell nobody.
export function exited(worker) {
  if (typeof worker.once !== "function") return undefined;
  return new Promise((resolve) => worker.once("exit", () => resolve(true)));
}
