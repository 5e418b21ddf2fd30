// The page's part of measuring the peers: coincident's workers are made by it, and it serves them itself, as that
// library's blocking calls go to the page only.

import coincident from "coincident/main";
import { exchange } from "./work.js";

/** Measures as `settings` say, and returns a group of results. Meanwhile the page's title says who is calling. */
export function measure(settings) {
  const { Worker } = coincident();
  let watch;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./caller.js", import.meta.url));
    worker.onerror = (event) => reject(new Error(`the peers' worker: ${event.message}`));
    worker.proxy.exchange = exchange;
    // Not by a call of the library: that would be one more in the middle of the others.
    worker.addEventListener("message", ({ data }) => {
      if (data.names) watch = setInterval(() => (document.title = `${data.names[data.turn[0]]} is calling`), 1000);
    });
    worker.proxy.settings = () => JSON.stringify(settings);
    worker.proxy.finish = (text) => {
      const { group, error } = JSON.parse(text);
      worker.terminate();
      clearInterval(watch);
      error ? reject(new Error(error)) : resolve(group);
    };
  });
}
