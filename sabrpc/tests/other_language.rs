//! A client in plain JavaScript, written from the specification alone, calls a Rust server in a worker.
#![cfg(target_family = "wasm")]

use std::{cell::Cell, time::Duration};

use sabrpc::{BulkIn, BulkOut, Channel, ChannelConfig, layout, sab_service, sleep, web};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

type Kinds = (i64, f64, Option<bool>, Vec<String>);

#[sab_service]
trait Ledger {
    fn add(&self, a: u32, b: u32) -> u32;
    /// Refuses who has no name.
    fn greet(&self, name: &str, times: u32) -> Result<String, u32>;
    async fn nap(&self, millis: u64) -> bool;
    #[op(oneway)]
    fn put(&self, data: BulkIn<'_>) -> Result<(), u32>;
    /// Bytes that were put.
    fn total(&self) -> u32;
    fn echo(&self, by: u8, data: BulkIn<'_>, out: BulkOut<'_>) -> u32;
    fn kinds(&self, a: i64, b: f64, c: Option<bool>, d: Vec<String>) -> Kinds;
    fn panic(&self);
}

#[derive(Default)]
struct Book {
    total: Cell<u32>,
}

impl Ledger for Book {
    fn add(&self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn greet(&self, name: &str, times: u32) -> Result<String, u32> {
        if name.is_empty() { Err(7) } else { Ok(name.repeat(times as usize)) }
    }

    async fn nap(&self, millis: u64) -> bool {
        sleep(Duration::from_millis(millis)).await;
        true
    }

    fn put(&self, data: BulkIn<'_>) -> Result<(), u32> {
        let bytes = data.to_vec();
        if bytes.first() == Some(&255) {
            return Err(300);
        }
        self.total.set(self.total.get() + bytes.len() as u32);
        Ok(())
    }

    fn total(&self) -> u32 {
        self.total.get()
    }

    fn echo(&self, by: u8, data: BulkIn<'_>, mut out: BulkOut<'_>) -> u32 {
        let bytes: Vec<u8> = data.to_vec().iter().map(|byte| byte.wrapping_add(by)).collect();
        out.write_at(0, &bytes);
        bytes.len() as u32
    }

    fn kinds(&self, a: i64, b: f64, c: Option<bool>, d: Vec<String>) -> Kinds {
        (a, b, c, d)
    }

    fn panic(&self) {
        panic!("as it was told to");
    }
}

/// Entry of the worker that serves the ledger.
#[wasm_bindgen]
pub fn ledger_worker(init: JsValue) {
    web::serve(init, async |(): ()| Ok(LedgerServer::new(Book::default())));
}

#[wasm_bindgen(module = "/tests/client/exercise.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn exercise(memory: &JsValue, ids: &[u32], contracts: Vec<u64>, wrong: u64) -> Result<String, JsValue>;
}

/// wasm-bindgen brings along only what is named; the other script imports it.
#[wasm_bindgen(module = "/tests/client/client.js")]
extern "C" {
    fn varint(number: u32) -> Vec<u8>;
}

/// What it got, a line each.
const RESULTS: &str = r#"{
"mismatch":"SchemaMismatch",
"noChannel":"Malformed",
"service":"Ledger",
"add":[3,1],
"sum":2001000,
"greet":[6,400,18000],
"refused":"service error 7",
"echo":[true,true,true,true,true,true,true,true],
"kinds":[true,true,null,["a","ß"]],
"total":10060,
"late":"service error 300",
"timedOut":"TimedOut",
"inTime":true,
"afterwards":42,
"asleep":true,
"unknown":"UnknownOp",
"malformed":"Malformed",
"next":2,
"died":"Gone"}"#;

#[wasm_bindgen_test]
async fn a_client_in_javascript_calls_a_server_in_rust() {
    let channel = Channel::create(ChannelConfig { mailboxes: 2, area: layout::MIN_AREA }).unwrap();
    let worker = web::spawn("ledger_worker", &channel, LedgerOp::SERVICE, &()).await.unwrap();
    let ops = LedgerOp::SERVICE.ops;
    let ids: Vec<u32> = ops.iter().map(|op| op.id).collect();
    let contracts: Vec<u64> = ops.iter().map(sabrpc::OpInfo::contract).collect();
    let wrong = contracts[0] ^ 1;
    let results = exercise(&channel.to_js(), &ids, contracts, wrong).unwrap();
    assert_eq!(varint(300), [0xAC, 2]);
    assert_eq!(results, RESULTS.replace('\n', ""));
    worker.terminate();
}
