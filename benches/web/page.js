// The page: starts the worker that measures, as `cargo xtask bench rpc` asks for it in the address, and posts what it
// found. A failure anywhere is posted too, so that nobody waits for nothing.

const settings = JSON.parse(new URLSearchParams(location.search).get("settings"));

const post = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
const failed = (error) => post({ error: String(error?.stack ?? error?.message ?? error) });

addEventListener("error", failed);
addEventListener("unhandledrejection", (event) => failed(event.reason));

/** Posts `settings` to `worker` and returns what it measures. */
function measure(worker) {
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`${event.message} (${event.filename}:${event.lineno})`));
    worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data.groups);
    worker.postMessage(settings);
  });
}

const caller = new Worker("./caller.js", { type: "module" });
const groups = await measure(caller);
caller.terminate();
if (settings.peers) {
  const peers = await import("./peers/page.js");
  groups.push(await peers.measure(settings));
}
await post({ agent: navigator.userAgent, groups });
