//! The services that sabrpc ships to be copied (`sabrpc/examples/services`), each on its page in a real browser: what the
//! server was sent, what is in the database after a reload, what the page shows, and how errors come back.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use crate::flags::BrowserKind;
use crate::server::{Document, Server, Site};
use crate::tally::Tally;
use crate::webdriver::Browser;
use crate::{project, setup, shell, wasm};

/// For a page to do what it was asked for, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs every page in `kind`.
pub(crate) fn run(kind: BrowserKind) -> Result<Tally> {
    let (folder, text) = (build()?, large_text());
    let document =
        Document { bytes: text.clone().into_bytes(), header: ("Content-Type", "text/plain".into()) };
    let memory = HashMap::from([("/large.txt", document)]);
    let server = Server::start(Site { folder, memory, ..Site::default() })?;
    let browser = Browser::start(kind)?;
    let page = Page { browser: &browser, server: &server };
    let mut tally = Tally::default();
    for (name, test) in [
        ("fetch", fetch as fn(&Page<'_>, &str) -> Result<()>),
        ("store", |page, _| store(page)),
        ("dom", dom),
        ("timers", |page, _| timers(page)),
    ] {
        let outcome = test(&page, &text);
        println!("test {}: {name} ... {}", kind.name(), if outcome.is_ok() { "ok" } else { "FAILED" });
        if let Err(error) = &outcome {
            println!("  {error:#}; the page's console:\n{}", browser.console());
        }
        tally += if outcome.is_ok() { Tally::PASSED } else { Tally::FAILED };
    }
    Ok(tally)
}

/// Serves the pages for a person.
pub(crate) fn serve() -> Result<()> {
    let server = Server::start(Site { folder: build()?, ..Site::default() })?;
    println!("\nOpen {} in a browser. Ctrl-C ends the server.", server.url("/"));
    loop {
        thread::park();
    }
}

/// Builds the services and returns the folder to serve.
fn build() -> Result<PathBuf> {
    shell::run(wasm::cargo("build")?.args(["--package", "services"]))?;
    let module = project::target().join(setup::WASM).join("debug/services.wasm");
    let folder = project::target().join("web/services");
    wasm::write_bindings(&module, "services", Bindgen::new().web(true)?, &folder)?;
    wasm::copy_assets(&project::root().join("sabrpc/examples/services/web"), &folder)?;
    Ok(folder)
}

/// A text that comes in many pieces: more than half a megabyte.
fn large_text() -> String {
    (0..9000).map(|line| format!("Line {line}: {}\n", "straße ".repeat(line % 17))).collect()
}

fn fetch(page: &Page<'_>, text: &str) -> Result<()> {
    page.open("/fetch.html")?;
    page.ready()?;
    page.set("#url", "/large.txt")?;
    let longest = text.lines().map(|line| line.trim_end().chars().count()).max();
    let (lines, bytes) = (text.lines().count(), text.len());
    let expected = format!("{lines} lines, {bytes} bytes; the longest line is “");
    let (said, _) = page.press("#count")?;
    ensure!(said.starts_with(&expected), "counted: {said}; expected: {expected}");
    let named = said[expected.len()..].trim_end_matches('”').chars().count();
    ensure!(Some(named) == longest, "the longest line has {longest:?} characters: {said}");

    page.set("#url", "/log")?;
    page.set("#text", text)?;
    let (said, error) = page.press("#post")?;
    ensure!(error.is_empty(), "posting failed: {said} {error}");
    let posted = page.server.posted("/log", PATIENCE)?;
    ensure!(posted == text.as_bytes(), "the server got {} bytes, and not those", posted.len());

    page.set("#url", "/no-such-file")?;
    page.fails("#count", "Service(Status(404))")?;
    page.fails("#post", "Service(Status(404))")?;
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    page.set("#url", &format!("http://{nobody}/"))?;
    page.fails("#count", "Service(NoAnswer(")?;
    // And the service goes on.
    page.set("#url", "/page.js")?;
    let (said, _) = page.press("#count")?;
    ensure!(said.contains(" lines, "), "after the errors: {said}");
    Ok(())
}

fn store(page: &Page<'_>) -> Result<()> {
    page.open("/store.html")?;
    ensure!(page.ready()? == "this is the first visit", "a new profile has been here before");
    page.set("#text", "Milk, and tea: 茶")?;
    page.press("#keep")?;
    page.browser.refresh()?;
    ensure!(page.ready()? == "this is visit number 2", "the first visit is forgotten");
    page.shows("#notes", "shoppingMilk, and tea: 茶")?;
    // What any other program finds in the browser's database.
    let stored = page.browser.run(
        "return new Promise((resolve, reject) => {
            const open = indexedDB.open('notes');
            open.onerror = () => reject(open.error);
            open.onsuccess = () => {
                const get = open.result.transaction('values').objectStore('values').get('note/shopping');
                get.onsuccess = () => { open.result.close(); resolve(new TextDecoder().decode(get.result)); };
                get.onerror = () => reject(get.error);
            };
        })",
        &[],
    )?;
    ensure!(stored == "Milk, and tea: 茶", "the database has {stored}");
    page.press("#remove")?;
    page.shows("#notes", "")?;
    page.browser.refresh()?;
    ensure!(page.ready()? == "this is visit number 3", "the second visit is forgotten");
    page.shows("#notes", "")?;
    // Whoever deletes the database need not wait for us, and we are told.
    page.browser.run(
        "return new Promise((resolve, reject) => {
            const gone = indexedDB.deleteDatabase('notes');
            gone.onsuccess = () => resolve(); gone.onerror = () => reject(gone.error);
        })",
        &[],
    )?;
    page.fails("#keep", "Service(Closed)")
}

