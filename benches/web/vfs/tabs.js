// Several tabs on one database. The driver has opened them; the page that measures tells them by messages what to do.

import { shuffled } from "/measure.js";

/** The longest that is waited for a tab; more than any busy timeout. */
const PATIENCE = 60_000;

const channel = new BroadcastChannel("tabs");
const waiting = new Map();
let asked = 0;

channel.onmessage = ({ data: { id, value, error } }) => {
  const { resolve, reject } = waiting.get(id) ?? {};
  waiting.delete(id);
  error === undefined ? resolve?.(value) : reject?.(new Error(error));
};

/** Has tab `to` do one of its methods. */
function ask(to, method, ...args) {
  return new Promise((resolve, reject) => {
    const id = ++asked;
    const late = () => reject(new Error(`tab ${to} has not answered '${method}' within ${PATIENCE / 1000} s`));
    const timer = setTimeout(late, PATIENCE);
    const settle = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
    channel.postMessage({ to, id, method, args });
  });
}

/** The value below which so much of all values lies; `values` are sorted. */
const quantile = (values, share) => values[Math.min(values.length - 1, Math.floor(values.length * share))];

/**
 * Measures the subjects with each of `numbers` of tabs, for `millis` each, in an order of chance; returns results.
 * A subject that fails is left out, with a note.
 */
export async function several(subjects, numbers, millis, { stage, notes }) {
  const results = [];
  for (const { name, description } of shuffled(subjects)) {
    let open = 0, committed = 0;
    try {
      for (const number of numbers) {
        stage(`tabs-${number}: ${name}`);
        while (open < number) await ask(++open, "start", description);
        const tabs = Array.from({ length: number }, (_, i) => i + 1);
        const begin = Date.now() + 50, end = begin + millis;
        const loops = await Promise.all(tabs.map((tab) => ask(tab, "ask", "loop", { begin, end })));
        committed += loops.reduce((sum, { committed }) => sum + committed, 0);
        results.push(...summary(name, number, loops, millis));
        const failure = loops.map(({ failure }) => failure).find(Boolean);
        if (failure) notes.add(`${name}, ${number} tabs: ${failure}`);
        const rows = Number(await ask(1, "ask", "first", "SELECT count(*) FROM entry"));
        if (rows !== committed) {
          notes.add(`${name}, ${number} tabs: ${committed} transactions were committed, and ${rows} of their rows are there`);
          committed = rows;
        }
        const verdict = await ask(1, "ask", "first", "PRAGMA quick_check");
        if (verdict !== "ok") notes.add(`${name}, ${number} tabs: the database is damaged: ${verdict}`);
      }
    } catch (error) {
      notes.add(`${name} has failed with several tabs: ${error.message}`);
    }
    for (let tab = 1; tab <= open; tab++) await ask(tab, "end").catch((error) => notes.add(`${name}: ${error.message}`));
  }
  return results;
}

/** What came of one round of loops. */
function summary(subject, number, loops, millis) {
  const counts = loops.map(({ times, reads }) => times.length + reads);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const times = loops.flatMap(({ times }) => times).sort((a, b) => a - b);
  const busy = loops.reduce((sum, { busy }) => sum + busy, 0);
  const one = (what, value, unit, samples) => ({ case: `tabs-${number}${what}`, subject, value, mean: value, unit, samples });
  const micros = millis * 1000;
  const results = [
    one("", micros / Math.max(total, 1), "us", total),
    // As if all tabs were as slow as the slowest.
    one("-slowest", micros / Math.max(Math.min(...counts) * number, 1), "us", total),
    one("-busy", busy, "errors", total),
    { ...one("-busy", 0, "errors", total), subject: "none" },
  ];
  // Some get no transaction done in the time.
  if (times.length > 0) {
    for (const [what, share] of [["-p50", 0.5], ["-p99", 0.99]]) {
      results.push(one(what, quantile(times, share), "ms", times.length));
    }
  }
  return results;
}
