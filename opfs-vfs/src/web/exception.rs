//! Exceptions of the browser in the words of [`VfsError`].
//!
//! A `DOMException` tells its kind by its `name`. The names that a caller can act on become errors of their own; any
//! other keeps its name and message as the cause of [`VfsError::Io`], so that nothing the browser said is lost.

use wasm_bindgen::prelude::*;

use crate::error::VfsError;
use crate::path::VfsPath;

/// What was tried when the browser threw.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// The browser's function, such as `createSyncAccessHandle`.
    pub(crate) op: &'static str,
    /// The path it was called for.
    pub(crate) path: &'a VfsPath,
}

impl Attempt<'_> {
    /// The error that `thrown` stands for.
    pub(crate) fn failed(self, thrown: &JsValue) -> VfsError {
        let path = self.path.clone();
        match name(thrown).as_str() {
            "NotFoundError" => VfsError::NotFound { path },
            "QuotaExceededError" => VfsError::StorageFull { path },
            "NoModificationAllowedError" => VfsError::InUse { path },
            "TypeMismatchError" => VfsError::WrongKind { path },
            _ => self.because(describe(thrown)),
        }
    }

    /// The error of a call that did not throw, but did not do its work either.
    pub(crate) fn because(self, cause: impl std::fmt::Display) -> VfsError {
        VfsError::io(self.op, self.path, cause)
    }
}

/// The `name` of an exception; empty for a thrown value that has none.
pub(crate) fn name(thrown: &JsValue) -> String {
    text(thrown, "name")
}

/// `Name: message`, or whatever the thrown value says of itself.
pub(crate) fn describe(thrown: &JsValue) -> String {
    match (name(thrown), text(thrown, "message")) {
        (name, message) if name.is_empty() && message.is_empty() => format!("{thrown:?}"),
        (name, message) if message.is_empty() => name,
        (name, message) if name.is_empty() => message,
        (name, message) => format!("{name}: {message}"),
    }
}

fn text(thrown: &JsValue, property: &str) -> String {
    js_sys::Reflect::get(thrown, &JsValue::from_str(property))
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}
