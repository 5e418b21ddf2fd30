// Who is measured: an SQLite in a worker of its own, over some VFS.
//
// `journal` and `exclusive` are what it runs with: a write-ahead log where it can have one and still be what it is for, else
// a rollback journal, which is deleted at the end of a transaction. VFSes for one tab keep their lock, as that is
// what a log asks for without shared memory; those for several tabs do not. Names that end with the journal's are for
// comparing like with like when writing.

/** Every setting that SQLite can have is the same for all. */
export const SETTINGS = { page_size: 4096, cache_size: -2000, temp_store: 2, synchronous: 2 };

const WRITING = ["autocommit", "bulk"];

export const SUBJECTS = [
  { name: "opfs-vfs", engine: "rust", vfs: "opfs-vfs", journal: "wal", tabs: true },
  { name: "opfs-vfs-delete", engine: "rust", vfs: "opfs-vfs", journal: "delete", only: WRITING },
  { name: "opfs", engine: "sqlite-org", vfs: "opfs", journal: "delete", tabs: true },
  { name: "opfs-wl", engine: "sqlite-org", vfs: "opfs-wl", journal: "delete", tabs: true },
  { name: "opfs-sahpool", engine: "sqlite-org", vfs: "opfs-sahpool", journal: "delete" },
  { name: "opfs-sahpool-wal", engine: "sqlite-org", vfs: "opfs-sahpool", journal: "wal", exclusive: true, only: WRITING },
  { name: "AccessHandlePoolVFS", engine: "wa-sqlite", vfs: "AccessHandlePoolVFS", journal: "delete" },
  { name: "AccessHandlePoolVFS-wal", engine: "wa-sqlite", vfs: "AccessHandlePoolVFS", journal: "wal", exclusive: true, only: WRITING },
  { name: "OPFSCoopSyncVFS", engine: "wa-sqlite", vfs: "OPFSCoopSyncVFS", journal: "delete", tabs: true },
  // Its log is its own, below SQLite, which is told of no journal.
  { name: "OPFSWriteAheadVFS", engine: "wa-sqlite", vfs: "OPFSWriteAheadVFS", journal: "delete", tabs: true },
  { name: "sqlite-wasm-vfs", engine: "rust", vfs: "sahpool", journal: "delete" },
  { name: "sqlite-wasm-vfs-wal", engine: "rust", vfs: "sahpool", journal: "wal", exclusive: true, only: WRITING },
  { name: "memory", engine: "rust", vfs: "memory", journal: "memory" },
  { name: "write-flush", engine: "raw", only: ["autocommit"] },
];

/** Something that is measured, with its worker. */
export class Subject {
  constructor(description) {
    Object.assign(this, description);
    this.share = 1;
    this.description = description;
    this.waiting = new Map();
    this.asked = 0;
  }

  /** Starts the worker and installs the VFS there. */
  async start() {
    // sqlite.org's package installs these two by itself, each with a worker, unless the address says no.
    const unused = ["opfs", "opfs-wl"].filter((vfs) => vfs !== this.vfs);
    const address = `/vfs/worker.js?${unused.map((vfs) => `${vfs}-disable`).join("&")}`;
    this.flushes = new Int32Array(new SharedArrayBuffer(4));
    this.worker = new Worker(address, { type: "module", name: this.name });
    this.worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      error === undefined ? resolve(value) : reject(new Error(`${this.name}: ${error}`));
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`${this.name}: ${event.message}`));
      this.waiting.clear();
    };
    this.worker.postMessage({ flushes: this.flushes });
    await this.ask("install", this.description);
  }

  /** Has the worker do one of its methods. */
  ask(method, ...args) {
    return new Promise((resolve, reject) => {
      const id = ++this.asked;
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, args });
    });
  }

  /** Closes the database and ends the worker; what it holds is free a moment later. */
  async end() {
    await this.ask("leave");
    this.worker.terminate();
  }

  /** The same, and waits for that moment. */
  async stop() {
    await this.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** Nothing has to be done before a sample. */
  prepare() {}
}
