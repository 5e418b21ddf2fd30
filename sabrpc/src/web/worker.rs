//! Bindings to `js/worker.js`, and to the address of our own glue.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/js/worker.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn start_worker(glue: &str, name: &str) -> Result<web_sys::Worker, JsValue>;
    pub(super) fn shake_hands(worker: &web_sys::Worker, init: &JsValue, millis: f64) -> Promise;
    pub(super) fn serving(life: &JsValue);
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = ["import", "meta"], js_name = url)]
    static GLUE_URL: String;

    #[wasm_bindgen(js_name = postMessage)]
    pub(super) fn post_to_parent(message: &JsValue);
}

/// The address of the JavaScript module that instantiated us.
pub(super) fn glue_url() -> String {
    GLUE_URL.with(Clone::clone)
}
