//! Several tabs on one database, in a real browser: they write at the same time, and one of them
//! dies in the middle of a transaction that another one then has to roll back.
//!
//! The page, opfs-vfs's example `tabs`, offers a few functions in `window.tab`; the SQL is here.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::flags::BrowserKind;
use crate::server::{Server, Site};
use crate::tally::Tally;
use crate::wasm;
use crate::webdriver::{Browser, Tab};

/// For a page to be ready, or one of its functions to answer.
const ANSWER: Duration = Duration::from_secs(90);

/// What each of two writing tabs inserts, one transaction per row.
const ROWS: u64 = 100;

/// Rows of the table that a dying tab is changing: far more than its cache holds.
const LARGE: u64 = 500;

/// How a tab ends while it is in a transaction.
#[derive(Clone, Copy)]
enum Death {
    Closed,
    Reloaded,
}

type Scenario = fn(&World) -> Result<()>;

const SCENARIOS: &[(&str, Scenario)] = &[
    ("two tabs insert at the same time and no row is lost", |world| insert_together(world, "DELETE")),
    ("two tabs insert at the same time into a log and no row is lost", |world| insert_together(world, "WAL")),
    ("a tab is closed in a transaction on a log, one that had the database open goes on", log_is_recovered),
    ("a tab is closed in a transaction, one that had the database open rolls back", |world| {
        survivor_rolls_back(world, Death::Closed)
    }),
    ("a tab is reloaded in a transaction, one that had the database open rolls back", |world| {
        survivor_rolls_back(world, Death::Reloaded)
    }),
    ("a tab is closed in a transaction, one that comes later rolls back", newcomer_rolls_back),
    ("a tab that is hidden, or frozen, slows nobody", nobody_is_slowed),
];

/// Runs every scenario in `kind`, each with its own browser.
pub(crate) fn run(kind: BrowserKind) -> Result<Tally> {
    let folder = wasm::example("opfs-vfs", "tabs")?;
    let server = Server::start(Site { folder, ..Site::default() })?;
    let mut tally = Tally::default();
    for (name, scenario) in SCENARIOS {
        let start = Instant::now();
        let world = World { browser: Browser::start(kind)?, server: &server, calls: Cell::new(0) };
        let outcome = scenario(&world);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                println!("test {}: {name} ... ok ({seconds:.1} s)", kind.name());
                tally += Tally::PASSED;
            }
            Err(error) => {
                println!("test {}: {name} ... FAILED ({seconds:.1} s)", kind.name());
                println!("  {error:#}\n  console of the last tab:\n{}", world.browser.console());
                tally += Tally::FAILED;
            }
        }
    }
    Ok(tally)
}

fn insert_together(world: &World, mode: &str) -> Result<()> {
    let first = world.here()?;
    let second = world.another()?;
    for page in [&first, &second] {
        page.open("/tabs/rows.db")?;
    }
    first.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY AUTOINCREMENT, tab TEXT)")?;
    for page in [&first, &second] {
        let set = page.query(&format!("PRAGMA journal_mode = {mode}"))?;
        ensure!(set == json!([[mode.to_lowercase()]]), "the mode is {set}");
    }

    let insert = |tab: &str| json!([format!("INSERT INTO rows (tab) VALUES ('{tab}')"), ROWS]);
    let of_first = first.start("insertMany", &insert("first"))?;
    let of_second = second.start("insertMany", &insert("second"))?;
    first.finish("insertMany", of_first)?;
    second.finish("insertMany", of_second)?;

    for page in [&first, &second] {
        let counts = page.query("SELECT tab, count(*) FROM rows GROUP BY tab ORDER BY tab")?;
        let all = ROWS.to_string();
        ensure!(
            counts == json!([["first", all], ["second", all]]),
            "each tab inserted {ROWS} rows, the table has {counts}"
        );
        page.ensure_intact()?;
    }
    // Tabs that waited for each other to end would make this test prove nothing.
    let turns =
        first.query("SELECT count(*) FROM rows a JOIN rows b ON b.id = a.id + 1 WHERE a.tab <> b.tab")?;
    let turns: u64 = turns[0][0].as_str().unwrap_or_default().parse()?;
    println!("  the tabs took turns {turns} times");
    ensure!(turns > 2, "the tabs did not write at the same time: they took turns {turns} times");
    Ok(())
}

fn log_is_recovered(world: &World) -> Result<()> {
    let first = world.here()?;
    let survivor = world.another()?;
    let path = "/tabs/log.db";
    first.open(path)?;
    first.exec("PRAGMA journal_mode = WAL")?;
    fill(&first)?;
    survivor.open(path)?;
    ensure_old(&survivor)?;
    // Committed, and in the log only; then a transaction that spills into the log and never ends.
    first.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO large VALUES (9999, 'last')")?;
    first.exec(
        "PRAGMA cache_size = 2; BEGIN IMMEDIATE; UPDATE large SET text = 'new ' || hex(zeroblob(500))",
    )?;
    first.enter()?;
    world.browser.close_tab()?;
    let committed = survivor.query("SELECT count(*) FROM large WHERE id = 9999 AND text = 'last'")?;
    ensure!(committed == json!([["1"]]), "a commit of the dead tab is lost");
    survivor.exec("DELETE FROM large WHERE id = 9999")?;
    ensure_old(&survivor)?;
    survivor.ensure_intact()?;
    survivor.exec("PRAGMA wal_checkpoint(TRUNCATE); UPDATE large SET text = 'newer' WHERE id = 1")
}

