// The suite `rpc`: starts the worker that calls and measures, then the peers.

/** Posts `settings` to `worker` and returns what it measures. */
function ask(worker, settings) {
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

/** Groups of results, and notes for people. */
export async function measure(settings) {
  const caller = new Worker("./caller.js", { type: "module" });
  const { groups, notes } = await ask(caller, settings);
  caller.terminate();
  if (settings.peers.length > 0) {
    const peers = await import("./peers/page.js");
    // None of them has a deadline of its own.
    const late = new Promise((resolve) => setTimeout(resolve, (30 + 4 * settings.seconds) * 1000));
    const group = await Promise.race([peers.measure(settings), late]);
    if (group) groups.push(group);
    else notes.push(`the peers got stuck: ${document.title}`);
  }
  return { groups, notes };
}
