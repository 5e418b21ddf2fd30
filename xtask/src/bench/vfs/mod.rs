//! The suite `vfs`: SQLite on files of a browser, over opfs-vfs and over what else there is.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::json;

use super::{
    Run, Suite,
    compare::{Bar, Comparison, Limit, Record, bar, compare},
    npm,
    page::Page,
};
use crate::{
    flags::{BenchFlags, BrowserKind},
    project, shell, wasm,
    webdriver::Browser,
};

/// For one load of the page: many times what a quiet machine takes.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// What one tab at a time can use.
const SINGLE: [&str; 3] = ["opfs-sahpool", "AccessHandlePoolVFS", "sqlite-wasm-vfs"];

/// The same with a write-ahead log.
const SINGLE_WAL: [&str; 3] = ["opfs-sahpool-wal", "AccessHandlePoolVFS-wal", "sqlite-wasm-vfs-wal"];

/// What several tabs can use at once.
const SHARED: [&str; 4] = ["opfs", "opfs-wl", "OPFSCoopSyncVFS", "OPFSWriteAheadVFS"];

/// All of it.
pub(super) fn suite() -> Suite {
    Suite { name: "vfs", comparisons: comparisons(), bars: bars(), measure, doubts, write_docs }
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

/// Loads the page in `browser` again and again.
fn in_browser(page: &Page, browser: BrowserKind, flags: &BenchFlags, has_npm: bool) -> Result<Vec<Run>> {
    let loads = if flags.quick { 1 } else { 3 };
    let driven = Browser::start(browser)?;
    let settings = json!({
        "suite": "./vfs/suite.js",
        "cases": flags.cases,
        "quick": flags.quick,
        "npm": has_npm,
    });
    let mut runs = Vec::new();
    for number in 1..=loads {
        println!("{}: run {number} of {loads}", browser.name());
        runs.extend(page.run(&driven, &settings, DEADLINE)?);
    }
    Ok(runs)
}

fn comparisons() -> Vec<Comparison> {
    let all = ["write-flush", "memory"].iter().chain(&SINGLE).chain(&SINGLE_WAL).chain(&SHARED);
    let rollback =
        ["opfs-vfs-delete"].iter().flat_map(|ours| SINGLE.iter().chain(&SHARED).map(|peer| (*ours, *peer)));
    all.map(|reference| compare("opfs-vfs", reference))
        .chain(rollback.map(|(ours, peer)| compare(ours, peer)))
        .collect()
}

fn bars() -> Vec<Bar> {
    let mut bars = vec![
        bar("opfs-vfs", "write-flush", &["autocommit"], Limit::Ratio(1.2)),
        bar("opfs-vfs", "memory", &["bulk"], Limit::Ratio(1.1)),
    ];
    for sahpool in ["opfs-sahpool", "sqlite-wasm-vfs"] {
        bars.push(bar("opfs-vfs", sahpool, &["random-read"], Limit::Ratio(0.75)));
        bars.push(bar("opfs-vfs", sahpool, &["scan", "speedtest"], Limit::Ratio(1.0)));
    }
    for peer in SINGLE.iter().chain(&SINGLE_WAL).chain(&SHARED) {
        bars.push(bar("opfs-vfs", peer, &["autocommit", "cold-open"], Limit::Ratio(1.0)));
    }
    bars
}

fn doubts(_: &Record) -> Option<String> {
    None
}

fn write_docs(_: &[Record]) -> Result<()> {
    Ok(())
}
