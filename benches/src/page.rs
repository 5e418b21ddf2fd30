//! What the page's scripts call: starting a server's worker, and making calls to it.

use sabrpc::{Channel, Server, web};
use wasm_bindgen::prelude::*;

use crate::{
    callers::{CONFIG, Calls, Case, Typed},
    service::{Buffer, StoreOp, StoreServer},
};

/// Starts a worker that serves `subject`, and returns the channel to it, to open or to post to other workers.
///
/// # Errors
/// If there is no such subject, or its worker does not start.
#[wasm_bindgen(js_name = startServer)]
pub async fn start_server(subject: &str) -> Result<JsValue, JsError> {
    let channel = Channel::create(CONFIG)?;
    match subject {
        "sabrpc-typed" => web::spawn("serve_typed", &channel, StoreOp::SERVICE, &()).await?,
        _ => return Err(unknown(subject)),
    };
    Ok(channel.to_js())
}

fn unknown(subject: &str) -> JsError {
    JsError::new(&format!("nothing is called '{subject}'"))
}

/// Entry of the worker behind the generated clients.
#[wasm_bindgen]
pub fn serve_typed(init: JsValue) {
    web::serve_with(init, async |(): (), channel| Ok(Server::new(&channel, StoreServer::new(Buffer::new()))));
}

/// Makes calls to a server.
#[wasm_bindgen]
pub struct Caller {
    calls: Box<dyn Calls>,
    case: Case,
}

#[wasm_bindgen]
impl Caller {
    /// Attaches to the server of `subject` behind `channel`.
    ///
    /// # Errors
    /// If it does not serve.
    #[wasm_bindgen(constructor)]
    pub fn new(subject: &str, channel: &JsValue) -> Result<Self, JsError> {
        let channel = Channel::from_js(channel)?;
        let calls: Box<dyn Calls> = match subject {
            "sabrpc-typed" => Box::new(Typed::attach(&channel)?),
            _ => return Err(unknown(subject)),
        };
        Ok(Self { calls, case: Case::Null })
    }

    /// Says what the next calls do.
    ///
    /// # Errors
    /// If there is no such case.
    pub fn prepare(&mut self, case: &str) -> Result<(), JsError> {
        self.case = case.parse().map_err(|error: String| JsError::new(&error))?;
        Ok(())
    }

    /// Makes that many calls.
    pub fn run(&mut self, calls: u32) {
        self.calls.run(self.case, calls);
    }
}
