// The serving worker of a peer, which is the worker's name.

import * as Comlink from "comlink";
import * as Synclink from "synclink";
import { ServiceConnection } from "@vscode/sync-api-common/browser";
import { exchange } from "./work.js";

const serve = {
  "comlink": () => Comlink.expose({ exchange }),

  // It returns what JSON can say, so bytes come as a text of as many characters.
  "synclink": () => {
    const text = "7".repeat(4096);
    Synclink.expose({ exchange: (bytes, wanted) => (exchange(bytes, 0), text.slice(0, wanted)) });
  },

  "@vscode/sync-api-common": () => {
    const connection = new ServiceConnection(self);
    connection.onRequest("null", () => ({ errno: 0 }));
    connection.onRequest("write", ({ binary }) => {
      exchange(binary, 0);
      return { errno: 0 };
    });
    connection.onRequest("read", (result) => {
      result.set(exchange(undefined, result.length));
      return { errno: 0 };
    });
    connection.signalReady();
  },
};

serve[self.name]();
