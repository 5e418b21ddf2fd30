//! The program of `fetch.html`: it reads from the network as from a file.

use std::io::{BufRead, BufReader, Read};

use sabrpc::{Channel, ChannelConfig, sab_service, web};
use wasm_bindgen::prelude::*;

use super::{Failure, thrown, unavailable};
use crate::fetch::{self, FetchClient};

/// What the page asks the program.
#[sab_service]
trait FetchProgram {
    /// Counts the lines and the bytes of what is at `url`, and finds the longest line.
    fn count(&self, url: &str) -> Result<(u64, u64, String), Failure>;
    /// Posts a text, and returns what the server has to say.
    fn post(&self, url: &str, text: &str) -> Result<String, Failure>;
}

struct Program {
    http: FetchClient,
}

impl FetchProgram for Program {
    fn count(&self, url: &str) -> Result<(u64, u64, String), Failure> {
        let (mut lines, mut bytes, mut longest) = (0, 0, String::new());
        // Each line is counted when it has arrived; the text is never in memory as a whole.
        let mut body = BufReader::with_capacity(64 << 10, self.http.get(url)?);
        let mut line = Vec::new();
        while body.read_until(b'\n', &mut line)? > 0 {
            lines += 1;
            bytes += line.len() as u64;
            let text = String::from_utf8_lossy(&line);
            if text.trim_end().chars().count() > longest.chars().count() {
                longest = text.trim_end().into();
            }
            line.clear();
        }
        Ok((lines, bytes, longest))
    }

    fn post(&self, url: &str, text: &str) -> Result<String, Failure> {
        let mut said = String::new();
        self.http.post(url, "text/plain; charset=utf-8", text.as_bytes())?.read_to_string(&mut said)?;
        Ok(said)
    }
}

/// Entry of the worker with the program.
#[wasm_bindgen]
pub fn fetch_program(init: JsValue) {
    web::serve(init, async |(): ()| {
        Ok(FetchProgramServer::new(Program { http: fetch::start().await.map_err(unavailable)? }))
    });
}

/// The page's side.
#[wasm_bindgen]
pub struct FetchPage(FetchProgramAsyncClient);

#[wasm_bindgen]
impl FetchPage {
    /// Starts the worker with the program.
    pub async fn start() -> Result<FetchPage, JsError> {
        let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
        web::spawn("fetch_program", &channel, FetchProgramOp::SERVICE, &()).await?;
        Ok(Self(FetchProgramAsyncClient::attach(&channel)?))
    }

    /// Has it count what is at `url`.
    pub async fn count(&self, url: &str) -> Result<String, JsValue> {
        let (lines, bytes, longest) = self.0.count(url).await.map_err(thrown)?;
        Ok(format!("{lines} lines, {bytes} bytes; the longest line is “{longest}”"))
    }

    /// Has it post `text` to `url`.
    pub async fn post(&self, url: &str, text: &str) -> Result<String, JsValue> {
        match self.0.post(url, text).await.map_err(thrown)? {
            silence if silence.is_empty() => Ok(format!("{} bytes are posted", text.len())),
            said => Ok(format!("{} bytes are posted; the server says “{said}”", text.len())),
        }
    }
}
