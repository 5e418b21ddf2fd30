// The mix of SQLite's own benchmark, speedtest1, written anew: its main tests by their numbers, over tables of the same
// shape, with as many operations as it makes at this size. Its numbers in words are put together by SQL, so that a
// statement takes whole numbers only.

/** What speedtest1 is told by `--size`; 100 is its default, for native programs. */
const SIZE = 20;

/** Rows of a table. */
const ROWS = SIZE * 500;

/** The smallest number of ones in binary that is not below `ROWS`. */
const ONES = 2 ** Math.ceil(Math.log2(ROWS + 1)) - 1;

const TABLES = ["z1", "z2", "z3", "t4", "t5", "t6"];

/** The number that `parameter` stands for, in words. */
const name = (parameter) => `
  (SELECT name FROM word WHERE n = ${parameter} / 1000) || ' thousand ' ||
  (SELECT name FROM word WHERE n = ${parameter} % 1000)`;

/** The words of the numbers below a thousand. */
function words() {
  const small = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
    "seventeen eighteen nineteen").split(" ");
  const tens = "- - twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
  const below100 = (n) => (n < 20 ? small[n] : tens[Math.floor(n / 10)] + (n % 10 > 0 ? ` ${small[n % 10]}` : ""));
  const below1000 = (n) => (n < 100 ? below100(n) : `${small[Math.floor(n / 100)]} hundred ${n % 100 > 0 ? below100(n % 100) : ""}`);
  return Array.from({ length: 1000 }, (_, n) => below1000(n).trim());
}

/** The bits of `number` backwards: all numbers from 1 to `ONES` in an order that looks like chance. */
function swizzle(number) {
  let out = 0;
  for (let limit = ONES; limit > 0; limit >>= 1, number >>= 1) out = (out << 1) | (number & 1);
  return out;
}

/** So many times what `row` makes of 1, 2, 3 and so on, behind each other. */
function values(count, row) {
  let state = 0x2a;
  const random = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 0x100) % limit;
  };
  return Int32Array.from(Array.from({ length: count }, (_, i) => row(i + 1, random)).flat());
}

/** A few neighbouring numbers somewhere. */
const between = (_, random) => {
  const from = 1 + random(ONES);
  return [from, from + random(10) + SIZE / 10];
};

const FOUND = "SELECT count(*), avg(b), sum(length(c)), group_concat(c)";

