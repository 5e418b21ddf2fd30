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

/// Makes a service of a trait: clients that call it from other threads, and a server that answers.
#[proc_macro_attribute]
pub fn sab_service(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(args.into(), item.into()).into()
}
