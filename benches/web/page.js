// The page: starts the worker that measures, as `cargo xtask bench rpc` asks for it in the address, and posts what it
// found. A failure anywhere is posted too, so that nobody waits for nothing; the title says what is being done.

const settings = JSON.parse(new URLSearchParams(location.search).get("settings"));

const post = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
const failed = (error) => post({ error: String(error?.stack ?? error?.message ?? error) });

addEventListener("error", failed);
addEventListener("unhandledrejection", (event) => failed(event.reason));

/** Posts `settings` to `worker` and returns what it measures. */
function measure(worker) {
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`${event.message} (${event.filename}:${event.lineno})`));
    worker.onmessage = ({ data }) => {
      if (data.error) reject(new Error(data.error));
      else if (data.groups) resolve(data);
      else document.title = data.stage;
    };
    worker.postMessage(settings);
  });
}

const caller = new Worker("./caller.js", { type: "module" });
const { groups, notes } = await measure(caller);
caller.terminate();
if (settings.peers.length > 0) {
  const peers = await import("./peers/page.js");
  // None of them has a deadline of its own.
  const late = new Promise((resolve) => setTimeout(resolve, (30 + 4 * settings.seconds) * 1000));
  const group = await Promise.race([peers.measure(settings), late]);
  if (group) groups.push(group);
  else notes.push(`the peers got stuck: ${document.title}`);
}
await post({ agent: navigator.userAgent, groups, notes });
