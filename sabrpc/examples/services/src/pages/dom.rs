//! The program of `dom.html`, which runs in a worker, from its beginning to its end, as a `main` would: it asks, waits for
//! the answer, and goes on.

use std::io::{BufRead, BufReader};

use sabrpc::Channel;
use wasm_bindgen::prelude::*;

use super::Failure;
use crate::dom::{self, DomClient};

/// Serves the page from now on; returns the channel to post to a worker.
#[wasm_bindgen]
pub async fn serve_page() -> Result<JsValue, JsError> {
    Ok(dom::serve().await?.to_js())
}

/// The program. `channel` is what was posted.
#[wasm_bindgen]
pub fn dom_program(channel: &JsValue) -> Result<(), JsError> {
    let page = DomClient::attach(&Channel::from_js(channel)?)?;
    if let Err(Failure { message, value }) = greet(&page) {
        page.set_text("#state", &format!("the program gave up: {message}"))?;
        page.set_text("#error", &value)?;
    }
    Ok(())
}

/// Everything below is written as if the page were a terminal.
fn greet(page: &DomClient) -> Result<(), Failure> {
    page.set_text("#state", "the program waits for a name")?;
    let name = page.ask("What is your name?")?;
    page.set_text("#greeting", &format!("Good day, {name}"))?;

    page.set_text("#state", "the program waits for a file")?;
    let file = page.open_file("A text file, please: the program counts its words")?;
    let (title, size) = (file.name.clone(), file.size);
    let mut words = 0;
    for line in BufReader::with_capacity(64 << 10, file).lines() {
        words += line?.split_whitespace().count();
    }
    page.set_text("#words", &format!("{title}: {words} words, {size} bytes"))?;
    page.set_text("#state", "the program has ended")?;
    Ok(())
}
