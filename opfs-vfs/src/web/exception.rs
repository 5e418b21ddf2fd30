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
            // The second is what Firefox says when a file is to grow beyond its quota.
            "QuotaExceededError" | "NS_ERROR_FILE_NO_DEVICE_SPACE" => VfsError::StorageFull { path },
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

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = DOMException)]
        type DomException;

        #[wasm_bindgen(constructor, js_class = "DOMException")]
        fn new(message: &str, name: &str) -> DomException;
    }

    fn path() -> VfsPath {
        VfsPath::parse("/a.db").expect("a path")
    }

    fn mapped(name: &str) -> VfsError {
        let thrown = DomException::new("what happened", name);
        Attempt { op: "write", path: &path() }.failed(&thrown)
    }

    #[wasm_bindgen_test]
    fn the_exceptions_that_a_caller_can_act_on_are_errors_of_their_own() {
        assert_eq!(mapped("NotFoundError"), VfsError::NotFound { path: path() });
        assert_eq!(mapped("QuotaExceededError"), VfsError::StorageFull { path: path() });
        assert_eq!(mapped("NoModificationAllowedError"), VfsError::InUse { path: path() });
        assert_eq!(mapped("TypeMismatchError"), VfsError::WrongKind { path: path() });
    }

    #[wasm_bindgen_test]
    fn any_other_exception_keeps_its_name_and_message() {
        let expected = VfsError::io("write", &path(), "InvalidStateError: what happened");
        assert_eq!(mapped("InvalidStateError"), expected);
    }

    #[wasm_bindgen_test]
    fn a_thrown_value_that_is_no_exception_is_told_as_it_is() {
        let error = Attempt { op: "flush", path: &path() }.failed(&JsValue::from_str("odd"));
        assert!(error.to_string().contains("odd"), "{error}");
    }
}
