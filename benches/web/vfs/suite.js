// The suite `vfs`: SQLite on files of a browser. The page conducts: each subject has a worker of its own, they take turns,
// and whoever has no turn does nothing.

import { median, shuffled, takeTurns } from "/measure.js";
import { SUBJECTS, Subject } from "./subjects.js";
import { several } from "./tabs.js";

/** How often the samples of a case are taken: seconds for all of them, samples of each subject at least. */
const EFFORTS = {
  quick: { seconds: 2, fewest: 2, tabsMillis: 1000 },
  full: { seconds: 12, fewest: 5, tabsMillis: 3000 },
};

/** For how many milliseconds a sample should go on at most, where a case can do with fewer operations. */
const LONGEST = 200;

/** Groups of cases that are measured together, on one database. The first one's database is entered. */
const GROUPS = [
  [{ name: "autocommit", count: 100 }],
  [{ name: "bulk", count: 1, unit: "ms" }],
  [{ name: "random-read", count: 2000 }, { name: "scan", count: 1, unit: "ms" }],
  [{ name: "speedtest", count: 1, unit: "ms", isLong: true }],
];

/** Removes everything that an earlier load of this page left; its handles may take a moment to be free. */
async function wipe() {
  const root = await navigator.storage.getDirectory();
  for await (const name of root.keys()) {
    for (let tries = 0; ; tries++) {
      try {
        await root.removeEntry(name, { recursive: true });
        break;
      } catch (error) {
        if (tries === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

const result = (name, subject, values, unit, samples) => ({
  case: name,
  subject: subject.name,
  value: median(values),
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  unit,
  samples,
});

class Suite {
  constructor({ cases, quick, npm }) {
    this.wanted = (name) => cases.length === 0 || cases.includes(name);
    this.effort = quick ? EFFORTS.quick : EFFORTS.full;
    this.hasNpm = npm;
    this.groups = [];
    this.notes = new Set();
  }

  /** The subjects of a case, new ones. */
  subjects(name) {
    const takePart = ({ engine, only }) => (!only || only.includes(name)) && (this.hasNpm || ["rust", "raw"].includes(engine));
    return SUBJECTS.filter(takePart).map((description) => new Subject(description));
  }

  /** Says what is being done. */
  stage(text) {
    document.title = text;
  }

  /** Starts subjects and enters a case; returns those that could. */
  async ready(name, subjects) {
    const ready = [];
    for (const subject of subjects) {
      this.stage(`${name}: ${subject.name} is getting ready`);
      try {
        await subject.start();
        for (const difference of await subject.ask("enter", name)) this.notes.add(`${subject.name}: ${difference}`);
        ready.push(subject);
      } catch (error) {
        this.notes.add(`without ${error.message}`);
        subject.worker.terminate();
      }
    }
    return ready;
  }

  /** Measures a group of cases. */
  async group(cases) {
    cases = cases.filter(({ name }) => this.wanted(name));
    if (cases.length === 0) return;
    const [{ name }] = cases;
    const subjects = await this.ready(name, this.subjects(name));
    await this.findShares(cases, subjects);
    const take = (name) => (subject, count) => {
      this.stage(`${name}: ${subject.name}`);
      return subject.ask("sample", name, Math.ceil(count * subject.share));
    };
    // A long one warms up by itself.
    const { seconds, fewest } = cases[0].isLong ? { seconds: 0, fewest: 1 } : this.effort;
    const turns = cases.map((one) => ({ ...one, subjects, take: take(one.name), condense: median, fewest }));
    this.groups.push(await takeTurns(turns, seconds));
    if (name === "autocommit") this.groups.push(await this.flushes(subjects));
    for (const subject of subjects) await subject.stop();
  }

  /** Slow subjects do fewer operations for a sample, so that nobody waits for them. */
  async findShares([{ name, count }], subjects) {
    if (count === 1) return;
    for (const subject of subjects) {
      const micros = await subject.ask("sample", name, 5);
      subject.share = Math.min(1, Math.max(5, (LONGEST * 1000) / micros) / count);
    }
  }

  /** How often each flushes in a transaction. */
  async flushes(subjects) {
    const results = [];
    for (const subject of subjects) {
      const before = Atomics.load(subject.flushes, 0), count = 20;
      await subject.ask("sample", "autocommit", count);
      const flushes = (Atomics.load(subject.flushes, 0) - before) / count;
      results.push(result("flushes", subject, [flushes], "a commit", count));
    }
    return results;
  }

  /** A database that has rows is opened, and its first row is read: in a new worker, and in one that had it open before. */
  async opening() {
    const names = ["cold-open", "reopen"].filter(this.wanted);
    if (names.length === 0) return;
    const inFiles = this.subjects("cold-open").filter(({ vfs }) => vfs !== "memory" && vfs !== undefined);
    const subjects = await this.ready("random-read", inFiles);
    const samples = names.map(() => new Map(subjects.map(({ name }) => [name, []])));
    for (const subject of subjects) await subject.stop();
    for (let round = 0; round < this.effort.fewest; round++) {
      for (const subject of shuffled(subjects)) {
        this.stage(`cold-open: ${subject.name}`);
        const start = performance.now();
        await subject.start();
        await subject.ask("firstRow");
        const times = { "cold-open": performance.now() - start, "reopen": await subject.ask("reopen") };
        names.forEach((name, i) => samples[i].get(subject.name).push(times[name]));
        await subject.stop();
      }
    }
    this.groups.push(names.flatMap((name, i) => subjects.map((subject) => {
      const values = samples[i].get(subject.name);
      return result(name, subject, values, "ms", values.length);
    })));
  }

  /** Several tabs, of which there are so many, on one database. */
  async tabs(there) {
    const numbers = [2, 4, 8].filter((number) => number <= there && this.wanted(`tabs-${number}`));
    if (numbers.length === 0) return;
    const subjects = this.subjects("tabs").filter(({ tabs }) => tabs);
    // What one tab does alone is what the others are compared with.
    this.groups.push(await several(subjects, [1, ...numbers], this.effort.tabsMillis, this));
  }
}

/** Groups of results, and notes for people. */
export async function measure(settings) {
  await wipe();
  const suite = new Suite(settings);
  for (const cases of GROUPS) await suite.group(cases);
  await suite.opening();
  await suite.tabs(settings.tabs);
  return { groups: suite.groups, notes: [...suite.notes] };
}
