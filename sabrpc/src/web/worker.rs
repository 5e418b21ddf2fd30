//! Bindings to `js/worker.js`, and who makes the workers that are started.

use std::{cell::RefCell, rc::Rc};

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::Worker;

#[wasm_bindgen(module = "/js/worker.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn start_worker(glue: &str, entry: &str) -> Result<Worker, JsValue>;
    pub(super) fn shake_hands(worker: &Worker, init: &JsValue, millis: f64) -> Promise;
    pub(super) fn await_init() -> Promise;
    pub(super) fn tell(word: &JsValue);
    pub(super) fn server_opened(number: i32);
    pub(super) fn server_polled(now: bool);
    pub(super) fn server_over();
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = ["import", "meta"], js_name = url)]
    static GLUE_URL: String;

    /// The `WebAssembly.Module` that we are an instance of, by its name in the glue; `wasm_bindgen::module` is refused
    /// where the glue has none, as for bundlers.
    #[wasm_bindgen(thread_local_v2, js_name = wasmModule)]
    static MODULE: Option<JsValue>;
}

type Maker = dyn Fn(&str) -> Result<Worker, JsValue>;

thread_local! {
    static MAKER: RefCell<Option<Rc<Maker>>> = const { RefCell::new(None) };
}

/// From now on, [`spawn`](super::spawn) in this thread starts no worker of its own but takes those that `make` makes. It
/// is given the name of the entry function.
///
/// This is for bundlers: they find the scripts of workers only where a script of yours says
/// `new Worker(new URL("./worker.js", import.meta.url), { type: "module" })`. Let such a script hand you a function that
/// does so,
///
/// ```no_run
/// use wasm_bindgen::prelude::*;
///
/// #[wasm_bindgen]
/// pub fn make_workers_with(make: js_sys::Function) {
///     sabrpc::web::make_workers_with(move |entry| {
///         Ok(make.call1(&JsValue::NULL, &entry.into())?.unchecked_into())
///     });
/// }
/// ```
///
/// and let `worker.js` load the module and then call the entry function, without an argument:
///
/// ```js
/// import init, { greeter_worker } from "./pkg/app.js";
/// await init();
/// greeter_worker();
/// ```
///
/// In Node, `make` may return a `Worker` of `worker_threads`.
pub fn make_workers_with(make: impl Fn(&str) -> Result<Worker, JsValue> + 'static) {
    MAKER.set(Some(Rc::new(make)));
}

/// A new worker for `entry`.
pub(super) fn make(entry: &str) -> Result<Worker, JsValue> {
    match MAKER.with_borrow(Clone::clone) {
        Some(make) => make(entry),
        None => start_worker(&glue_url(), entry),
    }
}

/// The address of the JavaScript module that instantiated us.
pub(super) fn glue_url() -> String {
    GLUE_URL.with(Clone::clone)
}

/// The module that we are an instance of; `undefined` where it is not known.
pub(super) fn module() -> JsValue {
    MODULE.with(|module| module.clone().unwrap_or_default())
}
