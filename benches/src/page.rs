//! What the page's scripts call: starting a server's worker, and making calls to it.

use sabrpc::{
    Channel, Server,
    web::{self, Backend, Unavailable},
};
use wasm_bindgen::prelude::*;

use crate::{
    callers::{CONFIG, Calls, Case, Raw, Typed},
    service::{Buffer, RAW_STORE, RawStore, StoreOp, StoreServer},
};

/// Starts a worker that serves `subject`, and returns the channel to it, to open or to post to other workers.
///
/// # Errors
/// If there is no such subject, or its worker does not start.
#[wasm_bindgen(js_name = startServer)]
pub async fn start_server(subject: &str) -> Result<JsValue, JsError> {
    let channel = Channel::create(CONFIG)?;
    match subject {
        "sabrpc-typed" | "without-metrics" => {
            let counts = subject == "sabrpc-typed";
            web::spawn("serve_typed", &channel, StoreOp::SERVICE, &counts).await?
        }
        _ => web::spawn("serve_raw", &channel, &RAW_STORE, &subject).await?,
    };
    Ok(channel.to_js())
}

/// The backend that a subject's raw calls go through, on both sides.
fn backend_of(subject: &str) -> Result<Backend, String> {
    match subject {
        "sabrpc-helper" => Ok(Backend::Helper),
        "sabrpc-js" => Ok(Backend::Js),
        _ => Err(format!("nothing is called '{subject}'")),
    }
}

/// Entry of the worker behind the generated clients, whose option is whether it counts.
#[wasm_bindgen]
pub fn serve_typed(init: JsValue) {
    web::serve_with(init, async |counts: bool, channel| {
        let server = Server::new(&channel, StoreServer::new(Buffer::new()));
        Ok(if counts { server } else { server.without_metrics() })
    });
}

/// Entry of the worker behind raw calls, whose option is the subject.
#[wasm_bindgen]
pub fn serve_raw(init: JsValue) {
    web::serve_with(init, async |subject: String, channel| {
        let refused = |message| Unavailable { code: "backend".into(), message };
        let backend = backend_of(&subject).map_err(refused)?;
        let channel = channel.with_backend(backend).map_err(|error| refused(error.to_string()))?;
        Ok(Server::new(&channel, RawStore(Buffer::new())))
    });
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
            "without-metrics" => Box::new(Typed::attach(&channel)?.without_metrics()),
            _ => {
                let backend = backend_of(subject).map_err(|error| JsError::new(&error))?;
                Box::new(Raw::attach(&channel.with_backend(backend)?)?)
            }
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
