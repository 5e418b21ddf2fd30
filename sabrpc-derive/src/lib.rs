//! The attribute macro [`macro@sab_service`] of the crate `sabrpc`, which re-exports it.
//!
//! This file converts tokens and holds the docs for users. The work is done by modules with one task each, in this
//! order: `input` and `args` parse, `model` makes a `Service` with its `Method`s, `check` applies the rules, `expand`
//! writes the code. Errors are collected in `ctxt` and reported together.
#![forbid(unsafe_code)]

mod args;
mod attrs;
mod check;
mod ctxt;
mod expand;
mod input;
mod model;
mod names;
mod options;
mod pipeline;
mod signature;
#[cfg(test)]
mod snapshot;
mod words;

use proc_macro::TokenStream;

#[cfg(doctest)]
#[doc = include_str!("../../docs/src/declare-a-service.md")]
mod book {}

/// The edition 2021, which a test of cargo's cannot have beside others of 2024.
#[cfg(doctest)]
#[doc = concat!("```edition2021\n", include_str!("../tests/ui/pass/everything.rs"), "```")]
mod edition_2021 {}

/// Makes a service of a trait: clients that call it from other threads, and a server that answers.
///
/// ```
/// use sabrpc::{BulkIn, BulkOut, Channel, ChannelConfig, native, sab_service};
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// # pub struct Full;
/// # impl std::fmt::Display for Full {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("full") }
/// # }
///
/// /// A counter and a scratchpad.
/// #[sab_service]
/// pub trait Pad {
///     /// Adds and tells the sum.
///     fn add(&self, n: u32) -> Result<u32, Full>;
///     /// Turns bytes round.
///     fn reverse(&self, data: BulkIn<'_>, out: BulkOut<'_>);
/// }
///
/// struct Memory(std::cell::Cell<u32>);
///
/// impl Pad for Memory {
///     fn add(&self, n: u32) -> Result<u32, Full> {
///         self.0.set(self.0.get().checked_add(n).ok_or(Full)?);
///         Ok(self.0.get())
///     }
///     fn reverse(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) {
///         let mut bytes = data.to_vec();
///         bytes.reverse();
///         out.write_at(0, &bytes);
///     }
/// }
///
/// let channel = Channel::native(ChannelConfig::default())?;
/// let server = native::spawn(&channel, || PadServer::new(Memory(0.into())));
/// let client = PadClient::attach(&channel)?;
/// assert_eq!(client.add(2)?, 2);
/// assert_eq!(client.add(u32::MAX), Err(sabrpc::CallError::Service(Full)));
/// let mut turned = [0; 3];
/// client.reverse(b"abc", &mut turned)?;
/// assert_eq!(&turned, b"cba");
/// # drop(client);
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What the trait becomes
///
/// For a trait `Pad`, beside the trait itself and with its visibility:
///
/// | item | what it is |
/// | --- | --- |
/// | `PadOp` | the operations: an enum with `ALL`, `SERVICE` (the table that both sides compare), `id`, `name`, `info`, and `TryFrom<u32>` |
/// | `PadClient` | calls and waits; every method returns a `Result`, and bulk arguments are plain slices |
/// | `PadAsyncClient` | the same methods as `async fn`s, for threads that may not block |
/// | `PadServer<T>` | answers calls with a `T: Pad` |
///
/// # Methods
///
/// A method is a `fn` or an `async fn` that takes `&self`. A `fn` is executed at once, before the next request is
/// looked at; an `async fn` becomes a task of its own, so that others can go on while it waits.
///
/// **Arguments** are owned (`String`, `Vec<T>`, any type that serde can encode and decode) or borrowed: `&str` and
/// `&[u8]` come straight out of the request; for another `&T` the server decodes a `T` and lends it. At most 12, with
/// bulk bytes counted apart.
///
/// **Bulk bytes** are not encoded: an argument of type `BulkIn<'_>` carries bytes to the server, one of type
/// `BulkOut<'_>` carries them back. They are known by these names, so an alias does not do.
///
/// **Results** are a value, a `Result<T, E>` (known by its name too; aliases called `Result` count), or nothing. They are
/// owned, and `T` and `E` are types that serde can encode and decode. What the client's method returns is:
///
/// | in the trait | in the clients |
/// | --- | --- |
/// | nothing | `Result<(), RpcError>` |
/// | `T` | `Result<T, RpcError>` |
/// | `Result<T, E>` | `Result<T, CallError<E>>` |
/// | `Stream<T>` | `Result<Items<T>, RpcError>`, or `AsyncItems<T>` |
/// | `Result<Stream<T>, E>` | the same with `CallError<E>` |
///
/// # Options of a method
///
/// | `#[op(…)]` | meaning |
/// | --- | --- |
/// | `id = 7` | the number on the wire, at most 65535; without it, the one after the method above, from 0 |
/// | `name = "xOpen"` | the name in tables, metrics and messages; without it, the method's |
/// | `oneway` | the caller does not wait; the method returns nothing or `Result<(), E>`, and its error comes back from a later call that can carry it |
/// | `deadline = "500ms"` | how long a call may take: a whole number of `us`, `ms`, `s` or `min` |
///
/// # Options of the service
///
/// | `#[sab_service(…)]` | meaning |
/// | --- | --- |
/// | `crate = "my_app::rpc"` | where generated code finds the crate `sabrpc`, if not at `::sabrpc` |
/// | `rename_all = "camelCase"` | how operations are named after methods: `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `kebab-case` |
/// | `version = 2` | what both sides have to have; to be raised when a type changes inside |
/// | `deadline = "5s"` | the deadline of methods that have none |
///
/// # What is carried over
///
/// Doc comments, `#[cfg]`, `#[deprecated]`, `#[allow]`, raw identifiers and the trait's visibility. A method under
/// `#[cfg]` keeps its number when it is not there. Default bodies stay in the trait: clients always ask the server.
#[proc_macro_attribute]
pub fn sab_service(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(args.into(), item.into()).into()
}
