//! A service that can be watched while it is busy, blocked or waiting.

// Each test file uses its own part.
#![allow(dead_code)]

use std::time::Duration;

use sabrpc::{BulkIn, BulkOut, Channel, ChannelDump, Exception, Progress, sab_service, sleep};

#[sab_service]
pub(crate) trait Watched {
    fn add(&self, a: u32, b: u32) -> u32;
    fn refuse(&self, why: &str) -> Result<(), String>;
    fn copy(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> u32;
    /// Blocks the server.
    fn block(&self, millis: u64);
    async fn nap(&self, millis: u64) -> bool;
    #[op(oneway)]
    fn put(&self, number: u32);
    /// Runs JavaScript that throws.
    fn throw(&self, script: &str) -> Result<(), Exception>;
    async fn throw_later(&self, script: &str) -> Result<(), Exception>;
}

pub(crate) struct Subject;

impl Watched for Subject {
    fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    fn refuse(&self, why: &str) -> Result<(), String> {
        Err(why.into())
    }

    fn copy(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> u32 {
        out.write_at(0, &data.to_vec());
        data.len() as u32
    }

    fn block(&self, millis: u64) {
        #[cfg(not(target_family = "wasm"))]
        std::thread::sleep(Duration::from_millis(millis));
        #[cfg(target_family = "wasm")]
        {
            let until = js_sys::Date::now() + millis as f64;
            while js_sys::Date::now() < until {}
        }
    }

    async fn nap(&self, millis: u64) -> bool {
        sleep(Duration::from_millis(millis)).await;
        true
    }

    fn put(&self, _: u32) {}

    fn throw(&self, script: &str) -> Result<(), Exception> {
        throw(script)
    }

    async fn throw_later(&self, script: &str) -> Result<(), Exception> {
        sleep(Duration::from_millis(1)).await;
        throw(script)
    }
}

#[cfg(target_family = "wasm")]
fn throw(script: &str) -> Result<(), Exception> {
    js_sys::eval(script)?;
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
fn throw(_: &str) -> Result<(), Exception> {
    Err(Exception::default())
}

/// The progress of the only call of `op`, and for how long it has been waited for.
pub(crate) fn progress(dump: &ChannelDump, op: &str) -> Option<(Progress, Duration)> {
    let mut calls =
        dump.clients.iter().filter_map(|client| client.call.as_ref()).filter(|call| call.op == op);
    let call = calls.next()?;
    assert!(calls.next().is_none(), "{dump}");
    Some((call.progress, call.waiting))
}

/// Makes calls of several kinds, and checks what was counted of them, from the region.
pub(crate) fn counts_of_everything<R: sabrpc::Region>(channel: &Channel<R>) {
    let client = WatchedClient::attach(channel).unwrap();
    for number in 0..5000 {
        assert_eq!(client.add(number, 1), Ok(number + 1));
    }
    for _ in 0..20 {
        client.block(3).unwrap();
        assert!(client.refuse("no").is_err());
        let mut out = [0; 1000];
        assert_eq!(client.copy(&[7; 1000], &mut out), Ok(1000));
    }
    client.caller().batch(|| (0..10).for_each(|number| client.put(number).unwrap())).unwrap();
    client.caller().flush().unwrap();
    let ours = client.caller().metrics();
    assert!(client.nap(20).unwrap());
    // The server went to sleep over that, and has told everything by then.
    let shown = channel.metrics().unwrap();
    let find = |name: &str| shown.iter().find(|op| op.name == name).unwrap();
    assert_eq!(shown.iter().map(|op| op.count).collect::<Vec<_>>()[..4], [5000, 20, 20, 20], "{shown:?}");
    assert_eq!((find("refuse").errors, find("add").errors, find("put").count), (20, 0, 10));
    assert!(find("copy").bytes_in >= 20_000 && find("copy").bytes_out >= 20_000, "{shown:?}");
    let block = find("block");
    // The clock by which it blocks is coarse.
    let least = Duration::from_micros(1500);
    assert!(block.p50 >= least && block.time >= 20 * least, "{block:?}");
    assert!(block.p50 <= block.p99 && block.p99 <= block.max && block.max <= block.time, "{block:?}");
    assert!(find("add").p50 < Duration::from_millis(1), "{shown:?}");
    let called = ours.iter().find(|op| op.name == "block").unwrap();
    assert!(called.p50 >= least && called.max >= called.p50, "{called:?}");
}
