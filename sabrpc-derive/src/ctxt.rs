//! Collects errors, so that all mistakes in one trait are reported together.
//!
//! A [`Ctxt`] has to be finished. One that is dropped with its errors unread is a defect of this crate, and debug
//! builds (its own tests) say so.

use proc_macro2::Span;
use quote::ToTokens;
use std::fmt::Display;

/// The errors found so far.
#[derive(Default)]
#[must_use]
pub(crate) struct Ctxt {
    errors: Vec<syn::Error>,
    finished: bool,
}

impl Ctxt {
    /// Starts without errors.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reports `message`, underlining all of `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports `message` at one place.
    pub(crate) fn error_at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Takes over an error that `syn` has made.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// How many errors there are, to tell whether a step has added one.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// Gives up the errors as one, in the order found; `None` if there was none.
    pub(crate) fn finish(mut self) -> Option<syn::Error> {
        self.finished = true;
        self.errors.drain(..).reduce(|mut all, next| {
            all.combine(next);
            all
        })
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        debug_assert!(self.finished || std::thread::panicking(), "errors were collected and never read");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_kept_in_order() {
        let mut ctxt = Ctxt::new();
        ctxt.error_at(Span::call_site(), "first");
        ctxt.error_at(Span::call_site(), "second");
        assert_eq!(ctxt.count(), 2);
        let messages: Vec<String> =
            ctxt.finish().into_iter().flatten().map(|error| error.to_string()).collect();
        assert_eq!(messages, ["first", "second"]);
    }

    #[test]
    fn no_error_is_no_error() {
        assert!(Ctxt::new().finish().is_none());
    }
}
