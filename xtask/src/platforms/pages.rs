//! Loading the example's pages in a browser, under the headers that they are served with.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::node::Node;
use crate::server::{Document, Server, Site};
use crate::shell;
use crate::webdriver::Browser;

/// All that sabrpc asks of a page's policy.
pub(super) const STRICT: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";

/// The same for a page that trunk has written a script into.
pub(super) const STRICT_WITH_NONCE: &str =
    "default-src 'self'; script-src 'self' 'nonce-once' 'wasm-unsafe-eval'; worker-src 'self'";

/// Too little: no wasm may be compiled.
pub(super) const TOO_STRICT: &str = "default-src 'self'; script-src 'self'; worker-src 'self'";

/// The same with another mistake.
pub(super) const NO_WORKERS: &str =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'";

/// For a page to come to its end, on a loaded machine.
const END: Duration = Duration::from_secs(60);

/// What the page says when all went well.
pub(super) const OK: &str = "ok: 100 blocking calls by helper and js,";

/// What it says when its workers cannot be started from a bundle.
pub(super) const BUNDLED: &str =
    "failed: Error: worker 'caller_worker' failed to start: Error: a bundler has moved this module";

/// What it says when the browser does not let it have a worker's script.
pub(super) const NOT_LOADED: &str =
    "failed: Error: worker 'caller_worker' failed to start: its script could not be loaded";

/// A page to load.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) policy: &'static str,
    /// What it has to say, or begin with.
    pub(super) says: &'static str,
}

/// Loads `page` and compares what it says.
pub(super) fn load(browser: &Browser, page: &Page) -> Result<()> {
    let headers = vec![("Content-Security-Policy", page.policy)];
    let server =
        Server::start(Site { folder: page.folder.clone(), memory: with_nonce(&page.folder)?, headers })?;
    await_output(browser, &server.url("/"), page.says)
}

/// Trunk leaves it to servers to put in a nonce, a new one for every answer.
fn with_nonce(folder: &Path) -> Result<HashMap<&'static str, Document>> {
    let page = fs::read_to_string(folder.join("index.html"))?;
    if !page.contains("{{__TRUNK NONCE__}}") {
        return Ok(HashMap::new());
    }
    let bytes = page.replace("{{__TRUNK NONCE__}}", "once").into_bytes();
    Ok(HashMap::from([("/", Document { bytes, header: ("Content-Type", "text/html".into()) })]))
}

/// Loads a page whose scripts and module come from another origin than the page itself.
pub(super) fn load_from_elsewhere(browser: &Browser, folder: &Path) -> Result<()> {
    // To a browser another host is another origin, whatever it resolves to.
    let scripts = Server::start(Site {
        folder: folder.to_owned(),
        headers: vec![("Access-Control-Allow-Origin", "*")],
        ..Site::default()
    })?;
    let elsewhere = scripts.url("/main.js").replace("127.0.0.1", "localhost");
    let page = fs::read_to_string(folder.join("index.html"))?.replace("./main.js", &elsewhere);
    let page = Document { bytes: page.into_bytes(), header: ("Content-Type", "text/html".into()) };
    let server = Server::start(Site { memory: HashMap::from([("/", page)]), ..Site::default() })?;
    await_output(browser, &server.url("/"), OK)
}

/// Loads the page from Vite's development server, which serves the sources as they are.
pub(super) fn load_from_vite(browser: &Browser, node: &Node, folder: &Path) -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = node.tool("vite");
    command.args(["--host", "127.0.0.1", "--strictPort", "--port", &port.to_string()]);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    let mut vite = Ended(command.spawn()?);
    let end = Instant::now() + END;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = vite.0.try_wait()? {
            bail!("Vite's server ended at once ({status})");
        }
        ensure!(Instant::now() < end, "Vite's server did not listen within {} s", END.as_secs());
        thread::sleep(Duration::from_millis(50));
    }
    await_output(browser, &format!("http://127.0.0.1:{port}/"), OK)
}

/// A program that ends when this is dropped, with all that it started.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        shell::kill_tree(self.0.id());
        let _ = self.0.wait();
    }
}

fn await_output(browser: &Browser, url: &str, wanted: &str) -> Result<()> {
    browser.goto(url)?;
    let end = Instant::now() + END;
    loop {
        let said = browser.run("return document.querySelector('output')?.textContent ?? ''", &[])?;
        let said = said.as_str().unwrap_or_default();
        if said.starts_with(wanted) {
            return Ok(());
        }
        if said.starts_with("ok:") || said.starts_with("failed:") || Instant::now() > end {
            bail!("the page says '{said}'; its console:\n{}", browser.console());
        }
        thread::sleep(Duration::from_millis(20));
    }
}
