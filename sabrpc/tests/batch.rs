//! Batches: one-way calls that travel together keep their order, their errors and the turns of others.
#![cfg(not(target_family = "wasm"))]

use std::{cell::RefCell, time::Duration};

use sabrpc::{
    BulkIn, CallError, Channel, ChannelConfig, Mail, Region, RpcError,
    layout::{request_flags, status},
    native, sab_service, sleep,
};

/// Remembers what it was told, in order.
#[sab_service]
trait Diary {
    #[op(oneway)]
    fn note(&self, text: &str);
    #[op(oneway)]
    async fn muse(&self, text: &str);
    #[op(oneway)]
    fn keep(&self, data: BulkIn<'_>) -> Result<(), u32>;
    #[op(oneway)]
    fn faint(&self);
    fn read(&self) -> Vec<String>;
    fn rested(&self) -> Result<(), u32>;
}

#[derive(Default)]
struct Pages(RefCell<Vec<String>>);

impl Diary for Pages {
    fn note(&self, text: &str) {
        self.0.borrow_mut().push(text.into());
    }

    async fn muse(&self, text: &str) {
        sleep(Duration::from_millis(5)).await;
        self.0.borrow_mut().push(text.into());
    }

    fn keep(&self, data: BulkIn<'_>) -> Result<(), u32> {
        let bytes = data.to_vec();
        match bytes.iter().position(|&byte| byte == 255) {
            Some(_) => Err(bytes.len() as u32),
            None => {
                self.0.borrow_mut().push(format!("{} bytes", bytes.len()));
                Ok(())
            }
        }
    }

    fn faint(&self) {
        panic!("on purpose");
    }

    fn read(&self) -> Vec<String> {
        self.0.take()
    }

    fn rested(&self) -> Result<(), u32> {
        Ok(())
    }
}

fn served() -> (Channel, native::ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes: 3, area: 4096 }).unwrap();
    let server = native::spawn(&channel, || DiaryServer::new(Pages::default()));
    (channel, server)
}

#[test]
fn calls_keep_their_order_whatever_they_are() {
    let (channel, _server) = served();
    let client = DiaryClient::attach(&channel).unwrap();
    let written = client.caller().batch(|| {
        client.note("one")?;
        client.muse("two")?;
        client.note("three")?;
        client.caller().batch(|| client.muse("four"))??;
        let read = client.read()?;
        client.note("five")?;
        Ok::<_, RpcError>(read)
    });
    assert_eq!(
        written.unwrap().unwrap(),
        ["one", "two", "three", "four"],
        "a call in between comes after them"
    );
    assert_eq!(client.read().unwrap(), ["five"]);
}

#[test]
fn a_batch_that_is_larger_than_the_area_is_several() {
    let (channel, _server) = served();
    let client = DiaryClient::attach(&channel).unwrap();
    let expected: Vec<_> = (0..3000).map(|number| format!("note {number}")).collect();
    client.caller().batch(|| expected.iter().try_for_each(|text| client.note(text))).unwrap().unwrap();
    assert_eq!(client.read().unwrap(), expected);

    let kept = client
        .caller()
        .batch(|| [10, 70_000, 4000, 20].iter().try_for_each(|&len| client.keep(&vec![7; len])));
    kept.unwrap().unwrap();
    assert_eq!(client.read().unwrap(), ["10 bytes", "70000 bytes", "4000 bytes", "20 bytes"]);
}

#[test]
fn every_failure_of_a_batch_is_told_in_order() {
    let (channel, _server) = served();
    let client = DiaryClient::attach(&channel).unwrap();
    let batch = client.caller().batch(|| {
        client.keep(&[255; 3])?;
        client.keep(&[1; 4])?;
        client.faint()?;
        client.keep(&[255; 5])
    });
    batch.unwrap().unwrap();
    assert!(matches!(client.caller().flush(), Err(RpcError::Panicked(_))));
    assert_eq!(client.rested(), Err(CallError::Service(3)));
    assert_eq!(client.rested(), Err(CallError::Service(5)));
    assert_eq!(client.rested(), Ok(()));
    assert_eq!(client.read().unwrap(), ["4 bytes"]);
    let errors: Vec<_> = client.caller().metrics().iter().map(|op| (op.name.clone(), op.errors)).collect();
    assert_eq!(errors[2..4], [("keep".into(), 2), ("faint".into(), 1)]);
}

