//! What can go wrong with a call besides the service's own errors, and with opening a channel.

use std::{convert::Infallible, time::Duration};

use serde::{Deserialize, Serialize};

/// A call failed for a reason of the framework: the service's method did not run to its end, or nobody knows whether
/// it did.
///
/// Errors that arise at the server cross the channel as themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The server does not know this operation: it is older than the caller, or serves something else.
    #[error("service {service} has no operation with id {op}: is the server older than the caller?")]
    UnknownOp {
        /// Name of the service at the side that refused.
        service: String,
        /// The id that was asked for.
        op: u32,
    },
    /// Bytes could not be decoded as what they should be.
    #[error("malformed {what}: {detail}")]
    Malformed {
        /// What was being decoded.
        what: String,
        /// What was wrong with it.
        detail: String,
    },
    /// A value could not be serialized.
    #[error("{what} cannot be encoded: {detail}")]
    Unencodable {
        /// What was being encoded.
        what: String,
        /// The serializer's words.
        detail: String,
    },
    /// A message is larger than any that this side accepts, or has memory for.
    #[error("a message of {len} bytes is over the limit of {max} bytes, or over what memory there is")]
    TooLarge {
        /// Bytes of the message, as far as it was seen.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// Caller and server were built from definitions of the service of which one would misunderstand the other.
    #[error(
        "caller and server have different definitions of {service}: {difference}; build both from the same"
    )]
    SchemaMismatch {
        /// Name of the service at the caller.
        service: String,
        /// Schema hash of the caller.
        ours: u64,
        /// Schema hash of the server.
        theirs: u64,
        /// In what they differ, for people.
        difference: String,
    },
    /// There is no server to answer: it has not started, has stopped, or died. Attach a new client once another serves.
    #[error("no server: it {state}; attach a new client when one serves")]
    Gone {
        /// What became of it.
        state: ServerState,
    },
    /// The deadline of the call passed. The call may still be executed; the client's next call waits for it first.
    #[error("no answer within {0:?}; the call may still be executed")]
    TimedOut(Duration),
    /// All mailboxes of the channel are taken by other callers.
    #[error(
        "all {mailboxes} mailboxes of the channel are taken: create it with more (ChannelConfig::mailboxes)"
    )]
    NoMailbox {
        /// How many the channel has.
        mailboxes: u32,
    },
    /// This thread may not block (a page's main thread): use the async client there.
    #[error("this thread may not block: call from a worker, or use the async client")]
    CannotBlock,
    /// The service's method panicked. The server goes on serving.
    #[error("the service panicked: {0}")]
    Panicked(String),
    /// A JavaScript exception ended the service's method.
    #[error("{0}")]
    Exception(#[from] Exception),
    /// Somebody interrupted the wait, see [`Channel::interrupt`](crate::Channel::interrupt). As with a deadline, the call
    /// may still be executed.
    #[error("interrupted; the call may still be executed")]
    Interrupted,
    /// The service that was called waits, directly or through others, for the very method that called it.
    #[error(
        "the call would wait for itself: its server is blocked in a call that waits for this one; make one of the two \
             from an async method"
    )]
    WouldDeadlock,
}

impl RpcError {
    #[cold]
    pub(crate) fn malformed(what: impl Into<String>, detail: impl ToString) -> Self {
        Self::Malformed { what: what.into(), detail: detail.to_string() }
    }
}

/// What a server is doing when it does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ServerState {
    /// No server has started to serve on the channel.
    #[error("has not started yet")]
    NotStarted,
    /// It was asked to stop, or has stopped.
    #[error("has stopped")]
    Stopped,
    /// It panicked, trapped or was dropped while it served.
    #[error("died")]
    Failed,
    /// It ended; another may have taken its place, which knows nothing of this client. What was under way is lost.
    #[error("is not the one that this client attached to")]
    Replaced,
}

/// Error of a call: the service's own, or the framework's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E = Infallible> {
    /// The method returned this error.
    #[error("{0}")]
    Service(E),
    /// The call itself failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// A JavaScript exception, as far as it can cross a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{name}: {message}")]
pub struct Exception {
    /// Its class, as in `error.name` ("TypeError", or a DOMException's name).
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack, empty where there is none.
    pub stack: String,
}

#[cfg(target_family = "wasm")]
impl From<&wasm_bindgen::JsValue> for Exception {
    fn from(value: &wasm_bindgen::JsValue) -> Self {
        let text = |key: &str| {
            let key = wasm_bindgen::JsValue::from_str(key);
            js_sys::Reflect::get(value, &key).ok().and_then(|value| value.as_string()).unwrap_or_default()
        };
        let exception = if value.is_object() {
            Self { name: text("name"), message: text("message"), stack: text("stack") }
        } else {
            let message = value.as_string().unwrap_or_else(|| format!("{value:?}"));
            Self { name: "Error".into(), message, stack: String::new() }
        };
        crate::log::log_exception(&exception);
        exception
    }
}

#[cfg(target_family = "wasm")]
impl From<wasm_bindgen::JsValue> for Exception {
    fn from(value: wasm_bindgen::JsValue) -> Self {
        Self::from(&value)
    }
}

/// A channel could not be created or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The numbers of the configuration are out of bounds.
    #[error("a channel of {mailboxes} mailboxes with {area} bytes each is out of bounds: 1 to {max_mailboxes} mailboxes, {min_area} to {max_area} bytes, 2 GiB in all",
        max_mailboxes = crate::layout::MAX_MAILBOXES, min_area = crate::layout::MIN_AREA, max_area = crate::layout::MAX_AREA)]
    Config {
        /// Mailboxes asked for.
        mailboxes: u32,
        /// Bytes per area asked for.
        area: u32,
    },
    /// The memory is not a channel of this version.
    #[error("not a sabrpc channel of layout version {expected}: {found}")]
    NotAChannel {
        /// The version that this side speaks.
        expected: i32,
        /// What was found instead.
        found: String,
    },
    /// A server serves the channel already.
    #[error("the channel has a server: stop that first, or create another channel")]
    Occupied,
    /// Shared memory could not be allocated.
    #[error("shared memory could not be allocated: {0}")]
    Memory(Exception),
    /// The page is not cross-origin isolated, so the browser offers no shared memory.
    #[error(
        "no SharedArrayBuffer: the page is not cross-origin isolated; serve it with the headers \
             'Cross-Origin-Opener-Policy: same-origin' and 'Cross-Origin-Embedder-Policy: require-corp'"
    )]
    NotCrossOriginIsolated,
    /// The helper backend was asked for by name and cannot be had.
    #[error(
        "no helper backend: the browser has no wasm multi-memory, the channel is a plain SharedArrayBuffer, or eight \
             channels of this worker use it; without a choice of backend, JavaScript does its work"
    )]
    NoHelper,
}
