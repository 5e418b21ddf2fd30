//! A small web server for the pages under test: it sends the headers that make a page cross-origin
//! isolated (without them there is no SharedArrayBuffer), serves one folder and some bytes from
//! memory, and keeps what pages post until someone asks for it.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Where pages may post to; anything else is refused, so that a typing error shows.
pub(crate) const POSTS: [&str; 3] = ["/result", "/export", "/log"];

/// More than any page under test sends.
const LARGEST_POST: u64 = 1 << 30;

/// The same for what comes before a body.
const LARGEST_HEAD: u64 = 64 << 10;

/// What is served.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// The folder behind every path that is not in `memory`.
    pub(crate) folder: PathBuf,
    /// Paths that are answered with bytes from memory.
    pub(crate) memory: HashMap<&'static str, Document>,
    /// Headers of every answer, besides those of an isolated page.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
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
    stopped: Arc<AtomicBool>,
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
        let listener =
            TcpListener::bind("127.0.0.1:0").context("no web server can be started on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let posts = Arc::new(Posts::default());
        let server = Self { address, stopped: Arc::clone(&stopped), posts: Arc::clone(&posts) };
        let site = Arc::new(site);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (site, posts) = (Arc::clone(&site), Arc::clone(&posts));
                // A thread for each: browsers ask for a page's files side by side, and may take one file to its end
                // only when they have another.
                thread::spawn(move || {
                    // A page that went away before its answer is none of the server's business.
                    let _ = stream.map_err(Into::into).and_then(|stream| converse(stream, &site, &posts));
                });
            }
        });
        Ok(server)
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
        self.stopped.store(true, Ordering::SeqCst);
        // Who waits for the next connection has to be given one to see it.
        drop(TcpStream::connect(self.address));
    }
}

/// One request and its answer; the connection ends with it.
fn converse(stream: TcpStream, site: &Site, posts: &Posts) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?.take(LARGEST_HEAD));
    let mut lines = reader.by_ref().lines();
    let first = lines.next().context("a connection without a request")??;
    let mut length = 0_u64;
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            None if line.is_empty() => break,
            _ => {}
        }
    }
    ensure!(length <= LARGEST_POST, "a body of {length} bytes");
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let answer = match method {
        "GET" | "HEAD" => get(path, site),
        "POST" if POSTS.contains(&path) => {
            reader.get_mut().set_limit(length);
            let mut body = Vec::new();
            reader.take(length).read_to_end(&mut body)?;
            ensure!(body.len() as u64 == length, "a body that was cut off");
            let mut bodies = posts.bodies.lock().unwrap_or_else(PoisonError::into_inner);
            bodies.insert(path.to_owned(), body);
            posts.arrived.notify_all();
            Answer { status: "204 No Content", header: None, bytes: Vec::new() }
        }
        _ => {
            // A browser takes an answer before it has sent all for a broken connection.
            reader.get_mut().set_limit(length);
            std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
            refusal()
        }
    };
    respond(stream, answer, site, method == "HEAD")
}

fn respond(mut stream: TcpStream, answer: Answer, site: &Site, head_only: bool) -> Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\n", answer.status);
    let length = answer.bytes.len().to_string();
    let always = [
        ("Content-Length", length.as_str()),
        ("Connection", "close"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        // A page that was built again must not be mixed with a script of before.
        ("Cache-Control", "no-store"),
    ];
    let own = answer.header.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in always.into_iter().chain(own).chain(site.headers.iter().copied()) {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if !head_only {
        stream.write_all(&answer.bytes)?;
    }
    Ok(())
}

struct Answer {
    status: &'static str,
    header: Option<(&'static str, String)>,
    bytes: Vec<u8>,
}

fn get(path: &str, site: &Site) -> Answer {
    if let Some(document) = site.memory.get(path) {
        let Document { bytes, header } = document;
        return Answer { status: "200 OK", header: Some(header.clone()), bytes: bytes.clone() };
    }
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    if name.split('/').any(|segment| segment.is_empty() || segment.starts_with('.')) {
        return refusal();
    }
    let Ok(bytes) = fs::read(site.folder.join(name)) else {
        return refusal();
    };
    Answer { status: "200 OK", header: Some(("Content-Type", media_type(name).to_owned())), bytes }
}

fn refusal() -> Answer {
    let header = Some(("Content-Type", "text/plain; charset=utf-8".to_owned()));
    Answer { status: "404 Not Found", header, bytes: b"there is no such thing here".to_vec() }
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
        let memory = HashMap::from([("/input", input)]);
        let headers = vec![("X-Extra", "yes")];
        let site = Site { folder: folder.path().to_owned(), memory, headers };
        (folder, Server::start(site).unwrap())
    }

    #[test]
    fn files_come_isolated_and_with_their_types() {
        let (_folder, server) = serve();
        let page = ureq::get(server.url("/?stage=load")).call().unwrap();
        assert_eq!(page.headers()["Content-Type"], "text/html; charset=utf-8");
        assert_eq!(page.headers()["Cross-Origin-Opener-Policy"], "same-origin");
        assert_eq!(page.headers()["Cross-Origin-Embedder-Policy"], "require-corp");
        assert_eq!(page.headers()["X-Extra"], "yes");
        let module = ureq::get(server.url("/code_bg.wasm")).call().unwrap();
        assert_eq!(module.headers()["Content-Type"], "application/wasm");
        let input = ureq::get(server.url("/input")).call().unwrap();
        assert_eq!(input.headers()["X-Input-Name"], "x.csv");
        assert_eq!(input.into_body().read_to_string().unwrap(), "a,b\n");
    }

    #[test]
    fn paths_out_of_the_folder_and_unknown_posts_are_refused() {
        let (folder, server) = serve();
        let site = Site { folder: folder.path().join("sub"), ..Site::default() };
        fs::create_dir(folder.path().join("sub")).unwrap();
        for path in ["/../index.html", "/sub/../../index.html", "/none.js", "/.hidden", "//x", ""] {
            assert_eq!(get(path, &site).status, "404 Not Found", "{path}");
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
