//! Every type that crosses comes back as it was, through real calls: many between threads, fewer between workers.

mod mirror;

#[cfg(not(target_family = "wasm"))]
mod native {
    use sabrpc::{Channel, ChannelConfig, native};

    use crate::mirror::{self, Glass, MirrorClient, MirrorServer};

    fn with_client(test: impl FnOnce(&MirrorClient)) {
        let channel = Channel::native(ChannelConfig { mailboxes: 1, area: mirror::AREA }).unwrap();
        let _server = native::spawn(&channel, || MirrorServer::new(Glass));
        test(&MirrorClient::attach(&channel).unwrap());
    }

    #[test]
    fn values_come_back_from_a_thread() {
        with_client(|client| mirror::values_come_back(client, 400));
    }

    #[test]
    fn bytes_come_back_from_a_thread() {
        with_client(|client| mirror::bytes_come_back(client, 1000));
    }
}

#[cfg(target_family = "wasm")]
mod web {
    use sabrpc::{Channel, ChannelConfig, web};
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use crate::mirror::{self, Glass, MirrorClient, MirrorOp, MirrorServer};

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    /// Entry of the worker that sends back what it gets.
    #[expect(unreachable_pub, reason = "only public functions are exported to JavaScript")]
    #[wasm_bindgen]
    pub fn mirror_worker(init: JsValue) {
        web::serve(init, async |(): ()| Ok(MirrorServer::new(Glass)));
    }

    #[wasm_bindgen_test]
    async fn values_and_bytes_come_back_from_a_worker() {
        let channel = Channel::create(ChannelConfig { mailboxes: 1, area: mirror::AREA }).unwrap();
        let worker = web::spawn("mirror_worker", &channel, MirrorOp::SERVICE, &()).await.unwrap();
        let client = MirrorClient::attach(&channel).unwrap();
        mirror::values_come_back(&client, 40);
        mirror::bytes_come_back(&client, 100);
        worker.terminate();
    }
}
