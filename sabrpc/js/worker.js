// Starts a worker that runs the same wasm module as we do. No file of its own is needed: a Blob imports the glue that
// wasm-bindgen made for us, by its address.

// `glue` is the address of the glue module, `name` shows in the browser's tools.
export function start_worker(glue, name) {
  const source = `
    // sabrpcServing: undefined until the handshake is over, then the number of the server while it is being polled, else
    // null. A trap leaves wasm where it was, in the middle of a poll, but not this script: it says that the server is
    // gone, and wakes all callers. Any other error is the affair of the code that it is in.
    const failed = (why) => {
      const life = self.sabrpcServing;
      if (life === null) return;
      console.error("sabrpc: this worker failed:", why);
      if (life !== undefined) self.sabrpcEnd(life);
      const message = why instanceof Error ? why.name + ": " + why.message : String(why);
      self.postMessage({ sabrpc: "failed", message });
    };
    self.addEventListener("error", (event) => failed(event.error || event.message));
    self.addEventListener("unhandledrejection", (event) => failed(event.reason));
    self.addEventListener("message", async (event) => {
      const init = event.data;
      if (!init || init.sabrpc !== "init") return;
      try {
        self.sabrpcEnd = (life) => {
          const words = new Int32Array(init.channel.buffer || init.channel, 0, init.lastWord + 1);
          const failed = life << init.lifeShift | init.stateFailed;
          for (const alive of init.statesAlive) {
            Atomics.compareExchange(words, init.stateWord, life << init.lifeShift | alive, failed);
          }
          for (const word of init.responseWords) Atomics.notify(words, word);
        };
        const glue = await import(${JSON.stringify(glue)});
        await glue.default({ module_or_path: init.module });
        const entry = glue[init.entry];
        if (typeof entry !== "function") {
          throw new Error("the module exports no function '" + init.entry + "': mark it with #[wasm_bindgen]");
        }
        entry(init);
      } catch (error) {
        failed(error);
      }
    }, { once: true });
    self.postMessage({ sabrpc: "loaded" });
  `;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module", name });
  // The address has to live until the worker has loaded; its first message says so.
  const release = () => URL.revokeObjectURL(url);
  worker.addEventListener("message", release, { once: true });
  worker.addEventListener("error", release, { once: true });
  return worker;
}

// Sends `init` when the worker has loaded; resolves with its last word of the handshake, {sabrpc, …}.
export function shake_hands(worker, init, millis) {
  return new Promise((resolve) => {
    const done = (word) => {
      clearTimeout(timer);
      worker.removeEventListener("message", onMessage);
      worker.removeEventListener("error", onError);
      resolve(word);
    };
    const onMessage = (event) => {
      const word = event.data;
      if (word?.sabrpc === "loaded") worker.postMessage(init);
      else if (word?.sabrpc) done(word);
    };
    const onError = (event) => done({ sabrpc: "failed", message: event.message || "the worker's script could not be loaded" });
    const timer = setTimeout(() => done({ sabrpc: "timeout" }), millis);
    worker.addEventListener("message", onMessage);
    worker.addEventListener("error", onError);
  });
}

// In a worker: says which server is being polled, with null when it is not. See start_worker.
export function serving(life) {
  globalThis.sabrpcServing = life;
}
