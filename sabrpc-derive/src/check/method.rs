//! The rules that each method has to keep on its own.

use super::types;
use crate::ctxt::Ctxt;
use crate::model::{Answer, Arg, Method};
use crate::words;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, Pat, Receiver, ReceiverKind, Safety};

/// Checks `method` alone and returns whether it keeps every rule.
pub(super) fn check(method: &Method, ctxt: &mut Ctxt) -> bool {
    let before = ctxt.count();
    check_function_is_plain(method, ctxt);
    check_function_has_no_generics(method, ctxt);
    check_receiver_is_shared(method, ctxt);
    check_name_is_free(method, ctxt);
    check_args_are_named(method, ctxt);
    check_args_are_unconditional(method, ctxt);
    check_arg_count(method, ctxt);
    for arg in &method.args {
        types::check_arg(arg, ctxt);
    }
    types::check_result(&method.sig.output, ctxt);
    check_oneway_answers_nothing(method, ctxt);
    check_oneway_has_no_bulk_out(method, ctxt);
    check_stream_has_no_bulk_out(method, ctxt);
    ctxt.count() == before
}

/// A caller elsewhere can keep no promise of an `unsafe fn`, know no ABI and call nothing at compile time.
fn check_function_is_plain(method: &Method, ctxt: &mut Ctxt) {
    let sig = &method.sig;
    if let Some(token) = &sig.constness {
        ctxt.error(token, "a method of a service cannot be `const`: remove `const`");
    }
    match &sig.safety {
        Safety::Unsafe(token) => ctxt.error(
            token,
            "a method of a service cannot be `unsafe`, as its callers are elsewhere: check in the method what it needs, \
             and remove `unsafe`",
        ),
        Safety::Safe(token) => ctxt.error(token, "a method of a service is safe anyway: remove `safe`"),
        Safety::Default => {}
    }
    if let Some(abi) = &sig.abi {
        ctxt.error(abi, "a method of a service has no ABI of its own: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        ctxt.error(variadic, "the number of arguments is fixed: take a `Vec` of them");
    }
}

/// The other side decodes one known type.
fn check_function_has_no_generics(method: &Method, ctxt: &mut Ctxt) {
    let generics = &method.sig.generics;
    let only_lifetimes = generics.lifetimes().count() == generics.params.len();
    if generics.params.is_empty() {
        if let Some(clause) = &generics.where_clause {
            ctxt.error(clause, "a method of a service takes no `where` clause: remove it");
        }
    } else if only_lifetimes {
        ctxt.error(
            &generics.params,
            "a method of a service names no lifetimes, as nothing borrowed outlives the call: leave them out, \
             `&str`, `BulkIn<'_>`",
        );
    } else {
        ctxt.error(
            &generics.params,
            "a method of a service cannot be generic, as the server has to know what to decode: name the type, \
             or write one method for each",
        );
    }
}

/// Several calls may be under way at once, so the service is shared.
fn check_receiver_is_shared(method: &Method, ctxt: &mut Ctxt) {
    let Some(FnArg::Receiver(receiver)) = method.sig.inputs.first() else {
        let message = format!(
            "a method of a service takes `&self` first: `fn {}(&self{})`",
            method.sig.ident,
            if method.sig.inputs.is_empty() { "" } else { ", …" }
        );
        ctxt.error(&method.sig.ident, message);
        return;
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => {}
        ReceiverKind::Reference(_, Some(lifetime), None) => {
            // A lifetime that the method declares is reported where it is declared.
            if method.sig.generics.lifetimes().count() == 0 {
                ctxt.error(lifetime, "a service is borrowed for the call: write `&self`");
            }
        }
        ReceiverKind::Reference(_, _, Some(_)) => ctxt.error(
            whole(receiver),
            "several calls share the service, so none can borrow it mutably: write `&self`, and keep what changes in \
             a `Cell` or `RefCell`",
        ),
        ReceiverKind::Value => ctxt.error(
            whole(receiver),
            "a call cannot use the service up: write `&self`",
        ),
        _ => ctxt.error(whole(receiver), "a service is called through a plain reference: write `&self`"),
    }
}

/// The receiver without its attributes.
fn whole(receiver: &Receiver) -> impl ToTokens {
    let mut receiver = receiver.clone();
    receiver.attrs.clear();
    receiver
}

/// Clients have functions of their own.
fn check_name_is_free(method: &Method, ctxt: &mut Ctxt) {
    let name = method.sig.ident.unraw().to_string();
    for (own, purpose) in words::CLIENT_OWN {
        if name == own {
            ctxt.error(
                &method.sig.ident,
                format!(
                    "every client has a function `{own}` of its own, which {purpose}: rename the method \
                     (`#[op(name = \"{own}\")]` keeps the operation's name)"
                ),
            );
        }
    }
}

/// The names come back as parameters of the client.
fn check_args_are_named(method: &Method, ctxt: &mut Ctxt) {
    for pattern in method.args.iter().filter_map(|arg| arg.pattern.as_ref()) {
        let message = match pattern {
            Pat::Wild(_) => "callers want to know what this argument is: give it a name",
            _ => {
                "an argument of a service has a plain name: write `name: Type`, and take it apart in the method"
            }
        };
        ctxt.error(pattern, message);
    }
}

/// Both sides encode the same list of arguments.
fn check_args_are_unconditional(method: &Method, ctxt: &mut Ctxt) {
    for attr in method.args.iter().flat_map(|arg| &arg.attrs) {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            ctxt.error(
                attr,
                "an argument cannot depend on the configuration, or the two sides would not understand each other: \
                 make two methods of it",
            );
        } else if attr.path().is_ident(words::OP) {
            ctxt.error(attr, "`#[op]` goes on a method: move it in front of `fn`");
        }
    }
}

