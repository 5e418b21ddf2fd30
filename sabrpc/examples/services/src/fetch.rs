//! HTTP for a worker that blocks. Another worker fetches, and hands bodies over as bulk bytes while they arrive.
//! A [`Body`] is an [`io::Read`]: it can be parsed, unpacked or copied like a file. Addresses have to be absolute.

use std::{cell::RefCell, collections::HashMap, io};

use js_sys::{Array, Uint8Array, global};
use sabrpc::{BulkIn, BulkOut, CallError, Channel, ChannelConfig, Exception, sab_service, web};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, Response, WorkerGlobalScope,
};

/// Why there is no answer, or no body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FetchError {
    /// The address is not one, nobody listens there, or the page may not read the answer (CORS), in the browser's words.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The server answered that it will not.
    #[error("the answer is status {0}")]
    Status(u16),
    /// The connection ended before the body did.
    #[error("the body broke off: {0}")]
    BrokenOff(String),
    /// There is no such body, or no longer.
    #[error("body {0} is not open")]
    NotOpen(u32),
}

type Result<T, E = FetchError> = std::result::Result<T, E>;
type Header = (String, String);
/// What comes first of an answer: its headers, and the number that its body is read by.
type Head = (Vec<Header>, u32);

/// HTTP as a service.
#[sab_service]
pub trait Fetch {
    /// Sends a request, and returns when the answer begins. One that is not a success is an error.
    async fn send(&self, method: &str, url: &str, headers: &[Header], body: BulkIn<'_>) -> Result<Head>;
    /// Reads on in a body: waits for bytes, and returns how many there were, 0 at its end.
    async fn read(&self, body: u32, out: BulkOut<'_>) -> Result<usize>;
    /// Gives up what has not been read of a body.
    #[op(oneway)]
    fn close(&self, body: u32);
}

/// Starts the worker that fetches. Await this before the calling worker blocks for the first time.
pub async fn start() -> Result<FetchClient, web::StartError> {
    let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
    web::spawn("fetch_worker", &channel, FetchOp::SERVICE, &()).await?;
    Ok(FetchClient::attach(&channel)?)
}

/// The body of an answer. Dropping it gives up what has not been read.
pub struct Body<'a> {
    /// The answer's headers, their names in lower case.
    pub headers: Vec<Header>,
    number: u32,
    client: &'a FetchClient,
}

impl FetchClient {
    /// Gets what is at `url`.
    pub fn get(&self, url: &str) -> Result<Body<'_>, CallError<FetchError>> {
        let (headers, number) = self.send("GET", url, &[], &[])?;
        Ok(Body { headers, number, client: self })
    }

    /// Posts `body`, which is of this media type, to `url`.
    pub fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<Body<'_>, CallError<FetchError>> {
        let (headers, number) = self.send("POST", url, &[("Content-Type".into(), kind.into())], body)?;
        Ok(Body { headers, number, client: self })
    }
}

impl io::Read for Body<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.client.read(self.number, out).map_err(io::Error::other)
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        drop(self.client.close(self.number)); // Where the service is gone, so is the body.
    }
}

/// The bodies that are on their way: a reader where there is a body, and the bytes that nobody has asked for yet.
#[derive(Default)]
struct Browser(RefCell<HashMap<u32, (Option<ReadableStreamDefaultReader>, Uint8Array)>>);

impl Fetch for Browser {
    async fn send(&self, method: &str, url: &str, headers: &[Header], body: BulkIn<'_>) -> Result<Head> {
        let init = RequestInit::new();
        init.set_method(method);
        let pairs = headers.iter().map(|(name, value)| Array::of2(&name.into(), &value.into()));
        init.set_headers(&pairs.collect::<Array>());
        if !body.is_empty() {
            init.set_body(&body.with_js(|shared| Uint8Array::new(shared))); // Browsers send copies only.
        }
        let scope: WorkerGlobalScope = global().unchecked_into();
        let fetched = JsFuture::from(scope.fetch_with_str_and_init(url, &init)).await;
        let response: Response = fetched.map_err(because(FetchError::NoAnswer))?.unchecked_into();
        if !response.ok() {
            return Err(FetchError::Status(response.status()));
        }
        let text = |pair: &Array, at| pair.get(at).as_string().unwrap_or_default();
        let pairs = response.headers().entries().into_iter().flatten().map(|pair| Array::from(&pair));
        let headers = pairs.map(|pair| (text(&pair, 0), text(&pair, 1))).collect();
        let reader = response.body().map(|stream| stream.get_reader().unchecked_into());
        let mut bodies = self.0.borrow_mut();
        let number = (0..).find(|number| !bodies.contains_key(number)).unwrap_or_default();
        bodies.insert(number, (reader, Uint8Array::default()));
        Ok((headers, number))
    }

    async fn read(&self, body: u32, mut out: BulkOut<'_>) -> Result<usize> {
        let (reader, mut bytes) = self.0.borrow().get(&body).cloned().ok_or(FetchError::NotOpen(body))?;
        while let (Some(reader), 0) = (&reader, bytes.length()) {
            let next = JsFuture::from(reader.read()).await.map_err(because(FetchError::BrokenOff))?;
            match next.unchecked_into::<ReadableStreamReadResult>().get_value() {
                end if end.is_undefined() => break,
                next => bytes = next.unchecked_into(),
            }
        }
        let length = bytes.length().min(out.capacity() as u32);
        out.with_js(|room| room.set(&bytes.subarray(0, length), 0));
        out.set_filled(length as usize);
        self.0.borrow_mut().insert(body, (reader, bytes.subarray(length, bytes.length())));
        Ok(length as usize)
    }

    fn close(&self, body: u32) {
        drop(self.0.borrow_mut().remove(&body).and_then(|(reader, _)| Some(reader?.cancel())));
    }
}

/// What the browser threw, as one of our errors.
fn because(error: fn(String) -> FetchError) -> impl Fn(JsValue) -> FetchError {
    move |thrown| error(Exception::from(thrown).message)
}

/// Entry of the worker that fetches.
#[wasm_bindgen]
pub fn fetch_worker(init: JsValue) {
    web::serve(init, async |(): ()| Ok(FetchServer::new(Browser::default())));
}
