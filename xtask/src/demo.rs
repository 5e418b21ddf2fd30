//! `cargo xtask demo`: the whole path on real input. A page in a real browser loads a file into a
//! database in OPFS; another load of the page finds the rows there; the exported database is opened
//! by the stock SQLite library. Every count is compared with the driver's own count of the input.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::flags::{BrowserKind, DemoFlags};
use crate::server::{Document, Server, Site};
use crate::webdriver::Browser;
use crate::{project, setup, wasm};

/// What is loaded when no file is named.
const DEFAULT_INPUT: &str = "opfs-vfs/examples/demo/data/clock-changes.csv";

/// The table that the page fills.
const TABLE: &str = "input";

/// For the page to say something new: work on a large file shows progress well within it.
const SILENCE: Duration = Duration::from_secs(120);

/// For the page's script to begin; one that does not even load says nothing at all.
const BEGIN: Duration = Duration::from_secs(20);

/// For the page to hand over the database that it has already read.
const EXPORT: Duration = Duration::from_secs(60);

/// Runs the demo as `flags` say.
pub(crate) fn run(flags: &DemoFlags) -> Result<()> {
    let start = Instant::now();
    let input = flags.input.clone().unwrap_or_else(|| project::root().join(DEFAULT_INPUT));
    let bytes = fs::read(&input)
        .with_context(|| format!("{} can't be read; name a text or CSV file", input.display()))?;
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let rows = count_rows(&name, &bytes);
    println!("input: {} ({} bytes, {rows} rows)", input.display(), bytes.len());

    let folder = wasm::example("opfs-vfs", "demo")?;
    let document = Document { bytes, header: ("X-Input-Name", header_text(&name)) };
    let memory = HashMap::from([("/input", document)]);
    let server = Server::start(Site { folder, memory, ..Site::default() })?;
    if flags.open {
        println!("\nOpen {} in a browser. Ctrl-C ends the server.", server.url("/"));
        loop {
            thread::park();
        }
    }

    setup::browser(flags.browser)?;
    let prepared = start.elapsed();
    drive(flags, &server, rows)?;
    let whole = start.elapsed().as_secs_f64();
    let before = prepared.as_secs_f64();
    println!("\nthe demo went through in {whole:.1} s, {before:.1} s of it builds and setting up");
    Ok(())
}

fn drive(flags: &DemoFlags, server: &Server, rows: u64) -> Result<()> {
    let results = project::target().join("demo").join(flags.browser.name());
    fs::create_dir_all(&results)?;
    let browser = Browser::start(flags.browser)?;

    println!("\nloading the page");
    browser.goto(&server.url("/?stage=load"))?;
    await_stage(&browser, "load", rows, &results)?;
    if let Some(file) = &flags.screenshot {
        browser.screenshot(file)?;
        println!("a picture of the page is in {}", file.display());
    }

    println!("\nloading the page again: nothing is left of the first but its files in OPFS");
    browser.goto(&server.url("/?stage=persisted"))?;
    await_stage(&browser, "persisted", rows, &results)?;

    let database = results.join("demo.db");
    fs::write(&database, server.posted("/export", EXPORT)?)?;
    println!("\nthe page exported its database: {}", database.display());
    check_export(&database, rows)
}

