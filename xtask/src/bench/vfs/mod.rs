//! The suite `vfs`: SQLite on files of a browser, over opfs-vfs and over what else there is.

mod chart;
mod docs;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::json;

use super::{
    Run, Suite,
    compare::{Bar, Comparison, Found, Limit, Record, bar, compare},
    is_wanted, npm,
    page::Page,
};
use crate::{
    flags::{BenchFlags, BrowserKind},
    project, shell, wasm,
    webdriver::Browser,
};

/// For one load of the page: many times what a quiet machine takes.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// What is measured, with a write-ahead log and with a rollback journal.
const OURS: &str = "opfs-vfs";
const OURS_DELETE: &str = "opfs-vfs-delete";

/// What one tab at a time can use.
const SINGLE: [&str; 3] = ["opfs-sahpool", "AccessHandlePoolVFS", "sqlite-wasm-vfs"];

/// The same with a write-ahead log.
const SINGLE_WAL: [&str; 3] = ["opfs-sahpool-wal", "AccessHandlePoolVFS-wal", "sqlite-wasm-vfs-wal"];

/// What several tabs can use at once.
const SHARED: [&str; 4] = ["opfs", "opfs-wl", "OPFSCoopSyncVFS", "OPFSWriteAheadVFS"];

/// Several tabs on one database; a case of one tab goes with each of them.
const TABS: [&str; 3] = ["tabs-2", "tabs-4", "tabs-8"];

/// With one tab before them.
const MANY: [&str; 4] = ["tabs-1", "tabs-2", "tabs-4", "tabs-8"];

/// The slowest of so many tabs.
const SLOWEST: [&str; 3] = ["tabs-2-slowest", "tabs-4-slowest", "tabs-8-slowest"];

/// How often somebody heard BUSY.
const BUSY: [&str; 4] = ["tabs-1-busy", "tabs-2-busy", "tabs-4-busy", "tabs-8-busy"];

/// As many as the last of them wants.
const MOST_TABS: u32 = 8;

/// All of it.
pub(super) fn suite() -> Suite {
    Suite {
        name: "vfs",
        comparisons: comparisons(),
        bars: bars(),
        measure,
        table: docs::print,
        doubts,
        write_docs: docs::write,
    }
}

fn measure(flags: &BenchFlags) -> Result<Vec<Run>> {
    let (folder, has_npm) = build()?;
    let page = Page::serve(folder)?;
    let mut runs = Vec::new();
    for &browser in &flags.browsers {
        runs.extend(in_browser(&page, browser, flags, has_npm)?);
    }
    Ok(runs)
}

/// Builds the page; returns its folder, and whether the peers from npm are there.
fn build() -> Result<(PathBuf, bool)> {
    let mut build = wasm::cargo("build")?;
    build.args(["--release", "--package", "benches", "--features", "vfs", "--example", "vfs"]);
    shell::run(&mut build)?;
    let module = project::target().join(crate::setup::WASM).join("release/examples/vfs.wasm");
    let folder = wasm::bind(&module, "vfs")?;
    let scripts = project::root().join("benches/web");
    wasm::copy_assets(&scripts, &folder)?;
    project::copy_folder(&scripts.join("vfs"), &folder.join("vfs"))?;
    let has_npm = npm::copy_sqlites(&folder)?;
    Ok((folder, has_npm))
}

/// Loads the page in `browser` again and again, with as many tabs beside it as the cases want.
fn in_browser(page: &Page, browser: BrowserKind, flags: &BenchFlags, has_npm: bool) -> Result<Vec<Run>> {
    let loads = if flags.quick { 1 } else { 3 };
    let driven = Browser::start(browser)?;
    let first = driven.current_tab()?;
    let tabs = if is_wanted(flags, &TABS) { MOST_TABS } else { 0 };
    for number in 1..=tabs {
        let tab = driven.new_tab()?;
        driven.switch(&tab)?;
        driven.goto(&page.url(&format!("/vfs/tab.html?number={number}")))?;
    }
    driven.switch(&first)?;
    let settings = json!({
        "suite": "./vfs/suite.js",
        "cases": flags.cases,
        "quick": flags.quick,
        "npm": has_npm,
        "tabs": tabs,
    });
    let mut runs = Vec::new();
    for number in 1..=loads {
        println!("{}: run {number} of {loads}", browser.name());
        runs.extend(page.run(&driven, &settings, DEADLINE)?);
    }
    Ok(runs)
}

fn comparisons() -> Vec<Comparison> {
    let all = ["write-flush", "memory", "none"].iter().chain(&SINGLE).chain(&SINGLE_WAL).chain(&SHARED);
    let rollback = SINGLE.iter().chain(&SHARED).map(|peer| compare(OURS_DELETE, peer));
    let mut comparisons: Vec<Comparison> =
        all.map(|reference| compare(OURS, reference)).chain(rollback).collect();
    for subject in [OURS].iter().chain(&SHARED) {
        let with = |reference, found| Comparison { subject, reference, found };
        comparisons.push(with("one-tab", Found::Case("tabs-1", &TABS)));
        for (all, slowest) in TABS.iter().zip(&SLOWEST) {
            comparisons.push(with("fair-share", Found::Case(all, std::slice::from_ref(slowest))));
        }
    }
    comparisons
}

fn bars() -> Vec<Bar> {
    let mut bars = vec![
        bar(OURS, "write-flush", &["autocommit"], Limit::Ratio(1.2)),
        bar(OURS, "memory", &["bulk"], Limit::Ratio(1.1)),
        // 0.7 of one tab's rate, and 0.8 of a fair share.
        bar(OURS, "one-tab", &["tabs-4"], Limit::Ratio(1.0 / 0.7)),
        bar(OURS, "none", &BUSY, Limit::Difference(0.0)),
        bar(OURS, "fair-share", &SLOWEST, Limit::Ratio(1.0 / 0.8)),
    ];
    for sahpool in ["opfs-sahpool", "sqlite-wasm-vfs"] {
        bars.push(bar(OURS, sahpool, &["random-read"], Limit::Ratio(0.75)));
        bars.push(bar(OURS, sahpool, &["scan", "speedtest"], Limit::Ratio(1.0)));
    }
    for peer in SINGLE.iter().chain(&SINGLE_WAL).chain(&SHARED) {
        bars.push(bar(OURS, peer, &["autocommit", "cold-open"], Limit::Ratio(1.0)));
    }
    for peer in SHARED {
        bars.push(bar(OURS, peer, &TABS, Limit::Ratio(0.5)));
    }
    bars
}

fn doubts(_: &Record) -> Option<String> {
    None
}