fn survivor_rolls_back(world: &World, death: Death) -> Result<()> {
    let first = world.here()?;
    let survivor = world.another()?;
    let path = "/tabs/survivor.db";
    first.open(path)?;
    fill(&first)?;
    survivor.open(path)?;
    ensure_old(&survivor)?;
    change_without_commit(&first, path)?;

    survivor.exec("PRAGMA busy_timeout = 0")?;
    let barred = survivor.query("SELECT count(*) FROM large");
    ensure!(barred.is_err(), "pages were spilled, and another tab could read: {barred:?}");
    survivor.exec("PRAGMA busy_timeout = 20000")?;

    first.enter()?;
    match death {
        Death::Closed => world.browser.close_tab()?,
        Death::Reloaded => world.browser.refresh()?,
    }
    ensure_rolled_back(&survivor, path)
}

fn newcomer_rolls_back(world: &World) -> Result<()> {
    let first = world.here()?;
    let path = "/tabs/newcomer.db";
    first.open(path)?;
    fill(&first)?;
    change_without_commit(&first, path)?;

    let blank = world.browser.new_tab()?;
    first.enter()?;
    world.browser.close_tab()?;
    let newcomer = world.load(blank)?;
    newcomer.open(path)?;
    ensure_rolled_back(&newcomer, path)
}

/// A tab has done something last, and so keeps the database; then it is hidden, and in Chromium also frozen.
fn nobody_is_slowed(world: &World) -> Result<()> {
    let first = world.here()?;
    world.browser.run(
        "addEventListener('visibilitychange', () => { window.tabWasHidden ||= document.hidden })",
        &[],
    )?;
    let second = world.another()?;
    for (path, mode) in [("/tabs/away.db", "DELETE"), ("/tabs/away-log.db", "WAL")] {
        first.open(path)?;
        second.open(path)?;
        second.exec(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE rows (text)"))?;
        let insert = || -> Result<Duration> {
            let start = Instant::now();
            second.call("insertMany", &json!(["INSERT INTO rows VALUES ('second')", ROWS]))?;
            Ok(start.elapsed())
        };
        let alone = insert()?;
        let mut rows = ROWS;
        for frozen in [false, true] {
            if frozen && world.browser.kind() != BrowserKind::Chromium {
                continue;
            }
            first.exec("INSERT INTO rows VALUES ('first')")?;
            if frozen {
                // A browser takes minutes until it freezes a hidden tab; one second is enough.
                second.enter()?;
                thread::sleep(Duration::from_millis(1500));
                first.enter()?;
                world.browser.devtools("Page.setWebLifecycleState", &json!({ "state": "frozen" }))?;
            }
            // Were the database not handed over, this would wait in vain.
            let beside = insert()?;
            rows += 1 + ROWS;
            println!("  {mode}, frozen: {frozen}: {alone:.1?} alone, {beside:.1?} beside the other tab");
            ensure!(
                beside < 2 * alone + Duration::from_secs(1),
                "{ROWS} rows take {alone:?} alone, and {beside:?} beside a tab that does nothing (frozen: {frozen})"
            );
            first.enter()?;
            if frozen {
                world.browser.devtools("Page.setWebLifecycleState", &json!({ "state": "active" }))?;
            }
            let count = first.query("SELECT count(*) FROM rows")?;
            ensure!(
                count == json!([[rows.to_string()]]),
                "the table should have {rows} rows, it has {count}"
            );
            first.ensure_intact()?;
        }
    }
    first.enter()?;
    let hidden = world.browser.run("return !!window.tabWasHidden", &[])?;
    // Firefox without a screen hides no tab.
    ensure!(hidden == true || world.browser.kind() == BrowserKind::Firefox, "the first tab was never hidden");
    Ok(())
}

/// Makes a table whose every row says that it is old.
fn fill(page: &Page<'_>) -> Result<()> {
    page.exec(&format!(
        "CREATE TABLE large (id INTEGER PRIMARY KEY, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LARGE})
         INSERT INTO large SELECT i, 'old ' || hex(zeroblob(500)) FROM n"
    ))
}

/// Changes every row in a transaction that stays open, with so small a cache that changed pages go
/// to the database file before the commit, which needs a journal on disk.
fn change_without_commit(page: &Page<'_>, path: &str) -> Result<()> {
    page.exec(
        "PRAGMA cache_size = 2; BEGIN IMMEDIATE;
         UPDATE large SET text = 'new ' || hex(zeroblob(500))",
    )?;
    let size = journal_size(page, path)?;
    ensure!(size > 4096, "no pages were spilled: the journal has {size} bytes");
    Ok(())
}

fn ensure_rolled_back(page: &Page<'_>, path: &str) -> Result<()> {
    ensure_old(page)?;
    page.ensure_intact()?;
    let size = journal_size(page, path)?;
    ensure!(size == 0, "after the rollback {size} bytes of the journal are left");
    // And the database can be written to again.
    page.exec("UPDATE large SET text = 'newer' WHERE id = 1")
}

fn ensure_old(page: &Page<'_>) -> Result<()> {
    let counts = page.query("SELECT substr(text, 1, 3), count(*) FROM large GROUP BY 1")?;
    let expected = json!([["old", LARGE.to_string()]]);
    ensure!(counts == expected, "the table should have {expected}, it has {counts}");
    Ok(())
}

/// The bytes that the journal of `path` has in OPFS, 0 when there is none.
fn journal_size(page: &Page<'_>, path: &str) -> Result<u64> {
    let files = page.call("list", &json!([]))?;
    let files = files.as_array().context("tab.list gave no array")?;
    let journal = format!("{path}-journal");
    let found = files.iter().find(|file| file[0] == journal.as_str());
    Ok(found.and_then(|file| file[1].as_f64()).unwrap_or(0.0) as u64)
}

/// One browser on one server.
struct World<'a> {
    browser: Browser,
    server: &'a Server,
    calls: Cell<u64>,
}

