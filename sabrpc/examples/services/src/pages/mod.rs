//! What the pages call: for each service a program in a worker, which blocks, and the page's way to ask it.

pub mod dom;
pub mod fetch;
pub mod store;
pub mod timers;

use sabrpc::{CallError, web};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// A program's error, for its page to show: to a person, and as the program sees it.
#[derive(Debug, Serialize, Deserialize)]
struct Failure {
    message: String,
    value: String,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), value: format!("{error:?}") }
    }
}

/// The JavaScript error for what a program's method returned.
fn thrown(error: CallError<Failure>) -> JsValue {
    let Failure { message, value } = match error {
        CallError::Service(failure) => failure,
        CallError::Rpc(error) => error.into(),
    };
    let error = js_sys::Error::new(&message);
    error.set_cause(&value.into());
    error.into()
}

/// What a worker says when a service that it needs does not start.
fn unavailable(error: web::StartError) -> web::Unavailable {
    web::Unavailable { code: "service".into(), message: error.to_string() }
}
