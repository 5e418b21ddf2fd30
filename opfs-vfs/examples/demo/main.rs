//! The demo: SQLite over OPFS in a page, on real input.
//!
//! `cargo xtask demo` builds it, serves it and drives a headless browser through it; `cargo xtask demo --open` serves it
//! for a person. The stage `load` puts the input into a fresh database, the stage `persisted` finds it again after a
//! reload; without a stage in its address the page does whichever makes sense.
#![cfg(target_family = "wasm")]

mod console;
mod input;
mod page;
mod stages;

use opfs_vfs::InstallOptions;
use opfs_vfs::sql::{SqlOptions, SqlWorker};
use wasm_bindgen::prelude::*;

use page::Page;
use stages::{DATABASE, Failure, Outcome};

/// Runs the stage that the page's address names; called by the page, not at load, because workers load this module too.
#[wasm_bindgen]
pub async fn run() -> Result<(), JsValue> {
    let page = Page::new()?;
    std::panic::set_hook({
        let page = page.clone();
        Box::new(move |panic| failed(&page, "panic", &panic.to_string()))
    });
    let stage = stage_of(&page)?;
    match demo(&page, stage.as_deref()).await {
        Ok(Outcome { stage, report, rows }) => {
            page.state("ok", "done");
            page.done(stage, &report, Some(rows as f64), true);
        }
        Err(failure) => failed(&page, stage.as_deref().unwrap_or("start"), &failure.to_string()),
    }
    Ok(())
}

async fn demo(page: &Page, stage: Option<&str>) -> Result<Outcome, Failure> {
    page.state("running", "running");
    page.line("starting the SQLite worker, the I/O worker inside it, and the sanity check");
    let options = SqlOptions {
        install: InstallOptions { sanity_check: true, ..InstallOptions::default() },
        ..SqlOptions::default()
    };
    let worker = SqlWorker::start(&options).await?;
    page.line("the VFS is installed, and its sanity check passed");
    let there = worker.list().await?.iter().any(|file| file.path == DATABASE);
    let (database, outcome) = match stage {
        Some("load") => stages::load(page, &worker).await?,
        Some("persisted") => stages::persisted(page, &worker).await?,
        Some(other) => {
            return Err(Failure(format!("there is no stage {other:?}; use ?stage=load or ?stage=persisted")));
        }
        None if there => stages::persisted(page, &worker).await?,
        None => stages::load(page, &worker).await?,
    };
    console::open(page, worker, database);
    Ok(outcome)
}

fn failed(page: &Page, stage: &str, why: &str) {
    page.state("failed", "failed");
    page.failure(&format!("failed: {why}"));
    page.done(stage, why, None, false);
}

/// The stage in the page's address.
fn stage_of(page: &Page) -> Result<Option<String>, JsValue> {
    let search = page.window.location().search()?;
    Ok(web_sys::UrlSearchParams::new_with_str(&search)?.get("stage"))
}
