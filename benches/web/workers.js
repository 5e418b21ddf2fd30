// Starting workers from a worker. Who blocks afterwards has to know that they have started: a worker starts by way of
// its parent's event loop.

/** Starts `script`, sends it `message` if there is one, and returns the worker once it has said something. */
export function start(script, message) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { type: "module" });
    worker.onmessage = () => resolve(worker);
    worker.onerror = (event) => reject(new Error(`${script}: ${event.message}`));
    if (message !== undefined) worker.postMessage(message);
  });
}
