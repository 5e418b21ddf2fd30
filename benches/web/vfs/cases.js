// What is measured of one database alone: the same SQL for every subject. A case has a `file`, makes sure in `prepare` that
// there is what it needs, and in `sample` does its work and returns how long that took, in its unit.

import { speedtest } from "./speedtest.js";

/** Rows of the transaction of `bulk`. */
const BULK_ROWS = 60_000;

/** Rows of the table that is read, which is 16 times as large as the cache. */
const READ_ROWS = 150_000;

/** The length of each of them. */
const ROW_LENGTH = 200;

/** Milliseconds. */
async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function expect(what, got, wanted) {
  if (Number(got) !== wanted) throw new Error(`${what}: ${got}, not ${wanted}`);
}

const range = (count) => Int32Array.from({ length: count }, (_, i) => i);

/** Numbers from 1 to `limit`; the same ones for the same `seed`. */
function random(count, limit, seed) {
  let state = seed * 0x9e3779b1;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + (Math.floor(state / 0x100) % limit);
  });
}

const read = {
  file: "read.db",
  async prepare(database) {
    await database.exec("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, body TEXT)");
    if (Number(await database.first("SELECT count(*) FROM entry")) === READ_ROWS) return;
    await database.exec(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${READ_ROWS})
      INSERT INTO entry SELECT i, printf('%0${ROW_LENGTH - 16}d needle%09d', i, i % 1000) FROM n;
      PRAGMA wal_checkpoint(TRUNCATE)`);
  },
};

export const CASES = {
  speedtest,

  /** What several tabs use; `loop.js` has what they do. */
  "tabs": {
    file: "tabs.db",
    prepare: (database) => database.exec("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, body TEXT)"),
  },

  /** A row in a transaction of its own; microseconds each. */
  "autocommit": {
    file: "autocommit.db",
    prepare: (database) => database.exec("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, body TEXT)"),
    async sample(database, count) {
      const sql = "INSERT INTO entry (body) VALUES (printf('entry %d in a transaction of its own', ?1))";
      return (await time(() => database.run(sql, range(count)))) * 1000 / count;
    },
  },

  /** Many rows in one transaction, into a file that is nearly empty before; milliseconds. */
  "bulk": {
    file: "bulk.db",
    async prepare() {},
    async sample(database) {
      await database.exec("DROP TABLE IF EXISTS entry; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
      await database.exec("CREATE TABLE entry (id INTEGER PRIMARY KEY, number INTEGER, body TEXT)");
      const sql = "INSERT INTO entry (number, body) VALUES (?1 * 7919 % 60013, printf('row %d of one transaction', ?1))";
      const values = range(BULK_ROWS);
      const millis = await time(async () => {
        await database.exec("BEGIN");
        await database.run(sql, values);
        await database.exec("COMMIT");
      });
      expect("rows after the transaction", await database.first("SELECT count(*) FROM entry"), BULK_ROWS);
      return millis;
    },
  },

  /** Rows by their numbers, all over the table; microseconds each. */
  "random-read": {
    ...read,
    async sample(database, count, seed) {
      const ids = random(count, READ_ROWS, seed);
      let total;
      const sql = "SELECT length(body) FROM entry WHERE id = ?1";
      const millis = await time(async () => (total = await database.run(sql, ids)));
      expect("bytes of the rows", total, count * ROW_LENGTH);
      return millis * 1000 / count;
    },
  },

  /** The whole table, in its order; milliseconds. */
  "scan": {
    ...read,
    async sample(database) {
      let found;
      const millis = await time(async () => (found = await database.first("SELECT max(body) FROM entry")));
      expect("the last row", found.split(" ")[0], READ_ROWS);
      return millis;
    },
  },
};
