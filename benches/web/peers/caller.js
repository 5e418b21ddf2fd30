// The worker that calls the peers, and a typed sabrpc service beside them in the same turns.

import coincident from "coincident/worker";
import * as Comlink from "comlink";
import * as Synclink from "synclink";
import { ClientConnection, Uint8Result } from "@vscode/sync-api-common/browser";
import init from "/calls.js";
import { sizes } from "/bare.js";
import { takeTurns } from "/measure.js";
import { messages, ours } from "/subjects.js";

const bytes = new Uint8Array(4096).fill(7), target = new Uint8Array(4096);

const server = (name) => new Worker(new URL("./server.js", import.meta.url), { type: "module", name });

/** A subject whose one call is what `prepare(sizes)` returns; the call returns how many bytes, or characters, it got. */
function blocking(name, prepare) {
  let call, wanted;
  return {
    name,
    share: 0.01,
    prepare(kind) {
      ({ wanted } = sizes(kind));
      call = prepare(sizes(kind));
    },
    run(count) {
      for (let i = 0; i < count; i++) if (call() !== wanted) throw new Error(`a call through ${name} went wrong`);
    },
  };
}

async function comlink() {
  const remote = Comlink.wrap(server("comlink"));
  await remote.exchange(undefined, 0);
  let request, wanted;
  return {
    name: "comlink",
    share: 0.01,
    prepare(kind) {
      const { sent } = sizes(kind);
      ({ wanted } = sizes(kind));
      request = sent > 0 ? bytes.slice(0, sent) : undefined;
    },
    async run(count) {
      for (let i = 0; i < count; i++) {
        const got = await remote.exchange(request, wanted);
        if ((got?.length ?? 0) !== wanted) throw new Error("a call through comlink went wrong");
      }
    },
  };
}

async function synclink() {
  const remote = Synclink.wrap(server("synclink"));
  await remote.exchange(undefined, 0);
  return blocking("synclink", ({ sent, wanted }) => {
    const request = sent > 0 ? bytes.slice(0, sent) : undefined;
    return () => remote.exchange(request, wanted).syncify().length;
  });
}

async function vscode() {
  const name = "@vscode/sync-api-common";
  const connection = new ClientConnection(server(name));
  await connection.serviceReady();
  const fine = ({ errno }) => {
    if (errno !== 0) throw new Error(`a call through ${name} ended with ${errno}`);
  };
  return blocking(name, ({ sent, wanted }) => () => {
    if (wanted > 0) {
      const { errno, data } = connection.sendRequest("read", Uint8Result.fromLength(wanted));
      fine({ errno });
      target.set(data, 0);
      return data.length;
    }
    fine(sent > 0 ? connection.sendRequest("write", { binary: bytes }) : connection.sendRequest("null"));
    return 0;
  });
}

async function group({ seconds, peers: cases }, proxy) {
  await init();
  const main = blocking("coincident", ({ sent, wanted }) => {
    const request = sent > 0 ? bytes.slice(0, sent) : undefined;
    return () => proxy.exchange(request, wanted)?.length ?? 0;
  });
  const subjects =
    [main, await ours("sabrpc-typed"), await messages(), await comlink(), await synclink(), await vscode()];
  const turn = new Int32Array(new SharedArrayBuffer(4));
  postMessage({ turn, names: subjects.map(({ name }) => name) });
  for (const [number, subject] of subjects.entries()) {
    const { prepare } = subject;
    subject.prepare = (call) => {
      turn[0] = number;
      prepare(call);
    };
  }
  const counts = { "null": 4000, "4k-write": 1000, "4k-read": 1000 };
  const turns = cases.map((name) => ({ name, call: name, count: counts[name], subjects }));
  return takeTurns(turns, seconds / 2);
}

const { proxy } = await coincident();
try {
  proxy.finish(JSON.stringify({ group: await group(JSON.parse(proxy.settings()), proxy) }));
} catch (error) {
  proxy.finish(JSON.stringify({ error: String(error?.stack ?? error) }));
}
