// Starts a worker that runs the same wasm module as we do. No file of its own is needed: a Blob imports the glue that
// wasm-bindgen made for us, by its address.

// `glue` is the address of the glue module, `name` shows in the browser's tools.
export function start_worker(glue, name) {
  const source = `
    const failed = (why) => {
      // A trap leaves wasm where it was, but not this script: say that the server is gone, and wake all callers.
      const message = why instanceof Error ? why.name + ": " + why.message : String(why);
      console.error("sabrpc: this worker failed:", why);
      if (self.sabrpcFail) self.sabrpcFail();
      self.postMessage({ sabrpc: "failed", message });
    };
    self.addEventListener("error", (event) => failed(event.error || event.message));
    self.addEventListener("unhandledrejection", (event) => failed(event.reason));
    self.addEventListener("message", async (event) => {
      const init = event.data;
      if (!init || init.sabrpc !== "init") return;
      try {
        self.sabrpcFail = () => {
          const words = new Int32Array(init.channel.buffer || init.channel);
          Atomics.store(words, init.stateWord, init.stateFailed);
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

// Calls `fail` when the worker reports an error after the handshake.
export function watch(worker, fail) {
  worker.addEventListener("message", (event) => {
    if (event.data?.sabrpc === "failed") fail();
  });
  worker.addEventListener("error", fail);
}
