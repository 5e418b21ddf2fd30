// wa-sqlite in its synchronous build, with the VFSes that run on that.

import makeModule from "/npm/@journeyapps/wa-sqlite/dist/wa-sqlite.mjs";
import * as SQLite from "/npm/@journeyapps/wa-sqlite/src/sqlite-api.js";

export async function install({ name, vfs }) {
  const module = await makeModule();
  const sqlite3 = SQLite.Factory(module);
  const made = await import(`/npm/@journeyapps/wa-sqlite/src/examples/${vfs}.js`);
  // This one takes its name for the folder of its pool.
  const called = vfs === "AccessHandlePoolVFS" ? name : vfs;
  sqlite3.vfs_register(await made[vfs].create(called, module), true);
  return {
    version: sqlite3.libversion(),
    open: async (path) => new Database(sqlite3, await sqlite3.open_v2(path)),
  };
}

class Database {
  constructor(sqlite3, db) {
    Object.assign(this, { sqlite3, db, statements: new Map() });
  }

  exec(sql) {
    return this.sqlite3.exec(this.db, sql);
  }

  async first(sql) {
    let first;
    await this.sqlite3.exec(this.db, sql, ([value]) => (first ??= String(value)));
    return first;
  }

  async run(sql, values) {
    const { sqlite3 } = this;
    const statement = this.statements.get(sql) ?? (await this.prepare(sql));
    const parameters = sqlite3.bind_parameter_count(statement);
    let sum = 0;
    for (let at = 0; at < values.length; at += Math.max(parameters, 1)) {
      for (let i = 0; i < parameters; i++) sqlite3.bind_int(statement, i + 1, values[at + i]);
      try {
        while ((await sqlite3.step(statement)) === SQLite.SQLITE_ROW) sum += sqlite3.column_int(statement, 0);
      } finally {
        await sqlite3.reset(statement).catch(() => {});
      }
    }
    return sum;
  }

  async prepare(sql) {
    for await (const statement of this.sqlite3.statements(this.db, sql, { unscoped: true })) {
      this.statements.set(sql, statement);
      return statement;
    }
  }

  async close() {
    for (const statement of this.statements.values()) await this.sqlite3.finalize(statement);
    await this.sqlite3.close(this.db);
  }
}
