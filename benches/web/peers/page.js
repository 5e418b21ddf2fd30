// The page's part of measuring the peers: coincident's workers are made by it, and it serves them itself, as that
// library's blocking calls go to the page only.

import coincident from "coincident/main";
import { exchange } from "./work.js";

/** Measures as `settings` say, and returns a group of results. */
export function measure(settings) {
  const { Worker } = coincident();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./caller.js", import.meta.url));
    worker.onerror = (event) => reject(new Error(`the peers' worker: ${event.message}`));
    worker.proxy.exchange = exchange;
    worker.proxy.stage = (stage) => void (document.title = stage);
    worker.proxy.settings = () => JSON.stringify(settings);
    worker.proxy.finish = (text) => {
      const { group, error } = JSON.parse(text);
      worker.terminate();
      error ? reject(new Error(error)) : resolve(group);
    };
  });
}
