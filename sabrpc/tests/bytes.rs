//! A hundred thousand calls whose bytes are looked at on both sides, through every backend.

mod carrier;
mod probe;

/// Raw calls, and typed ones: together what every pair of backends has to carry.
const CALLS: [u32; 2] = [60_000, 40_000];

/// Small enough for many messages to be larger.
const AREA: u32 = 16 << 10;

#[cfg(not(target_family = "wasm"))]
mod native {
    use sabrpc::{Caller, Channel, ChannelConfig, native};

    use crate::{
        AREA, CALLS,
        carrier::{self, CarryClient, CarryServer, Depot, RawDepot},
    };

    #[test]
    fn bytes_are_right_between_threads() {
        let [raw, typed] =
            [(); 2].map(|()| Channel::native(ChannelConfig { mailboxes: 1, area: AREA }).unwrap());
        let _servers = (
            native::spawn(&raw, RawDepot::default),
            native::spawn(&typed, || CarryServer::new(Depot::default())),
        );
        let caller = Caller::attach(&raw, &carrier::RAW).unwrap();
        carrier::raw_calls(&caller, raw.region(), AREA, CALLS[0]);
        let client = CarryClient::attach(&typed).unwrap();
        carrier::typed_calls(&client, typed.region(), AREA, CALLS[1]);
    }
}

#[cfg(target_family = "wasm")]
mod web {
    use sabrpc::{
        Caller, Channel, ChannelConfig, Server,
        web::{self, Backend},
    };
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

    use crate::{
        AREA, CALLS,
        carrier::{self, CarryClient, CarryOp, CarryServer, Depot, RawDepot},
    };

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    fn through(channel: &Channel, js: bool) -> Channel {
        channel.with_backend(if js { Backend::Js } else { Backend::Helper }).unwrap()
    }

    /// Entry of the worker that serves raw calls, through JavaScript if asked to.
    #[expect(unreachable_pub, reason = "only public functions are exported to JavaScript")]
    #[wasm_bindgen]
    pub fn raw_worker(init: JsValue) {
        web::serve_with(init, async |js, channel| {
            Ok(Server::new(&through(&channel, js), RawDepot::default()))
        });
    }

    /// Entry of the worker that serves typed calls.
    #[expect(unreachable_pub, reason = "only public functions are exported to JavaScript")]
    #[wasm_bindgen]
    pub fn typed_worker(init: JsValue) {
        web::serve_with(init, async |js, channel| {
            Ok(Server::new(&through(&channel, js), CarryServer::new(Depot::default())))
        });
    }

    async fn carry(ours: Backend, theirs: Backend, [raw_calls, typed_calls]: [u32; 2]) {
        let start = js_sys::Date::now();
        let js = theirs == Backend::Js;
        let channel = || {
            let channel = Channel::create(ChannelConfig { mailboxes: 1, area: AREA }).unwrap();
            channel.with_backend(ours).unwrap()
        };
        let raw = channel();
        let worker = web::spawn("raw_worker", &raw, &carrier::RAW, &js).await.unwrap();
        let caller = Caller::attach(&raw, &carrier::RAW).unwrap();
        carrier::raw_calls(&caller, raw.region(), AREA, raw_calls);
        worker.terminate();
        let middle = js_sys::Date::now();

        let typed = channel();
        let worker = web::spawn("typed_worker", &typed, CarryOp::SERVICE, &js).await.unwrap();
        let client = CarryClient::attach(&typed).unwrap();
        carrier::typed_calls(&client, typed.region(), AREA, typed_calls);
        worker.terminate();
        let (raw, typed) = (middle - start, js_sys::Date::now() - middle);
        console_log!("{ours} to {theirs}: {raw_calls} and {typed_calls} calls in {raw:.0} and {typed:.0} ms");
    }

    #[wasm_bindgen_test]
    async fn bytes_are_right_through_the_helper() {
        carry(Backend::Helper, Backend::Helper, CALLS).await;
    }

    #[wasm_bindgen_test]
    async fn bytes_are_right_through_javascript() {
        carry(Backend::Js, Backend::Js, CALLS).await;
    }

    #[wasm_bindgen_test]
    async fn bytes_are_right_between_the_helper_and_javascript() {
        carry(Backend::Helper, Backend::Js, CALLS).await;
        carry(Backend::Js, Backend::Helper, CALLS.map(|calls| calls / 10)).await;
    }
}
