//! The runner of wasm test binaries: what cargo starts, by `.cargo/config.toml`, for each of them.
//!
//! It is wasm-bindgen's own runner, linked in, so that its version is the crates' version. It takes
//! its settings from the environment only, so this program prepares them and starts itself again.

use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::flags::BrowserKind;
use crate::{project, setup};

/// Names the browser that wasm tests run in.
pub(crate) const BROWSER: &str = "XTASK_BROWSER";

/// Where the runner's server listens, and the browser visits it.
const ADDRESS: &str = "WASM_BINDGEN_TEST_ADDRESS";

/// Set for the second start, in which the settings are in place.
const PREPARED: &str = "XTASK_RUNNER_PREPARED";

/// Chromium's switches in a test: no window, no services of its own, and no sandbox only where it
/// can't have one.
pub(crate) fn chromium_switches() -> Vec<&'static str> {
    vec![
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
}

/// Runs the test binary that `arguments` begin with.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    if std::env::var_os(PREPARED).is_some() {
        if let Ok(address) = std::env::var(ADDRESS) {
            thread::spawn(move || knock(&address));
        }
        let name = OsString::from("wasm-test-runner");
        return wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(
            std::iter::once(&name).chain(arguments),
        );
    }
    let kind = match std::env::var(BROWSER) {
        Ok(name) => name.parse().with_context(|| format!("{BROWSER} is wrong"))?,
        Err(_) => BrowserKind::Chromium,
    };
    let browser = setup::find(kind)?;
    let (driver, other) = match kind {
        BrowserKind::Chromium => ("CHROMEDRIVER", "GECKODRIVER"),
        BrowserKind::Firefox => ("GECKODRIVER", "CHROMEDRIVER"),
    };
    let address = match std::env::var(ADDRESS) {
        Ok(address) => address,
        // Nobody else takes the port so soon after.
        Err(_) => TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string(),
    };
    let status = Command::new(std::env::current_exe()?)
        .arg("wasm-test-runner")
        .args(arguments)
        .env(PREPARED, "1")
        .env(ADDRESS, address)
        .env(driver, &browser.driver)
        .env_remove(other)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(&browser)?)
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
        .env("WASM_BINDGEN_TEST_TIMEOUT", timeout())
        .status()?;
    if !status.success() {
        bail!("the tests of {} failed in {}", binary(arguments), kind.name());
    }
    Ok(())
}

/// Connects to the runner's server once a second, and hangs up.
///
/// The server has a thread for each connection, but when two come at once it may count on one idle thread for both
/// (`TaskPool::spawn` of tiny_http 0.12). The other's request then waits until a connection ends, which browsers do not do: a
/// script never comes, and so no test begins, or no worker of one. A connection that ends at once frees a thread for it.
fn knock(address: &str) {
    loop {
        thread::sleep(Duration::from_secs(1));
        // It is refused before the server listens.
        drop(TcpStream::connect(address));
    }
}

/// Seconds that one test binary may take: the caller's word, else ample for a loaded machine.
fn timeout() -> OsString {
    std::env::var_os("WASM_BINDGEN_TEST_TIMEOUT").unwrap_or_else(|| "300".into())
}

fn binary(arguments: &[OsString]) -> String {
    let path = arguments.first().map(PathBuf::from).unwrap_or_default();
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Writes the browser's settings where the runner reads them.
fn capabilities(browser: &setup::Browser) -> Result<PathBuf> {
    let settings = match browser.kind {
        BrowserKind::Chromium => json!({
            "goog:chromeOptions": { "binary": browser.program, "args": chromium_switches() }
        }),
        BrowserKind::Firefox => json!({ "moz:firefoxOptions": { "binary": browser.program } }),
    };
    let folder = project::browser_files();
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}.json", browser.kind.name()));
    fs::write(&file, settings.to_string())?;
    Ok(file)
}