/// Waits until the page says that `stage` is over, and prints what it says on the way.
fn await_stage(browser: &Browser, stage: &str, rows: u64, results: &Path) -> Result<()> {
    let mut printed = 0;
    let mut heard = Instant::now();
    loop {
        let state = browser.run(
            "const demo = window.demo ?? {}; \
             return { lines: (demo.lines ?? []).slice(arguments[0]), done: demo.done ?? null };",
            &[printed.into()],
        )?;
        for line in state["lines"].as_array().into_iter().flatten() {
            println!("  {}", line.as_str().unwrap_or_default());
            printed += 1;
            heard = Instant::now();
        }
        let done = &state["done"];
        if done["stage"] == stage {
            for line in done["report"].as_str().unwrap_or_default().lines() {
                println!("  {line}");
            }
            if done["ok"] != true {
                return Err(failure(browser, results, "the page says that it failed"));
            }
            let counted = &done["rows"];
            ensure!(
                counted.as_f64() == Some(rows as f64),
                "the page counted {counted} rows in stage {stage}, the input has {rows}"
            );
            return Ok(());
        }
        if printed == 0 && heard.elapsed() > BEGIN {
            return Err(failure(browser, results, "the page's script has not begun"));
        }
        if heard.elapsed() > SILENCE {
            return Err(failure(browser, results, "the page has said nothing new for two minutes"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// An error with what helps to find its reason: the console, and a picture.
fn failure(browser: &Browser, results: &Path, what: &str) -> anyhow::Error {
    let picture = results.join("failure.png");
    let seen = match browser.screenshot(&picture) {
        Ok(()) => format!("a picture of the page is in {}", picture.display()),
        Err(error) => format!("no picture of the page could be taken: {error:#}"),
    };
    let name = browser.kind().name();
    anyhow::anyhow!("{what}, in {name}; {seen}; its console:\n{}", browser.console())
}

/// Opens the exported file as any other program would.
fn check_export(file: &PathBuf, rows: u64) -> Result<()> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    println!("SQLite {}: PRAGMA integrity_check says {verdict}", rusqlite::version());
    ensure!(verdict == "ok", "the exported database is damaged: {verdict}");
    let query = format!("SELECT count(*) FROM {TABLE}");
    let count: i64 = database.query_row(&query, [], |row| row.get(0))?;
    println!("SQLite {}: {query} says {count}", rusqlite::version());
    ensure!(u64::try_from(count) == Ok(rows), "the input has {rows} rows, the export {count}");
    Ok(())
}

/// How many rows `bytes` have: the records after the heading of a CSV or TSV file (RFC 4180: a
/// quoted field may hold line ends; empty lines are no records), or the lines of any other text.
fn count_rows(name: &str, bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let separator = match name.to_ascii_lowercase().rsplit_once('.') {
        Some((_, "csv")) => ',',
        Some((_, "tsv")) => '\t',
        _ => return text.lines().count() as u64,
    };
    let (mut records, mut quoted) = (0_u64, false);
    // A quote opens a quoted field only where a field begins; elsewhere it is a character.
    let (mut record_is_empty, mut field_is_empty) = (true, true);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted => quoted = characters.next_if_eq(&'"').is_some(),
            '"' if field_is_empty => quoted = true,
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                records += u64::from(!record_is_empty);
                (record_is_empty, field_is_empty) = (true, true);
            }
            other => {
                record_is_empty = false;
                field_is_empty = !quoted && other == separator;
            }
        }
    }
    records += u64::from(!record_is_empty);
    records.saturating_sub(1)
}

/// A file's name as a header may carry it.
fn header_text(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect()
}

/// The demo with its default input, as a test.
pub(crate) fn check(browser: BrowserKind) -> Result<()> {
    run(&DemoFlags { input: None, browser, open: false, screenshot: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_table_are_its_records_without_the_heading() {
        assert_eq!(count_rows("a.csv", b"a,b\n1,2\n3,4\n"), 2);
        assert_eq!(count_rows("a.CSV", b"a,b\r\n1,2\r\n\r\n3,4"), 2);
        assert_eq!(count_rows("a.csv", b"a,b\n1,\"two\nlines, and a \"\"quote\"\"\"\n"), 1);
        assert_eq!(count_rows("a.csv", b"a,b\n6\" pipe,1\n5\" pipe,2\n"), 2);
        assert_eq!(count_rows("a.tsv", b"a\tb\nx,\"y\t\"1\n2\"\n"), 1);
        assert_eq!(count_rows("a.csv", b""), 0);
    }

    #[test]
    fn rows_of_a_text_are_its_lines() {
        assert_eq!(count_rows("a.txt", b"one\n\nthree"), 3);
        assert_eq!(count_rows("a.txt", b"one\n"), 1);
        assert_eq!(count_rows("a.txt", b"caf\xe9\n"), 1);
    }

    #[test]
    fn an_export_with_other_rows_or_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        let database = Connection::open(&file).unwrap();
        database.execute_batch("CREATE TABLE input(x); INSERT INTO input VALUES (1), (2)").unwrap();
        drop(database);
        assert!(check_export(&file, 2).is_ok());
        assert!(check_export(&file, 3).is_err());
        fs::write(&file, b"not a database, only some bytes of text").unwrap();
        assert!(check_export(&file, 2).is_err());
    }
}