/// Encoded arguments travel as one tuple, bulk bytes in a list of few.
fn check_arg_count(method: &Method, ctxt: &mut Ctxt) {
    if let Some(arg) = method.encoded().nth(words::MAX_ARGS) {
        ctxt.error(
            &arg.name,
            format!(
                "a method of a service takes at most {} arguments beside bulk bytes: put some into a struct",
                words::MAX_ARGS
            ),
        );
    }
    if let Some(arg) = method.args.iter().filter(|arg| arg.is_bulk()).nth(words::MAX_BULK) {
        ctxt.error(
            &arg.name,
            format!(
                "a method of a service takes at most {} bulk arguments: put some bytes together",
                words::MAX_BULK
            ),
        );
    }
}

/// Nobody waits for what a one-way call returns; only its error is kept for a later call.
fn check_oneway_answers_nothing(method: &Method, ctxt: &mut Ctxt) {
    if method.oneway.is_none() {
        return;
    }
    let is_nothing = match &method.answer {
        Answer::Nothing => true,
        Answer::Plain(_) | Answer::Stream { .. } => false,
        Answer::Fallible { .. } => types::answers_unit(&method.sig.output),
    };
    if let syn::ReturnType::Type(_, ty) = &method.sig.output
        && !is_nothing
    {
        ctxt.error(
            ty,
            "a one-way call waits for no answer: return nothing or `Result<(), E>`, or take `oneway` away",
        );
    }
}

/// Nobody waits for the bytes of a one-way call.
fn check_oneway_has_no_bulk_out(method: &Method, ctxt: &mut Ctxt) {
    if method.oneway.is_some() {
        for Arg { ty, .. } in method.bulk_out() {
            ctxt.error(ty, "a one-way call waits for no bytes: take `BulkOut` away, or `oneway`");
        }
    }
}

/// Bulk bytes are filled while the call lasts, and a stream outlives it.
fn check_stream_has_no_bulk_out(method: &Method, ctxt: &mut Ctxt) {
    if method.answer.is_stream() {
        for Arg { ty, .. } in method.bulk_out() {
            ctxt.error(
                ty,
                "a stream fills no bulk bytes: make its items `Vec<u8>`, or return something else",
            );
        }
    }
}
