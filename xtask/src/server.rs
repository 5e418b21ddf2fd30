//! A small web server for the pages under test: it sends the headers that make a page cross-origin
//! isolated (without them there is no SharedArrayBuffer), serves one folder and some bytes from
//! memory, and keeps what pages post until someone asks for it.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tiny_http::{Header, Method, Request, Response};

/// Where pages may post to; anything else is refused, so that a typing error shows.
pub(crate) const POSTS: [&str; 3] = ["/result", "/export", "/log"];

/// More than any page under test sends.
const LARGEST_POST: u64 = 1 << 30;

/// What is served.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// The folder behind every path that is not in `memory`.
    pub(crate) folder: PathBuf,
    /// Paths that are answered with bytes from memory.
    pub(crate) memory: HashMap<&'static str, Document>,
}

/// Bytes with the one header that tells the page more about them.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) bytes: Vec<u8>,
    pub(crate) header: (&'static str, String),
}

/// A running server; it stops when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    http: Arc<tiny_http::Server>,
    posts: Arc<Posts>,
}

#[derive(Default)]
struct Posts {
    bodies: Mutex<HashMap<String, Vec<u8>>>,
    arrived: Condvar,
}

impl Server {
    /// Serves `site` on a free port of this machine only.
    pub(crate) fn start(site: Site) -> Result<Self> {
        let http = tiny_http::Server::http("127.0.0.1:0")
            .map_err(|error| anyhow!("no web server can be started on 127.0.0.1: {error}"))?;
        let http = Arc::new(http);
        let address = http.server_addr().to_ip().context("the web server has no port")?;
        let posts = Arc::new(Posts::default());
        let (accepting, keeping) = (Arc::clone(&http), Arc::clone(&posts));
        thread::spawn(move || {
            for request in accepting.incoming_requests() {
                // A page that went away before its answer is none of the server's business.
                let _ = answer(request, &site, &keeping);
            }
        });
        Ok(Self { address, http, posts })
    }

    /// The address of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Takes the newest body that was posted to `path`, waiting for it for at most `deadline`.
    pub(crate) fn posted(&self, path: &str, deadline: Duration) -> Result<Vec<u8>> {
        let end = Instant::now() + deadline;
        let mut bodies = self.posts.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(body) = bodies.remove(path) {
                return Ok(body);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the page posted nothing to {path} within {} s", deadline.as_secs());
            }
            let wait = self.posts.arrived.wait_timeout(bodies, left);
            bodies = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.http.unblock();
    }
}

fn answer(mut request: Request, site: &Site, posts: &Posts) -> Result<()> {
    let path = request.url().split(['?', '#']).next().unwrap_or_default().to_owned();
    let mut response = match request.method() {
        Method::Get | Method::Head => get(&path, site),
        Method::Post if POSTS.contains(&path.as_str()) => {
            let mut body = Vec::new();
            request.as_reader().take(LARGEST_POST).read_to_end(&mut body)?;
            let mut bodies = posts.bodies.lock().unwrap_or_else(PoisonError::into_inner);
            bodies.insert(path, body);
            posts.arrived.notify_all();
            Response::from_data(Vec::new()).with_status_code(204)
        }
        _ => refusal(404, "there is nothing to post to here"),
    };
    for (name, value) in [
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        // A page that was built again must not be mixed with a script of before.
        ("Cache-Control", "no-store"),
    ] {
        response.add_header(header(name, value)?);
    }
    request.respond(response)?;
    Ok(())
}

type Answer = Response<std::io::Cursor<Vec<u8>>>;

fn get(path: &str, site: &Site) -> Answer {
    if let Some(document) = site.memory.get(path) {
        let mut response = Response::from_data(document.bytes.clone());
        if let Ok(extra) = header(document.header.0, &document.header.1) {
            response.add_header(extra);
        }
        return response;
    }
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    if name.split('/').any(|segment| segment.is_empty() || segment.starts_with('.')) {
        return refusal(404, "there is no such file");
    }
    let Ok(bytes) = fs::read(site.folder.join(name)) else {
        return refusal(404, "there is no such file");
    };
    let mut response = Response::from_data(bytes);
    if let Ok(kind) = header("Content-Type", media_type(name)) {
        response.add_header(kind);
    }
    response
}

fn refusal(status: u16, why: &str) -> Answer {
    Response::from_data(why.as_bytes().to_vec()).with_status_code(status)
}

fn header(name: &str, value: &str) -> Result<Header> {
    Header::from_bytes(name, value).map_err(|()| anyhow!("'{name}: {value}' is not a header"))
}

/// Browsers refuse modules and wasm that come under another type.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve() -> (tempfile::TempDir, Server) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "<p>here").unwrap();
        fs::write(folder.path().join("code_bg.wasm"), "\0asm").unwrap();
        let input = Document { bytes: b"a,b\n".to_vec(), header: ("X-Input-Name", "x.csv".into()) };
        let site = Site { folder: folder.path().to_owned(), memory: HashMap::from([("/input", input)]) };
        (folder, Server::start(site).unwrap())
    }

    #[test]
    fn files_come_isolated_and_with_their_types() {
        let (_folder, server) = serve();
        let page = ureq::get(server.url("/?stage=load")).call().unwrap();
        assert_eq!(page.headers()["Content-Type"], "text/html; charset=utf-8");
        assert_eq!(page.headers()["Cross-Origin-Opener-Policy"], "same-origin");
        assert_eq!(page.headers()["Cross-Origin-Embedder-Policy"], "require-corp");
        let module = ureq::get(server.url("/code_bg.wasm")).call().unwrap();
        assert_eq!(module.headers()["Content-Type"], "application/wasm");
        let input = ureq::get(server.url("/input")).call().unwrap();
        assert_eq!(input.headers()["X-Input-Name"], "x.csv");
        assert_eq!(input.into_body().read_to_string().unwrap(), "a,b\n");
    }

    #[test]
    fn paths_out_of_the_folder_and_unknown_posts_are_refused() {
        let (folder, server) = serve();
        let site = Site { folder: folder.path().join("sub"), memory: HashMap::new() };
        fs::create_dir(folder.path().join("sub")).unwrap();
        for path in ["/../index.html", "/sub/../../index.html", "/none.js", "/.hidden", "//x", ""] {
            assert_eq!(get(path, &site).status_code().0, 404, "{path}");
        }
        assert!(ureq::post(server.url("/elsewhere")).send("x").is_err());
    }

    #[test]
    fn a_post_is_handed_over_once() {
        let (_folder, server) = serve();
        ureq::post(server.url("/export")).send(&b"bytes"[..]).unwrap();
        assert_eq!(server.posted("/export", Duration::from_secs(5)).unwrap(), b"bytes");
        assert!(server.posted("/export", Duration::from_millis(10)).is_err());
    }
}