#[test]
fn a_client_that_goes_leaves_its_batch_to_be_executed() {
    let (channel, _server) = served();
    let other = DiaryClient::attach(&channel).unwrap();
    let client = DiaryClient::attach(&channel).unwrap();
    let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        client.caller().batch(|| {
            client.muse("a").unwrap();
            client.note("b").unwrap();
            panic!("in the middle of it");
        })
    }));
    assert!(gone.is_err());
    drop(client);
    assert_eq!(other.read().unwrap(), ["a", "b"]);
}

#[test]
fn a_long_batch_holds_up_nobody_else() {
    let (channel, _server) = served();
    let slow = DiaryAsyncClient::attach(&channel).unwrap();
    let quick = DiaryClient::attach(&channel).unwrap();
    native::block_on(async {
        let gathered = slow.caller().batch(async || {
            for _ in 0..40 {
                slow.muse("…").await?;
            }
            Ok::<_, RpcError>(())
        });
        gathered.await.unwrap().unwrap();
        let start = std::time::Instant::now();
        assert!(quick.read().unwrap().len() < 40);
        assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
        slow.caller().flush().await.unwrap();
        assert!(start.elapsed() > Duration::from_millis(150), "they were still under way");
    });
}

#[test]
fn one_notification_carries_a_batch() {
    let (channel, _server) = served();
    let client = DiaryClient::attach(&channel).unwrap();
    // Of the only mailbox in use: its request's sequence number.
    let sent = || channel.region().load(256);
    let before = sent();
    client.caller().batch(|| (0..50).try_for_each(|_| client.note("x"))).unwrap().unwrap();
    assert_eq!(sent(), before + 1);
    assert_eq!(client.read().unwrap().len(), 50);
}

#[test]
fn lies_of_a_batch_are_answered_with_what_is_wrong() {
    let (channel, _server) = served();
    let client = DiaryClient::attach(&channel).unwrap();
    client.note("here").unwrap();
    client.caller().flush().unwrap();
    let region = channel.region();
    let area = channel.geometry().area(0);
    let ask = |bytes: &[u8], len: i32| {
        use sabrpc::Bytes as _;
        region.copy_in(area, bytes);
        let mut mail = Mail::EMPTY;
        mail.inline[..bytes.len()].copy_from_slice(bytes);
        let seq = region.load(256).wrapping_add(1);
        let op = request_flags::BATCH | request_flags::asker(region.load(256 + 256));
        (mail.value, mail.a, mail.b) = (seq, op, len);
        if region.publish(256, &mail, 192) {
            region.add(128, 1);
            region.notify(128);
        }
        while region.load(256 + 128) != seq {
            std::thread::yield_now();
        }
        (region.load(256 + 132), region.load(256 + 136))
    };
    let unknown = [9, 0, 0, 0, 0, 0, 0, 0];
    let cut_short = [0, 0, 0, 0, 200, 0, 0, 0, 1];
    let no_arguments = [0, 0, 0, 0, 1, 0, 0, 0, 7];
    for (bytes, len) in [
        (&unknown[..], 8),
        (&cut_short[..], 9),
        (&no_arguments[..], 9),
        (&[][..], 0),
        (&[][..], -1),
        (&[][..], i32::MAX),
        (&[1, 2, 3][..], 3),
    ] {
        let (code, told) = ask(bytes, len);
        assert!(code == status::OK && told > 12, "{bytes:?}: {code} {told}");
    }
}
