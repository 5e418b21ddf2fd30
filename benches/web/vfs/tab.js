// One of several tabs: has a subject of its own and does with it what the suite's page asks for. It sets no timers, since a
// browser puts those of hidden tabs off.

import { Subject } from "./subjects.js";

const number = Number(new URLSearchParams(location.search).get("number"));
const channel = new BroadcastChannel("tabs");
let subject;

const methods = {
  async start(description) {
    subject = new Subject(description);
    await subject.start();
    return subject.ask("enter", "tabs");
  },
  ask: (...args) => subject.ask(...args),
  end: () => subject?.end(),
};

channel.onmessage = async ({ data: { to, id, method, args } }) => {
  if (to !== number) return;
  try {
    channel.postMessage({ id, value: await methods[method](...args) });
  } catch (error) {
    channel.postMessage({ id, error: String(error?.stack ?? error) });
  }
};
