//! Whether this thread of this browser can run the VFS, and if not, for which reason.
//!
//! The questions are asked in the order in which their answers help: a page that is not cross-origin isolated has no
//! SharedArrayBuffer, whatever else it has.

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::install::Unavailable;

/// Fails with the reason when memory cannot be shared between the threads of this page.
pub(crate) fn shared_memory() -> Result<(), Unavailable> {
    let isolated = property(&js_sys::global(), "crossOriginIsolated");
    if isolated.is_truthy() && !property(&js_sys::global(), "SharedArrayBuffer").is_undefined() {
        Ok(())
    } else {
        Err(Unavailable::NotCrossOriginIsolated)
    }
}

/// Fails when this is not a dedicated worker: only there may a thread block, and only there are files opened
/// for synchronous access.
pub(crate) fn dedicated_worker() -> Result<(), Unavailable> {
    if property(&js_sys::global(), "DedicatedWorkerGlobalScope").is_undefined() {
        Err(Unavailable::NotInWorker)
    } else {
        Ok(())
    }
}

/// Fails when the browser has no origin private file system with synchronous access, or no Web Locks.
pub(crate) fn storage() -> Result<(), Unavailable> {
    if crate::web::js::STORAGE.with(Option::is_none) {
        return Err(Unavailable::NoOpfs { cause: "navigator.storage is missing".to_owned() });
    }
    let handle = property(&js_sys::global(), "FileSystemFileHandle");
    let prototype = property(handle.unchecked_ref(), "prototype");
    if property(prototype.unchecked_ref(), "createSyncAccessHandle").is_undefined() {
        return Err(Unavailable::NoOpfs {
            cause: "FileSystemFileHandle.createSyncAccessHandle is missing".to_owned(),
        });
    }
    if crate::web::js::LOCKS.with(Option::is_none) {
        return Err(Unavailable::NoWebLocks);
    }
    Ok(())
}

/// Whether a file can have several handles at a time, also in several tabs: whether the browser knows handle modes.
pub(crate) fn shared_handles() -> bool {
    let handle = property(&js_sys::global(), "FileSystemSyncAccessHandle");
    let prototype = property(handle.unchecked_ref(), "prototype");
    Reflect::has(&prototype, &JsValue::from_str("mode")).unwrap_or(false)
}

/// A property of an object, or undefined, also where the object is none.
fn property(object: &Object, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
