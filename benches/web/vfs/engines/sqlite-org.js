// SQLite as sqlite.org compiles it for the web, with the three VFSes that come with it.

import sqlite3InitModule from "/npm/@sqlite.org/sqlite-wasm/dist/index.mjs";

export async function install({ name, vfs }) {
  const sqlite3 = await sqlite3InitModule();
  if (vfs === "opfs-sahpool") await sqlite3.installOpfsSAHPoolVfs({ name: vfs, directory: `/${name}` });
  return {
    version: sqlite3.version.libVersion,
    open: async (path) => new Database(sqlite3, new sqlite3.oo1.DB({ filename: path, flags: "c", vfs })),
  };
}

class Database {
  constructor({ capi }, db) {
    Object.assign(this, { capi, db, statements: new Map() });
  }

  /** Every statement of a script, each to its end. */
  async exec(sql) {
    this.db.exec(sql);
  }

  /** The first value of the first row, as a text. */
  async first(sql) {
    return String(this.db.selectValue(sql));
  }

  /** One statement with as many of `values` as it takes, again and again; returns the sum of the first column of all rows. */
  async run(sql, values) {
    const { capi, db, statements } = this;
    let statement = statements.get(sql);
    if (!statement) statements.set(sql, (statement = db.prepare(sql)));
    const { pointer, parameterCount } = statement;
    let sum = 0;
    for (let at = 0; at < values.length; at += Math.max(parameterCount, 1)) {
      for (let i = 0; i < parameterCount; i++) capi.sqlite3_bind_int(pointer, i + 1, values[at + i]);
      let code;
      while ((code = capi.sqlite3_step(pointer)) === capi.SQLITE_ROW) sum += capi.sqlite3_column_int(pointer, 0);
      capi.sqlite3_reset(pointer);
      if (code !== capi.SQLITE_DONE) throw new Error(`${capi.sqlite3_errmsg(db)} (code ${code})`);
    }
    return sum;
  }

  async close() {
    for (const statement of this.statements.values()) statement.finalize();
    this.db.close();
  }
}
