//! A browser that lacks something: each lack is a reason of its own. What is missing is taken away here, and given back.
#![cfg(target_family = "wasm")]

use js_sys::{Object, Reflect};
use opfs_vfs::install::install;
use opfs_vfs::{InstallError, InstallOptions, Unavailable};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Hides a property of `object` by one of its own without a value, until dropped.
struct Without {
    object: Object,
    name: &'static str,
    before: Option<Object>,
}

impl Without {
    fn new(object: JsValue, name: &'static str) -> Self {
        let object: Object = object.unchecked_into();
        let before = Object::get_own_property_descriptor(&object, &name.into()).dyn_into().ok();
        let nothing = Object::new();
        for (key, value) in [("configurable", JsValue::TRUE), ("value", JsValue::UNDEFINED)] {
            assert_eq!(Reflect::set(&nothing, &key.into(), &value), Ok(true));
        }
        Object::define_property(&object, &name.into(), &nothing);
        Self { object, name, before }
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        match &self.before {
            Some(before) => drop(Object::define_property(&self.object, &self.name.into(), before)),
            None => drop(Reflect::delete_property(&self.object, &self.name.into())),
        }
    }
}

fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).expect("an object")
}

/// Why the VFS cannot be had now.
async fn reason() -> Unavailable {
    match install(&InstallOptions::default()).await {
        Err(InstallError::Unavailable(reason)) => reason,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it installed"),
    }
}

#[wasm_bindgen_test]
async fn a_page_that_is_not_isolated_is_told_its_headers() {
    let hidden = Without::new(js_sys::global().into(), "crossOriginIsolated");
    let reason = reason().await;
    drop(hidden);
    assert_eq!(reason, Unavailable::NotCrossOriginIsolated);
    assert!(reason.to_string().contains("Cross-Origin-Embedder-Policy: require-corp"), "{reason}");
}

#[wasm_bindgen_test]
async fn a_browser_without_synchronous_handles_is_told_apart() {
    let handle = property(&js_sys::global(), "FileSystemFileHandle");
    let hidden = Without::new(property(&handle, "prototype"), "createSyncAccessHandle");
    let reason = reason().await;
    drop(hidden);
    let Unavailable::NoOpfs { cause } = reason else {
        panic!("another reason: {reason}");
    };
    assert!(cause.contains("createSyncAccessHandle"), "{cause}");
}

#[wasm_bindgen_test]
async fn nothing_is_left_of_a_failed_installation() {
    let handle = property(&js_sys::global(), "FileSystemFileHandle");
    let hidden = Without::new(property(&handle, "prototype"), "createSyncAccessHandle");
    reason().await;
    drop(hidden);
    let folder = Some(format!("missing-tests/{}", js_sys::Date::now()));
    let vfs = install(&InstallOptions { folder, ..InstallOptions::default() })
        .await
        .unwrap_or_else(|error| panic!("now it installs: {error}"));
    vfs.uninstall().map_err(|(_, error)| error).expect("no file is open");
}