fn dom(page: &Page<'_>, text: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("words.txt");
    fs::write(&file, text)?;
    let browser = page.browser;
    page.open("/dom.html")?;
    page.shows("#state", "not started")?;
    let start = |name: &str| -> Result<()> {
        page.wait("return document.querySelector('#start').disabled", &[], |disabled| disabled == false)?;
        browser.click("#start")?;
        page.shows("dialog span", "What is your name?")?;
        browser.type_into("dialog input", name)
    };
    start("Ada Lovelace")?;
    browser.click("dialog button[value=done]")?;
    page.shows("#greeting", "Good day, Ada Lovelace")?;
    page.shows("#state", "the program waits for a file")?;
    page.shows("dialog span", "A text file, please: the program counts its words")?;
    browser.type_into("dialog input", &file.to_string_lossy())?;
    browser.click("dialog button[value=done]")?;
    page.shows("#state", "the program has ended")?;
    let words = text.split_whitespace().count();
    page.shows("#words", &format!("words.txt: {words} words, {} bytes", text.len()))?;

    start("nobody")?;
    browser.click("dialog button[formnovalidate]")?;
    page.shows("#state", "the program gave up: the user cancelled")?;
    page.shows("#error", "Service(Cancelled)")?;
    page.shows("#greeting", "")?;

    start("Grace")?;
    browser.click("dialog button[value=done]")?;
    page.shows("dialog span", "A text file, please: the program counts its words")?;
    // The key Escape, in WebDriver's numbering.
    browser.type_into("dialog button[value=done]", "\u{e00c}")?;
    page.shows("#error", "Service(Cancelled)")?;
    page.shows("#greeting", "Good day, Grace")
}

fn timers(page: &Page<'_>) -> Result<()> {
    page.open("/timers.html")?;
    page.ready()?;
    let numbers = |said: &str| -> Vec<u64> {
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    };
    page.set("#millis", "300")?;
    let start = Instant::now();
    let (said, _) = page.press("#nap")?;
    let took = start.elapsed().as_millis() as u64;
    // Browsers' clocks count whole milliseconds.
    ensure!(matches!(numbers(&said)[..], [300, got] if (299..took).contains(&got)), "{said}, in {took} ms");

    page.set("#millis", "20")?;
    let (said, _) = page.press("#ticks")?;
    ensure!(
        matches!(numbers(&said)[..], [10, 20, ticks, ms] if ticks >= 10 && ms >= 20 * ticks - 1 && ms < 20 * ticks + 20_000),
        "{said}"
    );
    page.set("#millis", "400")?;
    page.fails("#within", "TimedOut(100ms)")?;
    page.set("#millis", "0")?;
    page.fails("#ticks", "Service(TooShort(0ns))")
}

/// A page under test.
struct Page<'a> {
    browser: &'a Browser,
    server: &'a Server,
}

impl Page<'_> {
    fn open(&self, path: &str) -> Result<()> {
        self.browser.goto(&self.server.url(path))
    }

    /// Waits for the first line of the log, and returns it.
    fn ready(&self) -> Result<String> {
        let (said, error) = self.line(1)?;
        ensure!(error.is_empty(), "the page does not start: {said} {error}");
        Ok(said)
    }

    /// Fills in a field.
    fn set(&self, field: &str, value: &str) -> Result<()> {
        let script = "document.querySelector(arguments[0]).value = arguments[1]";
        self.browser.run(script, &[field.into(), value.into()]).map(drop)
    }

    /// Presses a button, and returns what the log then says, and the error if it is one.
    fn press(&self, button: &str) -> Result<(String, String)> {
        let lines = self.browser.run("return document.querySelectorAll('#log li').length", &[])?;
        self.browser.click(button)?;
        self.line(lines.as_u64().context("the page has no log")? + 1)
    }

    /// Presses a button, and sees that it comes to this error.
    fn fails(&self, button: &str, expected: &str) -> Result<()> {
        let (said, error) = self.press(button)?;
        ensure!(error.starts_with(expected), "{button}: '{said}' with '{error}', expected {expected}");
        Ok(())
    }

    /// Waits until the log has so many lines, and returns the newest: its text, and the error that is with it.
    fn line(&self, count: u64) -> Result<(String, String)> {
        let script = "const lines = document.querySelectorAll('#log li'); \
            return lines.length < arguments[0] || document.querySelector('button:disabled') ? null : \
                [lines[0].firstChild.textContent, lines[0].querySelector('code')?.textContent ?? '']";
        let line = self.wait(script, &[count.into()], |line| !line.is_null());
        let line = line.with_context(|| format!("no line {count} in the log"))?;
        let text = |index: usize| line[index].as_str().unwrap_or_default().to_owned();
        Ok((text(0), text(1)))
    }

    /// Waits until an element shows this text.
    fn shows(&self, selector: &str, text: &str) -> Result<()> {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null";
        self.wait(script, &[selector.into()], |shown| shown == text)
            .with_context(|| format!("{selector} should show '{text}'"))
            .map(drop)
    }

    fn wait(&self, script: &str, arguments: &[Value], enough: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.browser.run(script, arguments)?;
            if enough(&value) {
                return Ok(value);
            }
            if Instant::now() > end {
                let all = self.browser.run("return document.body.innerText", &[])?;
                bail!("it is still {value} after {} s; the page says {all}", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
