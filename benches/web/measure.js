// How times are taken. Subjects of a case take turns in an order that is shuffled in every round, so that whatever
// disturbs the machine disturbs all of them. A sample is the mean of a batch of calls, as the clock is coarser than a
// call (5 us in Chromium, 20 us in Firefox). The result for hot calls is the mean of the faster half of the samples:
// something else ran during the slower ones, and a median would move in the clock's steps. For cold calls, where
// being slow is the point, it is the median.

/** A subject has a `name`, and makes calls by `prepare(case)` and `run(count)`, which may return a promise. */

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this worker for so many milliseconds, without using its core. */
export const idle = (millis) => Atomics.wait(asleep, 0, 0, millis);

const sorted = (values) => [...values].sort((a, b) => a - b);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values) => sorted(values)[values.length >> 1];
const fasterHalf = (values) => mean(sorted(values).slice(0, (values.length + 1) >> 1));

function shuffled(values) {
  const order = [...values];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Microseconds for one of `count` calls made in a row. */
async function batch(subject, count) {
  const start = performance.now();
  const promise = subject.run(count);
  if (promise !== undefined) await promise;
  return ((performance.now() - start) * 1000) / count;
}

/** The same when everybody has fallen asleep before each call. */
async function coldBatch(subject, count) {
  let total = 0;
  for (let i = 0; i < count; i++) {
    idle(2.5);
    total += await batch(subject, 1);
  }
  return total / count;
}

/**
 * Measures cases of the form `{ name, call, count, subjects, cold }`: batches of `count` calls of kind `call` by each
 * subject; if `cold`, everybody is asleep before each call. Takes `seconds` for all of them, a third of that to warm
 * up. Returns an array of results.
 */
export async function takeTurns(cases, seconds) {
  if (cases.length === 0) return [];
  const samples = cases.map((one) => new Map(one.subjects.map((subject) => [subject.name, []])));
  const start = performance.now(), spent = () => (performance.now() - start) / 1000;
  for (let round = 0; spent() < seconds || samples.some((one) => [...one.values()].some((s) => s.length < 5)); round++) {
    const isWarm = spent() > seconds / 3;
    for (const [i, one] of cases.entries()) {
      const take = one.cold ? coldBatch : batch;
      for (const subject of shuffled(one.subjects)) {
        subject.prepare(one.call);
        // Wakes whoever sleeps, and lets views be made.
        if (!one.cold) await subject.run(20);
        for (let n = 0; n < (one.cold ? 1 : 3); n++) {
          const value = await take(subject, one.count);
          if (isWarm) samples[i].get(subject.name).push(value);
        }
      }
    }
  }
  return cases.flatMap((one, i) =>
    [...samples[i]].map(([subject, values]) => ({
      case: one.name,
      subject,
      value: one.cold ? median(values) : fasterHalf(values),
      mean: mean(values),
      unit: "us",
      samples: values.length * one.count,
    })));
}
