// The worker of a subject: installs its VFS, and does the cases on a database of it. Only the work itself is timed, here,
// so that messages from and to the page are not.

import "./flushes.js";
import { CASES } from "./cases.js";
import { loop } from "./loop.js";
import { SETTINGS } from "./subjects.js";

let subject, engine, database, inside;
const samples = {};

/** Opens a file with the settings of the subject; returns what differs from them. */
async function open(file) {
  database = await engine.open(`/${subject.name}/${file}`);
  if (!subject.vfs) return [];
  const wanted = { ...SETTINGS, locking_mode: subject.exclusive ? "exclusive" : "normal", journal_mode: subject.journal };
  const differences = [];
  for (const [name, value] of Object.entries(wanted)) {
    await database.exec(`PRAGMA ${name} = ${value}`);
    const got = await database.first(`PRAGMA ${name}`);
    if (got !== String(value)) differences.push(`${name} is ${got}, not ${value}`);
  }
  await database.exec("PRAGMA busy_timeout = 10000");
  return differences;
}

const methods = {
  async install(description) {
    subject = description;
    const { install } = await import(`./engines/${subject.engine}.js`);
    engine = await install(subject);
    return engine.version;
  },

  /** Opens the database of a case and puts into it what is not there yet. */
  async enter(name) {
    inside = CASES[name];
    const differences = await open(inside.file);
    await inside.prepare(database);
    return differences;
  },

  /** Measures once. */
  sample(name, count) {
    return CASES[name].sample(database, count, (samples[name] = (samples[name] ?? 0) + 1));
  },

  async leave() {
    await database?.close();
    database = undefined;
  },

  /** Closes the database, opens it again and reads a row. */
  async reopen() {
    await database.close();
    const start = performance.now();
    await methods.firstRow();
    return performance.now() - start;
  },

  /** Opens the database for reading and reads a row. */
  async firstRow() {
    database = await engine.open(`/${subject.name}/${CASES["random-read"].file}`);
    // The journal's mode is in the file; a lock that has to be kept for it is not.
    if (subject.exclusive) await database.exec("PRAGMA locking_mode = exclusive");
    const id = await database.run("SELECT id FROM entry WHERE id = ?1", Int32Array.of(77));
    if (id !== 77) throw new Error(`the first row is ${id}`);
  },

  first: (sql) => database.first(sql),

  /** What a tab does among others. */
  loop: (until) => loop(database, until),
};

addEventListener("message", async ({ data: { id, method, args } }) => {
  try {
    postMessage({ id, value: await methods[method](...args) });
  } catch (error) {
    postMessage({ id, error: String(error?.stack ?? error) });
  }
});
