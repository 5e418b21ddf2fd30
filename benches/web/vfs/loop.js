// What every tab does at the same time as the others: short transactions on one database, writing and reading in turn.

const isBusy = (error) => /database is locked|SQLITE_BUSY/i.test(String(error?.message ?? error));

/** Lets this worker's event loop have a turn, as an app's would between two requests; some VFSes hear other tabs then. */
function turn() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Loops from `begin` to `end`, both by the machine's clock. Of what ends later only the rows count, so that they can be
 * compared with those in the table. Returns how long each writing transaction took, in milliseconds.
 */
export async function loop(database, { begin, end }) {
  const one = Int32Array.of(1);
  const times = [];
  let reads = 0, committed = 0, busy = 0, failure;
  while (Date.now() < begin) await turn();
  while (Date.now() < end) {
    await turn();
    const start = performance.now();
    try {
      await database.run("BEGIN IMMEDIATE", one);
      await database.run("INSERT INTO entry (body) VALUES (printf('entry of tab %d', ?1))", one);
      await database.run("COMMIT", one);
      committed += 1;
      if (Date.now() <= end) times.push(performance.now() - start);
      await turn();
      await database.run("SELECT length(body) FROM entry ORDER BY id DESC LIMIT 1", one);
      if (Date.now() <= end) reads += 1;
    } catch (error) {
      if (isBusy(error)) busy += 1;
      else failure ??= String(error?.message ?? error);
      await database.exec("ROLLBACK").catch(() => {});
    }
  }
  return { times, reads, committed, busy, failure };
}
