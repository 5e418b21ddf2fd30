//! The page, for a worker that blocks: texts, questions, files that the user picks. The page's main thread serves.

use std::{cell::RefCell, collections::HashMap, io, time::Duration};

use js_sys::{Promise, Uint8Array};
use sabrpc::{BulkOut, CallError, Channel, ChannelConfig, ChannelError, Exception, Server, sab_service};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, File, HtmlDialogElement, HtmlInputElement};

/// What can go wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DomError {
    /// Nothing in the page is what this selector says.
    #[error("the page has no element '{0}'")]
    NoElement(String),
    /// The user did not want to answer.
    #[error("the user cancelled")]
    Cancelled,
    /// There is no such file, or no longer.
    #[error("file {0} is not open")]
    NotOpen(u32),
    /// Whatever else the browser says, for instance that a file has changed since it was picked.
    #[error("the browser could not do it: {0}")]
    Failed(Exception),
}

impl From<JsValue> for DomError {
    fn from(thrown: JsValue) -> Self {
        Self::Failed(thrown.into())
    }
}

/// The page as a service.
#[sab_service]
pub trait Dom {
    /// Sets the text of the first element that a CSS selector finds.
    fn set_text(&self, selector: &str, text: &str) -> Result<(), DomError>;
    /// Asks the user for a text, in a dialog, and waits for it.
    async fn ask(&self, question: &str) -> Result<String, DomError>;
    /// Asks the user for a file; returns its number, its name and its size.
    async fn pick_file(&self, question: &str) -> Result<(u32, String, u64), DomError>;
    /// Reads from a file that was picked, from `offset` on; returns how many bytes there were, 0 beyond its end.
    async fn read_file(&self, file: u32, offset: u64, out: BulkOut<'_>) -> Result<usize, DomError>;
    /// Forgets a file that was picked.
    #[op(oneway)]
    fn close_file(&self, file: u32);
}

/// A file that the user picked.
pub struct Picked<'a> {
    /// Its name, without its folder, which no page is told.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    number: u32,
    offset: u64,
    client: &'a DomClient,
}

impl DomClient {
    /// Asks the user for a file, to be read like any other.
    pub fn open_file(&self, question: &str) -> Result<Picked<'_>, CallError<DomError>> {
        let (number, name, size) = self.pick_file(question)?;
        Ok(Picked { name, size, number, offset: 0, client: self })
    }
}

impl io::Read for Picked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.client.read_file(self.number, self.offset, out).map_err(io::Error::other)?;
        self.offset += count as u64;
        Ok(count)
    }
}

impl Drop for Picked<'_> {
    fn drop(&mut self) {
        drop(self.client.close_file(self.number)); // Where the page is gone, so is the file.
    }
}

/// Serves the page, on its main thread. The channel is for workers: post it as `channel.to_js()`.
pub async fn serve() -> Result<Channel, ChannelError> {
    let document = web_sys::window().and_then(|window| window.document()).expect_throw("not a page");
    let channel = Channel::create(ChannelConfig::default())?;
    let server = Server::new(&channel, DomServer::new(Page(document, RefCell::default())));
    spawn_local(async { server.run().await.unwrap_throw() });
    sabrpc::sleep(Duration::ZERO).await; // The server has its first turn, and takes the channel.
    Ok(channel)
}

/// The service's side, with the files that were picked.
struct Page(Document, RefCell<HashMap<u32, File>>);

const DIALOG: &str = "<form method=dialog><label><span></span><input required autofocus></label>
    <button value=done>OK</button> <button formnovalidate>Cancel</button></form>";

impl Page {
    /// Shows a dialog with a question and a field of this type, and waits until its form or the Escape key closes it.
    async fn fill_in(&self, question: &str, kind: &str) -> Result<HtmlInputElement, DomError> {
        let dialog: HtmlDialogElement = self.0.create_element("dialog")?.unchecked_into();
        dialog.set_inner_html(DIALOG);
        dialog.query_selector("span")?.unwrap_throw().set_text_content(Some(question));
        let field: HtmlInputElement = dialog.query_selector("input")?.unwrap_throw().unchecked_into();
        field.set_type(kind);
        self.0.body().unwrap_throw().append_child(&dialog)?;
        let closed = Promise::new(&mut |resolve, _| dialog.set_onclose(Some(&resolve)));
        dialog.show_modal()?;
        JsFuture::from(closed).await?;
        dialog.remove();
        if dialog.return_value() == "done" { Ok(field) } else { Err(DomError::Cancelled) }
    }
}

impl Dom for Page {
    fn set_text(&self, selector: &str, text: &str) -> Result<(), DomError> {
        let element = self.0.query_selector(selector)?;
        element.ok_or_else(|| DomError::NoElement(selector.into()))?.set_text_content(Some(text));
        Ok(())
    }

    async fn ask(&self, question: &str) -> Result<String, DomError> {
        Ok(self.fill_in(question, "text").await?.value())
    }

    async fn pick_file(&self, question: &str) -> Result<(u32, String, u64), DomError> {
        let files = self.fill_in(question, "file").await?.files();
        let file = files.and_then(|files| files.get(0)).ok_or(DomError::Cancelled)?;
        let mut files = self.1.borrow_mut();
        let number = (0..).find(|number| !files.contains_key(number)).unwrap_or_default();
        files.insert(number, file.clone());
        Ok((number, file.name(), file.size() as u64))
    }

    async fn read_file(&self, file: u32, offset: u64, mut out: BulkOut<'_>) -> Result<usize, DomError> {
        let file = self.1.borrow().get(&file).cloned().ok_or(DomError::NotOpen(file))?;
        let part = file.slice_with_f64_and_f64(offset as f64, offset as f64 + out.capacity() as f64)?;
        let bytes = Uint8Array::new(&JsFuture::from(part.array_buffer()).await?);
        out.with_js(|room| room.set(&bytes, 0));
        out.set_filled(bytes.length() as usize);
        Ok(bytes.length() as usize)
    }

    fn close_file(&self, file: u32) {
        self.1.borrow_mut().remove(&file);
    }
}