/** Each test: statements, each with its values where it is made often; those of one test are one transaction. */
const TESTS = {
  100: [["CREATE TABLE z1 (a INTEGER, b INTEGER, c TEXT)"],
    [`INSERT INTO z1 VALUES (?1, ?2, ${name("?1")})`, values(ROWS, (i) => [swizzle(i), i])]],
  110: [["CREATE TABLE z2 (a INTEGER UNIQUE, b INTEGER, c TEXT)"],
    [`INSERT INTO z2 VALUES (?1, ?2, ${name("?2")})`, values(ROWS, (i) => [i, swizzle(i)])]],
  120: [["CREATE TABLE z3 (a INTEGER UNIQUE, b INTEGER, c TEXT)"],
    [`INSERT INTO z3 VALUES (?1, ?2, ${name("?1")})`, values(ROWS, (i) => [swizzle(i), i])]],
  130: [[`${FOUND} FROM z1 WHERE b BETWEEN ?1 AND ?2`, values(25, between)]],
  140: [[`${FOUND} FROM z1 WHERE c LIKE '%' || (SELECT name FROM word WHERE n = ?1) || '%'`, values(10, (i) => [i])]],
  142: [[`SELECT a, b, c FROM z1 WHERE c LIKE '%' || (SELECT name FROM word WHERE n = ?1) || '%' ORDER BY a`, values(10, (i) => [i])]],
  145: [[`SELECT a, b, c FROM z1 WHERE c LIKE '%' || (SELECT name FROM word WHERE n = ?1) || '%' ORDER BY a LIMIT 10`, values(10, (i) => [i])]],
  150: [["CREATE UNIQUE INDEX t1b ON z1 (b)"], ["CREATE INDEX t1c ON z1 (c)"], ["CREATE UNIQUE INDEX t2b ON z2 (b)"],
    ["CREATE INDEX t2c ON z2 (c DESC)"], ["CREATE INDEX t3bc ON z3 (b, c)"]],
  160: [[`${FOUND} FROM z1 WHERE b BETWEEN ?1 AND ?2`, values(ROWS / 5, between)]],
  161: [[`${FOUND} FROM z2 WHERE a BETWEEN ?1 AND ?2`, values(ROWS / 5, between)]],
  170: [[`${FOUND} FROM z1 WHERE c BETWEEN ${name("?1")} AND ${name("?1")} || '~'`, values(ROWS / 5, (i) => [swizzle(i)])]],
  180: [["CREATE TABLE t4 (a INTEGER UNIQUE, b INTEGER, c TEXT)"], ["CREATE INDEX t4b ON t4 (b)"], ["CREATE INDEX t4c ON t4 (c)"],
    ["INSERT INTO t4 SELECT * FROM z1"]],
  190: [["DELETE FROM z2"], ["INSERT INTO z2 SELECT * FROM z1"]],
  200: "VACUUM",
  210: [["ALTER TABLE z2 ADD COLUMN d INT DEFAULT 123"], ["SELECT sum(d) FROM z2"]],
  230: [["UPDATE z2 SET d = b * 2 WHERE b BETWEEN ?1 AND ?2", values(ROWS / 5, between)]],
  240: [["UPDATE z2 SET d = b * 3 WHERE a = ?1", values(ROWS, (_, random) => [1 + random(ROWS)])]],
  250: [["UPDATE z2 SET d = b * 4"]],
  260: [["SELECT sum(d) FROM z2"]],
  270: [["DELETE FROM z2 WHERE b BETWEEN ?1 AND ?2", values(ROWS / 5, between)]],
  280: [["DELETE FROM z3 WHERE a = ?1", values(ROWS, (_, random) => [1 + random(ROWS)])]],
  290: [["REPLACE INTO z2 (a, b, c) SELECT a, b, c FROM z1"], ["REPLACE INTO z3 (a, b, c) SELECT a, b, c FROM z1"]],
  300: [["DELETE FROM z2"], ["INSERT INTO z2 (a, b, c) SELECT a, b, c FROM z1 WHERE (b & 1) == (a & 1)"],
    ["INSERT INTO z2 (a, b, c) SELECT a, b, c FROM z1 WHERE (b & 1) <> (a & 1)"]],
  310: [["SELECT z1.a FROM z1, z2, z3, t4 WHERE t4.a BETWEEN ?1 AND ?2 AND z3.a = t4.b AND z2.a = z3.b AND z1.c = z2.c",
    values(ROWS / 5, between)]],
  320: [["SELECT sum(a), max(c), avg((SELECT a FROM z2 WHERE 5 + z2.b = z1.b) AND rowid < ?1), max(c) FROM z1 WHERE rowid < ?1",
    Int32Array.of(Math.floor(Math.sqrt(SIZE)) * 50)]],
  400: [["CREATE TABLE t5 (a INTEGER PRIMARY KEY, b TEXT)"],
    [`REPLACE INTO t5 VALUES (?1, ${name("?2")})`, values(ROWS, (i) => [swizzle(i), i])]],
  410: [["SELECT length(b) FROM t5 WHERE a = ?1", values(ROWS, (i) => [swizzle(i)])]],
  500: [["CREATE TABLE t6 (a TEXT PRIMARY KEY, b INTEGER) WITHOUT ROWID"],
    [`REPLACE INTO t6 VALUES (${name("?1")}, ?2)`, values(ROWS, (i) => [swizzle(i), i])]],
  510: [[`SELECT b FROM t6 WHERE a = ${name("?1")}`, values(ROWS, (i) => [swizzle(i)])]],
  520: [["SELECT DISTINCT length(b) FROM t5"], ["SELECT DISTINCT b FROM t6"]],
  980: "PRAGMA integrity_check",
  990: "ANALYZE",
};

export const speedtest = {
  file: "speedtest.db",
  async prepare(database) {
    const rows = words().map((word, n) => `(${n}, '${word}')`).join();
    await database.exec(`CREATE TEMP TABLE word (n INTEGER PRIMARY KEY, name TEXT); INSERT INTO word VALUES ${rows}`);
  },
  /** All tests in their order; milliseconds. */
  async sample(database) {
    await database.exec(`${TABLES.map((table) => `DROP TABLE IF EXISTS ${table};`).join("")} VACUUM; PRAGMA wal_checkpoint(TRUNCATE)`);
    const start = performance.now();
    for (const statements of Object.values(TESTS)) {
      if (typeof statements === "string") {
        await database.exec(statements);
        continue;
      }
      await database.exec("BEGIN");
      for (const [sql, rows] of statements) await (rows ? database.run(sql, rows) : database.exec(sql));
      await database.exec("COMMIT");
    }
    const millis = performance.now() - start;
    const rows = await database.first("SELECT (SELECT count(*) FROM z1) + (SELECT count(*) FROM z3) + (SELECT count(*) FROM t6)");
    if (Number(rows) !== 3 * ROWS) throw new Error(`the tables have ${rows} rows at the end, not ${3 * ROWS}`);
    const verdict = await database.first("PRAGMA integrity_check");
    if (verdict !== "ok") throw new Error(`the database is damaged: ${verdict}`);
    return millis;
  },
};
