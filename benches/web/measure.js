// How times are taken. Subjects of a case take turns in an order that is shuffled in every round, so that whatever
// disturbs the machine disturbs all of them. A sample is the mean of a batch of calls, as the clock is coarser than a
// call (5 us in Chromium, 20 us in Firefox). The result for hot calls is the mean of the fastest quarter of the
// samples: something else ran during the slowest ones, and a quantile would move in the clock's steps. Where being slow is the
// point it is the median (cold calls, several callers) or the mean of all (under a hog).

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this worker for so many milliseconds, without using its core. */
export const idle = (millis) => Atomics.wait(asleep, 0, 0, millis);

const sorted = (values) => [...values].sort((a, b) => a - b);
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
export const median = (values) => sorted(values)[values.length >> 1];
const fastestQuarter = (values) => mean(sorted(values).slice(0, Math.ceil(values.length / 4)));

/** Samples that a result needs at least, however slow the machine is, unless the case says otherwise. */
const FEWEST = 5;

/** The same values in an order of chance. */
export function shuffled(values) {
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
export async function coldBatch(subject, count) {
  let total = 0;
  for (let i = 0; i < count; i++) {
    idle(2.5);
    total += await batch(subject, 1);
  }
  return total / count;
}

/**
 * Measures cases of the form `{ name, call, count, subjects }`: batches of `count` calls of the kind `call` by each
 * subject. A case may `take` its samples and `condense` them in another way, be content with `fewest` of them, and have
 * another `unit` than microseconds. All together take `seconds`, a third of that
 * to warm up. Returns an array of results.
 */
export async function takeTurns(cases, seconds) {
  const samples = cases.map((one) => new Map(one.subjects.map((subject) => [subject, []])));
  const start = performance.now(), spent = () => (performance.now() - start) / 1000;
  const hasEnough = ({ fewest = FEWEST }, i) => [...samples[i].values()].every((values) => values.length >= fewest);
  const isEnough = () => cases.every(hasEnough);
  while (spent() < seconds || !isEnough()) {
    const isWarm = spent() > seconds / 3;
    for (const [i, one] of cases.entries()) {
      for (const subject of shuffled(one.subjects)) {
        const values = await visit(one, subject);
        if (isWarm) samples[i].get(subject).push(...values);
      }
    }
  }
  return cases.flatMap((one, i) =>
    [...samples[i]].map(([{ name, share = 1 }, values]) => ({
      case: one.name,
      subject: name,
      value: (one.condense ?? fastestQuarter)(values),
      mean: mean(values),
      unit: one.unit ?? "us",
      samples: values.length * Math.ceil(one.count * share),
    })));
}

/** Some samples of one subject in one case. */
async function visit({ call, count, take }, subject) {
  subject.prepare(call);
  if (take) return [await take(subject, count)];
  const values = [];
  // Wakes whoever sleeps, and lets views be made.
  await subject.run(Math.ceil(20 * (subject.share ?? 1)));
  for (let i = 0; i < 3; i++) values.push(await batch(subject, Math.ceil(count * (subject.share ?? 1))));
  return values;
}
