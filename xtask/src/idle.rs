//! What waiting costs: the processor time of a whole browser with a page whose clients and servers have nothing to do,
//! against the same browser with a blank page.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::flags::BrowserKind;
use crate::server::{Server, Site};
use crate::tally::Tally;
use crate::webdriver::Browser;
use crate::{shell, wasm};

/// How long nothing happens while it is measured.
const SILENCE: Duration = Duration::from_secs(10);

/// A browser that uses less than this, in percent of one core, has tidied up after a page was loaded.
const QUIET: f64 = 1.0;

/// How long it is waited for that.
const SETTLING: Duration = Duration::from_secs(20);

/// How much of one core the pairs of the page may use together, in percent. There are four clients and two servers.
const LIMIT: f64 = 0.5;

/// How often it is measured at most: whatever else the browser does only ever adds to what it uses.
const TRIES: u32 = 6;

/// For the page to be ready.
const READY: Duration = Duration::from_secs(60);

/// Measures in `kind`.
pub(crate) fn run(kind: BrowserKind) -> Result<Tally> {
    if !cfg!(target_os = "linux") {
        println!("not measured: processor times are read from /proc, which Linux has");
        return Ok(Tally::default());
    }
    let folder = wasm::example("sabrpc", "idle")?;
    let server = Server::start(Site { folder, ..Site::default() })?;
    let browser = Browser::start(kind)?;
    let mut least = f64::INFINITY;
    for attempt in 1..=TRIES {
        browser.goto(&server.url("/?blank"))?;
        let blank = silence(&browser)?;
        browser.goto(&server.url("/"))?;
        await_page(&browser)?;
        let pairs = silence(&browser)?;
        println!(
            "  attempt {attempt}: {blank:.2} % of a core with a blank page, {pairs:.2} % with idle pairs"
        );
        // A blank page that did anything but nothing proves nothing.
        least = least.min(pairs - blank.min(QUIET));
        if least < LIMIT {
            println!("test {}: idle pairs cost {:.2} % of a core ... ok", kind.name(), least.max(0.0));
            return Ok(Tally::PASSED);
        }
    }
    println!("test {}: idle pairs cost {least:.2} % of a core ... FAILED", kind.name());
    println!("  {LIMIT} % are allowed; console:\n{}", browser.console());
    Ok(Tally::FAILED)
}

fn await_page(browser: &Browser) -> Result<()> {
    let end = Instant::now() + READY;
    loop {
        match browser.run("return window.idle ?? null", &[])?.as_str() {
            Some("yes") => return Ok(()),
            Some(why) => bail!("the page could not start: {why}"),
            None => ensure!(Instant::now() < end, "the page was not ready within {} s", READY.as_secs()),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// How much of a core the browser uses while nobody does anything, in percent.
fn silence(browser: &Browser) -> Result<f64> {
    let end = Instant::now() + SETTLING;
    thread::sleep(Duration::from_secs(1));
    while usage(browser, Duration::from_secs(2))? > QUIET && Instant::now() < end {}
    usage(browser, SILENCE)
}

/// How much of a core the browser uses for so long, in percent.
fn usage(browser: &Browser, time: Duration) -> Result<f64> {
    let (start, before) = (Instant::now(), processor_time(browser.process())?);
    thread::sleep(time);
    let used = processor_time(browser.process())?.saturating_sub(before);
    Ok(100.0 * used.as_secs_f64() / start.elapsed().as_secs_f64())
}

/// The processor time of `process` and all that it started, of as many as are alive.
fn processor_time(process: u32) -> Result<Duration> {
    let ticks = shell::family(process).into_iter().filter_map(ticks).sum::<u64>();
    let rate = shell::ask(std::process::Command::new("getconf").arg("CLK_TCK"));
    let rate: f64 = rate.context("getconf knows no CLK_TCK")?.parse()?;
    Ok(Duration::from_secs_f64(ticks as f64 / rate))
}

/// The ticks that one process spent in user and kernel mode; none when it has ended.
fn ticks(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the times are the 14th and 15th field, and it is the second.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_busy_child_is_seen() {
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while processor_time(own).unwrap() - before < Duration::from_millis(100) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let used = processor_time(own).unwrap() - before;
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(used >= Duration::from_millis(100), "{used:?}");
    }
}
