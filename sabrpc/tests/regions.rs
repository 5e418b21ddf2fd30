//! The suite of regions on every backend: native; in browsers the helper, JavaScript, and one against the other.

mod probe;
mod region;

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use sabrpc::{
        Region as _,
        native::{NativeRegion, block_on},
    };

    use crate::region;

    #[test]
    fn the_native_region_passes() {
        let region = NativeRegion::new(region::SIZE);
        block_on(region::suite(&region, &region.clone()));
    }

    #[test]
    fn the_native_region_refuses_what_is_beyond_it() {
        let region = NativeRegion::new(region::SIZE);
        for (name, mut misuse) in region::misuses(&region) {
            assert!(catch_unwind(AssertUnwindSafe(&mut misuse)).is_err(), "{name} was not refused");
        }
        assert_eq!(region.add(0, 1), region.load(0) - 1, "and it goes on working");
    }
}

#[cfg(target_family = "wasm")]
mod web {
    use std::cell::RefCell;

    use sabrpc::{
        Channel, ChannelConfig, Region as _,
        web::{Backend, WebRegion},
    };
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use crate::region;

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    #[wasm_bindgen(inline_js = "
    export function attempt(f) { try { f(); return ''; } catch (error) { return String(error); } }
    ")]
    extern "C" {
        /// What is thrown by `f`.
        fn attempt(f: &mut dyn FnMut()) -> String;
    }

    fn memory() -> Channel {
        Channel::create(ChannelConfig { mailboxes: 1, area: region::SIZE }).unwrap()
    }

    fn through(channel: &Channel, backend: Backend) -> WebRegion {
        channel.with_backend(backend).unwrap().region().clone()
    }

    async fn passes(one: Backend, other: Backend) {
        let channel = memory();
        region::suite(&through(&channel, one), &through(&channel, other)).await;
    }

    #[wasm_bindgen_test]
    async fn the_helper_passes() {
        passes(Backend::Helper, Backend::Helper).await;
    }

    #[wasm_bindgen_test]
    async fn javascript_passes() {
        passes(Backend::Js, Backend::Js).await;
    }

    #[wasm_bindgen_test]
    async fn the_helper_against_javascript_passes() {
        passes(Backend::Helper, Backend::Js).await;
        passes(Backend::Js, Backend::Helper).await;
    }

    thread_local! {
        /// While a panic is expected: what it says.
        static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// A panic ends in a trap, which JavaScript sees as an exception; what matters is that the panic came first.
    #[wasm_bindgen_test]
    fn what_is_beyond_a_region_is_refused_by_a_panic_and_not_by_a_trap() {
        // It stays: after a panic that ended in a trap the hook cannot be changed any more.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match PANIC.take() {
            Some(_) => PANIC.set(Some(info.to_string())),
            None => before(info),
        }));
        let mut accepted = Vec::new();
        let channel = memory();
        for backend in [Backend::Helper, Backend::Js] {
            let region = through(&channel, backend);
            for (name, mut misuse) in region::misuses(&region) {
                PANIC.set(Some(String::new()));
                let thrown = attempt(&mut || misuse());
                let panic = PANIC.take().unwrap_or_default();
                if !panic.contains("of a region of") {
                    accepted.push(format!("{backend}: {name}: {thrown:?}, {panic:?}"));
                }
            }
            assert_eq!(region.add(0, 1), region.load(0) - 1, "and it goes on working");
        }
        assert!(accepted.is_empty(), "{accepted:#?}");
    }
}
