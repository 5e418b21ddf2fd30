//! Bindings of the browser objects that the store and the tab locks use.
//!
//! They are written here rather than taken from `web-sys`, which hides the handle modes and lock options behind an
//! unstable flag. Every function that can throw is declared `catch`: an exception is a value here, never a trap.

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `navigator.storage`.
    #[wasm_bindgen(typescript_type = "StorageManager")]
    pub(crate) type StorageManager;

    /// Absent where the page is not a secure context.
    #[wasm_bindgen(thread_local_v2, js_namespace = navigator, js_name = storage)]
    pub(crate) static STORAGE: Option<StorageManager>;

    #[wasm_bindgen(method, catch, js_name = getDirectory)]
    pub(crate) fn get_directory(this: &StorageManager) -> Result<Promise, JsValue>;

    /// A directory of the origin private file system.
    #[derive(Clone)]
    #[wasm_bindgen(typescript_type = "FileSystemDirectoryHandle")]
    pub(crate) type Directory;

    #[wasm_bindgen(method, catch, js_name = getDirectoryHandle)]
    pub(crate) fn directory(this: &Directory, name: &str, options: &Create) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getFileHandle)]
    pub(crate) fn file(this: &Directory, name: &str, options: &Create) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = removeEntry)]
    pub(crate) fn remove(this: &Directory, name: &str) -> Result<Promise, JsValue>;

    /// The handles in this directory, as an asynchronous iterator.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn values(this: &Directory) -> Result<js_sys::AsyncIterator, JsValue>;

    /// A file's place in the origin private file system; not yet open.
    #[wasm_bindgen(extends = Directory, typescript_type = "FileSystemFileHandle")]
    pub(crate) type FileEntry;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn kind(this: &FileEntry) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn name(this: &FileEntry) -> String;

    #[wasm_bindgen(method, catch, js_name = getFile)]
    pub(crate) fn snapshot(this: &FileEntry) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = createSyncAccessHandle)]
    pub(crate) fn open(this: &FileEntry, options: &HandleMode) -> Result<Promise, JsValue>;

    /// What `getFile` answers; only its size is of interest.
    #[wasm_bindgen(typescript_type = "File")]
    pub(crate) type Snapshot;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn size(this: &Snapshot) -> f64;

    /// An open file.
    #[wasm_bindgen(typescript_type = "FileSystemSyncAccessHandle")]
    pub(crate) type AccessHandle;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn read(this: &AccessHandle, into: &Uint8Array, at: &At) -> Result<f64, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn write(this: &AccessHandle, from: &Uint8Array, at: &At) -> Result<f64, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn truncate(this: &AccessHandle, size: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = getSize)]
    pub(crate) fn get_size(this: &AccessHandle) -> Result<f64, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn flush(this: &AccessHandle) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &AccessHandle) -> Result<(), JsValue>;

    /// `{create}`, the option of looking a name up.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type Create;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_create(this: &Create, create: bool);

    /// `{at}`, the option of reading and writing. One such object is kept per open file, so that a read makes none.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type At;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_at(this: &At, at: f64);

    /// `{mode}`, the option of opening a file; a browser that does not know it opens the file for one handle alone.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type HandleMode;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_mode(this: &HandleMode, mode: &str);

    /// `navigator.locks`.
    #[wasm_bindgen(typescript_type = "LockManager")]
    pub(crate) type Locks;

    /// Absent where the page is not a secure context.
    #[wasm_bindgen(thread_local_v2, js_namespace = navigator, js_name = locks)]
    pub(crate) static LOCKS: Option<Locks>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn request(
        this: &Locks,
        name: &str,
        options: &LockOptions,
        granted: &Function,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn query(this: &Locks) -> Result<Promise, JsValue>;

    /// The options of a lock request.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type LockOptions;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_mode(this: &LockOptions, mode: &str);

    #[wasm_bindgen(method, setter, js_name = ifAvailable)]
    pub(crate) fn set_if_available(this: &LockOptions, only_if_available: bool);

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_signal(this: &LockOptions, signal: &AbortSignal);

    /// What a waiting lock request listens to.
    #[wasm_bindgen(typescript_type = "AbortSignal")]
    pub(crate) type AbortSignal;

    /// What ends a waiting lock request early.
    pub(crate) type AbortController;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new() -> AbortController;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn signal(this: &AbortController) -> AbortSignal;

    #[wasm_bindgen(method)]
    pub(crate) fn abort(this: &AbortController);

    /// What [`Locks::query`] answers.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type LockSnapshot;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn held(this: &LockSnapshot) -> js_sys::Array;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn pending(this: &LockSnapshot) -> js_sys::Array;

    /// One lock that is held or waited for.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type LockInfo;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn name(this: &LockInfo) -> String;

    #[wasm_bindgen(method, getter, js_name = clientId)]
    pub(crate) fn client(this: &LockInfo) -> String;

    /// Messages between the tabs and workers of an origin.
    pub(crate) type BroadcastChannel;

    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new(name: &str) -> Result<BroadcastChannel, JsValue>;

    #[wasm_bindgen(method, catch, js_name = postMessage)]
    pub(crate) fn post(this: &BroadcastChannel, message: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, setter, js_name = onmessage)]
    pub(crate) fn set_on_message(this: &BroadcastChannel, heard: &Function);

    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &BroadcastChannel);

    /// What events happen to.
    type EventTarget;

    /// What a page shows.
    #[wasm_bindgen(extends = EventTarget)]
    type Document;

    /// The document of a page; a worker has none.
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;

    #[wasm_bindgen(method, getter)]
    fn hidden(this: &Document) -> bool;

    #[wasm_bindgen(method, js_name = addEventListener)]
    fn add_event_listener(this: &EventTarget, event: &str, heard: &Function);

    /// What `onmessage` is called with.
    #[wasm_bindgen(extends = js_sys::Object)]
    pub(crate) type Message;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Message) -> JsValue;
}

/// Calls `heard` at every such event of the page or its document. In a worker they never happen.
pub(crate) fn listen(event: &str, heard: &Function) {
    let global: EventTarget = js_sys::global().unchecked_into();
    global.add_event_listener(event, heard);
    DOCUMENT.with(|document| {
        if let Some(document) = document {
            document.add_event_listener(event, heard);
        }
    });
}

/// Whether nobody sees the page.
pub(crate) fn is_hidden() -> bool {
    DOCUMENT.with(|document| document.as_ref().is_some_and(Document::hidden))
}

impl HandleMode {
    /// A handle that bars no other one, where the browser has such handles.
    pub(crate) fn shared() -> Self {
        let options: Self = js_sys::Object::new().unchecked_into();
        options.set_mode("readwrite-unsafe");
        options
    }
}

impl Create {
    /// `{create}`.
    pub(crate) fn new(create: bool) -> Self {
        let options: Self = js_sys::Object::new().unchecked_into();
        options.set_create(create);
        options
    }
}

impl At {
    /// `{}`; the offset is set before each use.
    pub(crate) fn new() -> Self {
        js_sys::Object::new().unchecked_into()
    }
}

impl LockOptions {
    /// `{}`: an exclusive lock, waited for without end.
    pub(crate) fn new() -> Self {
        js_sys::Object::new().unchecked_into()
    }
}