impl World<'_> {
    /// The page in the tab that the browser began with.
    fn here(&self) -> Result<Page<'_>> {
        self.load(self.browser.current_tab()?)
    }

    /// The page in a new tab.
    fn another(&self) -> Result<Page<'_>> {
        self.load(self.browser.new_tab()?)
    }

    /// Loads the page in `tab` and waits until it is ready.
    fn load(&self, tab: Tab) -> Result<Page<'_>> {
        self.browser.switch(&tab)?;
        self.browser.goto(&self.server.url("/"))?;
        let end = Instant::now() + ANSWER;
        loop {
            let script = "return [!!window.tab, window.tabFailed ?? null]";
            let state = self.browser.run(script, &[])?;
            if let Some(reason) = state[1].as_str() {
                bail!("the page could not start: {reason}");
            }
            if state[0] == true {
                return Ok(Page { world: self, tab });
            }
            ensure!(Instant::now() < end, "the page was not ready within {} s", ANSWER.as_secs());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The page in one tab.
struct Page<'a> {
    world: &'a World<'a>,
    tab: Tab,
}

impl Page<'_> {
    /// Makes the browser's commands go to this tab.
    fn enter(&self) -> Result<()> {
        self.world.browser.switch(&self.tab)
    }

    fn open(&self, path: &str) -> Result<()> {
        self.call("open", &json!([path]))?;
        self.exec("PRAGMA busy_timeout = 20000")
    }

    fn exec(&self, sql: &str) -> Result<()> {
        self.call("exec", &json!([sql])).map(drop)
    }

    /// The rows, each an array of texts.
    fn query(&self, sql: &str) -> Result<Value> {
        self.call("query", &json!([sql]))
    }

    fn ensure_intact(&self) -> Result<()> {
        let verdict = self.query("PRAGMA integrity_check")?;
        ensure!(verdict == json!([["ok"]]), "the database is damaged: {verdict}");
        Ok(())
    }

    fn call(&self, function: &str, arguments: &Value) -> Result<Value> {
        let call = self.start(function, arguments)?;
        self.finish(function, call).with_context(|| format!("in {function}{arguments}"))
    }

    /// Calls a function of the page and does not wait for it, so that another tab may run as well.
    fn start(&self, function: &str, arguments: &Value) -> Result<u64> {
        let call = self.world.calls.get();
        self.world.calls.set(call + 1);
        self.enter()?;
        let script = "
            const [call, name, args] = arguments;
            const calls = (window.tabCalls ??= {});
            window.tab[name](...args).then(
                (value) => { calls[call] = { value: value ?? null }; },
                (error) => { calls[call] = { error: String(error?.message ?? error) }; });";
        self.world.browser.run(script, &[call.into(), function.into(), arguments.clone()])?;
        Ok(call)
    }

    /// Waits for what [`Page::start`] began.
    fn finish(&self, function: &str, call: u64) -> Result<Value> {
        self.enter()?;
        let end = Instant::now() + ANSWER;
        loop {
            let script = "return window.tabCalls?.[arguments[0]] ?? null";
            let mut state = self.world.browser.run(script, &[call.into()])?;
            if let Some(error) = state["error"].as_str() {
                bail!("tab.{function} failed: {error}");
            }
            if state.is_object() {
                return Ok(state["value"].take());
            }
            ensure!(Instant::now() < end, "tab.{function} did not answer within {} s", ANSWER.as_secs());
            thread::sleep(Duration::from_millis(10));
        }
    }
}
