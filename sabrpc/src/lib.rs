//! Blocking calls to asynchronous services in other threads.
//!
//! In a browser almost everything useful is asynchronous; C and Rust code ported to WebAssembly wants calls that block.
//! sabrpc lets a worker call an asynchronous service of another thread and wait for the result, over shared memory:
//!
//! ```text
//!   caller's thread                   region (shared memory)               server's thread
//!  ┌──────────────────┐   request    ┌────────────────────────┐   take    ┌─────────────────────┐
//!  │ XClient::method  │─────────────▶│ header, doorbell       │──────────▶│ XServer → your impl │
//!  │ Atomics.wait     │◀─────────────│ mailboxes, their areas │◀──────────│ fn inline, async fn │
//!  └──────────────────┘   response   └────────────────────────┘  publish  │ as a task           │
//!                                                                         └─────────────────────┘
//! ```
//!
//! [`#[sab_service]`](sab_service) makes client and server from a trait; [`native`] runs them between threads, `web`
//! between workers. What crosses is described in [`layout`].

#[cfg(all(target_family = "wasm", not(target_os = "unknown")))]
compile_error!("sabrpc supports wasm32-unknown-unknown (browsers) and native hosts");

mod async_client;
mod batch;
mod bulk;
mod call;
mod channel;
mod client;
mod codec;
mod contract;
mod dump;
mod error;
mod frame;
mod histogram;
pub mod layout;
mod log;
mod metrics;
#[cfg(not(target_family = "wasm"))]
pub mod native;
mod note;
mod region;
mod sent;
mod server;
mod service;
mod spin;
mod stream;
mod time;
mod trace;
mod waits;
#[cfg(target_family = "wasm")]
pub mod web;

pub use async_client::AsyncCaller;
pub use bulk::{BulkIn, BulkOut};
pub use channel::{Channel, ChannelConfig, Stopper};
pub use client::Caller;
pub use contract::{ServedOp, ServedService};
pub use dump::{CallState, ChannelDump, ClientState, Progress};
pub use error::{CallError, ChannelError, Exception, RpcError, ServerState};
pub use frame::{Dispatch, Dispatched, Frame};
pub use log::{LogLevel, log_exceptions};
pub use metrics::OpMetrics;
pub use note::Note;
pub use region::{Bytes, DefaultRegion, Mail, Region};
pub use sabrpc_derive::sab_service;
pub use server::{CallerId, Server, ServerMetrics};
pub use service::{OpFlags, OpInfo, ServiceInfo};
pub use stream::{AsyncItems, Items, Sender, Stream};
pub use time::sleep;
pub use waits::{current_caller, is_cancelled};

/// What generated code uses besides the public items.
#[doc(hidden)]
pub mod __private {
    use crate::RpcError;
    pub use crate::{
        sent::Sent,
        service::wire_hash,
        stream::{Opening, OpeningStream},
    };

    /// The two types of a `Result`, also behind an alias.
    pub trait Fallible {
        /// Type of the value.
        type Ok;
        /// Type of the error.
        type Err;
    }

    impl<T, E> Fallible for Result<T, E> {
        type Ok = T;
        type Err = E;
    }

    /// The error for an op id that `service` does not have.
    pub fn unknown_op(service: &str, op: u32) -> RpcError {
        RpcError::UnknownOp { service: service.into(), op }
    }
}
