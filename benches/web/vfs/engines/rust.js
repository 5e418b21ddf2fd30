// SQLite through rusqlite: over opfs-vfs, over the pool of sqlite-wasm-vfs, or in memory.

import init, { Database, install as installVfs, version } from "/vfs.js";

export async function install({ name, vfs }) {
  await init();
  await installVfs(vfs, name);
  return {
    version: version(),
    open: async (path) => new Opened(new Database(vfs, path)),
  };
}

class Opened {
  constructor(database) {
    this.database = database;
  }

  async exec(sql) {
    this.database.exec(sql);
  }

  async first(sql) {
    return this.database.first(sql);
  }

  async run(sql, values) {
    return this.database.run(sql, values);
  }

  async close() {
    this.database.close();
  }
}
