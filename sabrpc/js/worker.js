// Both ends of the handshake between who starts a worker and the worker, what a worker says when it fails, and a worker
// to start. This very file is that worker's script: it imports the glue that wasm-bindgen made for us, by its address.
//
// In Node workers come from worker_threads; `threads` is that module, and undefined where workers are the web's.
const threads =
  typeof Worker === "undefined" ? globalThis.process?.getBuiltinModule?.("node:worker_threads") : undefined;

// The name of a worker that was started here begins so; its entry function follows.
const OURS = "sabrpc:";

// `glue` is the address of the glue module, `entry` shows in the browser's tools.
export function start_worker(glue, entry) {
  const here = import.meta.url;
  if (threads) return new threads.Worker(new URL(here), { name: OURS + entry, workerData: OURS + entry });
  // A bundler has put us and the glue into one script, or left us the address that we had on its machine.
  if (here === glue || (here.startsWith("file:") && location.protocol !== "file:")) {
    throw new Error(
      "a bundler has moved this module, which therefore cannot start a worker of itself: " +
        "make the worker in a script of yours and hand it over, see sabrpc::web::make_workers_with",
    );
  }
  // A worker's script has to come from the page's own origin; what it imports has not.
  const foreign = new URL(here).origin !== location.origin;
  const source = [`import ${JSON.stringify(here)};`];
  const script = foreign ? URL.createObjectURL(new Blob(source, { type: "text/javascript" })) : here;
  const worker = new Worker(script, { type: "module", name: OURS + entry });
  if (foreign) {
    // The address has to live until the worker has loaded; its first message says so.
    const release = () => URL.revokeObjectURL(script);
    worker.addEventListener("message", release, { once: true });
    worker.addEventListener("error", release, { once: true });
  }
  return worker;
}

// Sends `init` when the worker has loaded; resolves with its last word of the handshake, {sabrpc, …}, or when it has said
// nothing for so many milliseconds.
export function shake_hands(worker, init, millis) {
  return new Promise((resolve) => {
    let sent = false, timer;
    const wait = () => {
      clearTimeout(timer);
      // In the end its words have one more turn: if this thread was blocked, they are in line.
      timer = setTimeout(() => (timer = setTimeout(() => done({ sabrpc: "timeout" }))), millis);
    };
    const done = (word) => {
      clearTimeout(timer);
      silence();
      resolve(word);
    };
    const post = (word) => {
      try {
        worker.postMessage(word);
      } catch (error) {
        done({ sabrpc: "failed", message: describe(error) });
      }
    };
    const onWord = (word) => {
      if (word?.sabrpc !== "loaded") {
        if (word?.sabrpc) done(word);
      } else if (!sent) {
        sent = true;
        wait();
        post(init);
      }
    };
    const onError = (error) => {
      const unknown =
        "its script could not be loaded. Is it there, allowed by the page's Content-Security-Policy (worker-src), " +
        "and served with Cross-Origin-Embedder-Policy: require-corp, as the page is?";
      done({ sabrpc: "failed", message: error.message || unknown });
    };
    const silence = hear(worker, onWord, onError);
    wait();
    // A worker that loaded before we listened says so again. Before it has loaded it may not hear this, and need not.
    post({ sabrpc: "hello" });
  });
}

// Hears a worker until the function that is returned is called.
function hear(worker, onWord, onError) {
  if (threads) {
    worker.on("message", onWord);
    // Stays: the failure of a worker that nobody listens to would end the whole process.
    worker.on("error", onError);
    return () => worker.off("message", onWord);
  }
  const onMessage = (event) => onWord(event.data);
  worker.addEventListener("message", onMessage);
  worker.addEventListener("error", onError);
  return () => {
    worker.removeEventListener("message", onMessage);
    worker.removeEventListener("error", onError);
  };
}

// The rest is the worker's side.

const parent = threads ? threads.parentPort : typeof WorkerGlobalScope === "function" ? globalThis : null;

// Whether somebody listens for the init message, and what that was; whether the server is being polled, and its number
// once the handshake is over.
let asked = false, init = null, polled = false, life = null;

// Listens for the init message and resolves with it. From here on failures of this worker are told.
export function await_init() {
  return new Promise((resolve, reject) => {
    if (typeof parent?.postMessage !== "function") {
      reject(new Error("this thread is not a dedicated worker: nobody can send it the channel to serve"));
      return;
    }
    if (asked) {
      reject(new Error("this worker serves already, and a worker serves one channel"));
      return;
    }
    asked = true;
    const onMessage = (event) => {
      const word = event.data;
      if (word?.sabrpc === "hello") tell({ sabrpc: "loaded" });
      if (word?.sabrpc !== "init") return;
      parent.removeEventListener("message", onMessage);
      init = word;
      // In Node a worker that waits for nothing ends. It is to live until its server stops.
      if (threads) parent.ref();
      resolve(init);
    };
    parent.addEventListener("message", onMessage);
    if (threads) {
      // There every error that nobody handles ends the worker, and so may anyone by process.exit().
      process.on("uncaughtExceptionMonitor", (error) => failed(error, true));
      process.on("exit", end);
    } else {
      const close = parent.close;
      parent.close = () => {
        end();
        close.call(parent);
      };
      parent.addEventListener("error", (event) => failed(event.error || event.message));
      parent.addEventListener("unhandledrejection", (event) => failed(event.reason));
    }
    tell({ sabrpc: "loaded" });
  });
}

export function tell(word) {
  parent.postMessage(word);
}

// Server number `number` takes requests: the handshake is over.
export function server_opened(number) {
  life = number;
}

// Before the server is polled, and after: not after a trap.
export function server_polled(now) {
  polled = now;
}

// The server has stopped in an orderly way.
export function server_over() {
  life = null;
  if (threads) parent.unref();
}

// A trap leaves wasm where it was, in the middle of a poll, but not this script: it says that the server is gone, and
// wakes all callers. Any other error after the handshake is the affair of the code that it is in.
function failed(why, ends = polled || life === null) {
  if (!ends) return;
  console.error("sabrpc: this worker failed:", why);
  end();
  tell({ sabrpc: "failed", message: describe(why) });
}

function end() {
  if (life === null) return;
  const words = new Int32Array(init.channel.buffer || init.channel, 0, init.lastWord + 1);
  const gone = (life << init.lifeShift) | init.stateFailed;
  for (const alive of init.statesAlive) {
    Atomics.compareExchange(words, init.stateWord, (life << init.lifeShift) | alive, gone);
  }
  for (const word of init.sleepWords) {
    Atomics.store(words, word, 0);
    Atomics.notify(words, word);
  }
}

function describe(why) {
  return why instanceof Error ? `${why.name}: ${why.message}` : String(why);
}

async function serve_entry() {
  try {
    const { glue: address, module, entry } = await await_init();
    const glue = await import(/* webpackIgnore: true */ /* @vite-ignore */ address);
    // Where there is no such function, importing it was enough.
    await glue.default?.({ module_or_path: module });
    if (typeof glue[entry] !== "function") {
      throw new Error(`the module exports no function '${entry}': mark it with #[wasm_bindgen]`);
    }
    glue[entry](init);
  } catch (error) {
    failed(error);
  }
}

// True in the workers that start_worker started, and nowhere else that this file is imported. A page is not asked: others
// can name it.
const started = threads
  ? String(threads.workerData).startsWith(OURS)
  : typeof WorkerGlobalScope === "function" && String(globalThis.name).startsWith(OURS);
if (started) serve_entry();
