//! Generated clients and servers at work between two threads: every form that an argument and a result can have comes
//! out as it went in.

use sabrpc::{BulkIn, BulkOut, CallError, Channel, ChannelConfig, RpcError, native, sab_service};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum Error {
    #[error("no {key}")]
    Missing { key: String },
    #[error("full")]
    Full,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Config {
    name: String,
    sizes: Vec<u32>,
}

mod alias {
    //! A `Result` of which the macro sees only one type.
    pub(super) type Result<T, E = super::Error> = std::result::Result<T, E>;
}

/// Every form of argument and result.
#[sab_service]
trait Forms {
    fn nothing(&self);
    fn owned(
        &self,
        text: String,
        list: Vec<u16>,
        pair: (u8, Option<char>),
    ) -> (String, usize, (u8, Option<char>));
    fn borrowed(&self, text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<'_, str>) -> String;
    fn lent(&self, config: &Config, numbers: &[u32], text: &Option<char>) -> Config;
    fn names(&self, names: &[&str], one: &Option<&str>) -> Vec<String>;
    fn fallible(&self, key: &str) -> Result<u32, Error>;
    fn alias(&self, ok: bool) -> alias::Result<Cow<'static, str>>;
    async fn later(&self, millis: u64, text: &str) -> Result<String, Error>;
    async fn bulk(
        &self,
        first: BulkIn<'_>,
        gap: u32,
        out: BulkOut<'_>,
        second: sabrpc::BulkIn<'_>,
        rest: BulkOut<'_>,
    ) -> u32;
    fn reverse(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<usize, Error>;
    #[op(oneway)]
    fn add(&self, n: u32);
    #[op(oneway, id = 500)]
    fn put(&self, key: &str, value: BulkIn<'_>) -> Result<(), Error>;
    #[op(oneway)]
    async fn add_later(&self, n: u32) -> Result<(), Error>;
    fn sum(&self) -> u32;
    /// Calls itself through the trait and not through the `Rc` that holds the service.
    fn clone(&self, frame: u8, args: u8, service: u8) -> [u8; 3];
    fn with_body(&self, mut n: u32) -> u32 {
        n += 1;
        n
    }
}

#[derive(Default)]
struct Impl {
    sum: Cell<u32>,
    keys: RefCell<Vec<String>>,
}

impl Forms for Impl {
    fn nothing(&self) {}

    fn owned(
        &self,
        text: String,
        list: Vec<u16>,
        pair: (u8, Option<char>),
    ) -> (String, usize, (u8, Option<char>)) {
        (text, list.len(), pair)
    }

    fn borrowed(&self, text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<'_, str>) -> String {
        format!("{text} {bytes:?} {maybe:?} {cow}")
    }

    fn lent(&self, config: &Config, numbers: &[u32], text: &Option<char>) -> Config {
        Config { name: format!("{}{text:?}", config.name), sizes: [&config.sizes, numbers].concat() }
    }

    fn names(&self, names: &[&str], one: &Option<&str>) -> Vec<String> {
        names.iter().chain(one).map(ToString::to_string).collect()
    }

    fn fallible(&self, key: &str) -> Result<u32, Error> {
        match self.keys.borrow().iter().position(|known| known == key) {
            Some(at) => Ok(at as u32),
            None => Err(Error::Missing { key: key.to_owned() }),
        }
    }

    fn alias(&self, ok: bool) -> alias::Result<Cow<'static, str>> {
        if ok { Ok("yes".into()) } else { Err(Error::Full) }
    }

    async fn later(&self, millis: u64, text: &str) -> Result<String, Error> {
        sabrpc::sleep(Duration::from_millis(millis)).await;
        Ok(format!("{text} after {millis} ms"))
    }

    async fn bulk(
        &self,
        first: BulkIn<'_>,
        gap: u32,
        mut out: BulkOut<'_>,
        second: BulkIn<'_>,
        mut rest: BulkOut<'_>,
    ) -> u32 {
        sabrpc::sleep(Duration::from_millis(1)).await;
        out.write_at(0, &first.to_vec());
        out.write_at(first.len() + gap as usize, &second.to_vec());
        rest.write_at(0, b"!");
        out.filled() as u32
    }

    fn reverse(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<usize, Error> {
        if data.len() > out.capacity() {
            return Err(Error::Full);
        }
        let mut bytes = data.to_vec();
        bytes.reverse();
        out.write_at(0, &bytes);
        Ok(bytes.len())
    }

    fn add(&self, n: u32) {
        self.sum.set(self.sum.get() + n);
    }

    fn put(&self, key: &str, value: BulkIn<'_>) -> Result<(), Error> {
        if value.is_empty() {
            return Err(Error::Missing { key: key.to_owned() });
        }
        self.keys.borrow_mut().push(key.to_owned());
        Ok(())
    }

    async fn add_later(&self, n: u32) -> Result<(), Error> {
        sabrpc::sleep(Duration::from_millis(1)).await;
        self.sum.set(self.sum.get() + n);
        Ok(())
    }

    fn sum(&self) -> u32 {
        self.sum.get()
    }

    fn clone(&self, frame: u8, args: u8, service: u8) -> [u8; 3] {
        [frame, args, service]
    }
}

/// A served channel. The server outlives the clients of a test, which are made after it.
fn served() -> (native::ServerThread, Channel) {
    let channel = Channel::native(ChannelConfig::default()).expect("the configuration is the default");
    let server = native::spawn(&channel, || FormsServer::new(Impl::default()));
    (server, channel)
}

#[test]
fn values_come_out_as_they_went_in() -> Result<(), Box<dyn std::error::Error>> {
    let (_server, channel) = served();
    let client = FormsClient::attach(&channel)?;
    client.nothing()?;
    assert_eq!(client.owned("äöü".into(), vec![1, 2, 3], (9, Some('x')))?, ("äöü".into(), 3, (9, Some('x'))));
    assert_eq!(client.borrowed("a", &[0, 255], Some("b"), "c".into())?, "a [0, 255] Some(\"b\") c");
    let config = Config { name: "n".into(), sizes: vec![1] };
    let expected = Config { name: "nNone".into(), sizes: vec![1, 2, 3] };
    assert_eq!(client.lent(&config, &[2, 3], &None)?, expected);
    assert_eq!(client.names(&["a", "b"], &Some("c"))?, ["a", "b", "c"]);
    assert_eq!(client.clone(1, 2, 3)?, [1, 2, 3]);
    assert_eq!(client.with_body(1)?, 2);
    Ok(())
}

#[test]
fn errors_cross_as_themselves() -> Result<(), Box<dyn std::error::Error>> {
    let (_server, channel) = served();
    let client = FormsClient::attach(&channel)?;
    let missing = Error::Missing { key: "k".into() };
    assert_eq!(client.fallible("k"), Err(CallError::Service(missing)));
    assert_eq!(client.alias(true), Ok("yes".into()));
    assert_eq!(client.alias(false), Err(CallError::Service(Error::Full)));
    Ok(())
}

#[test]
fn bulk_bytes_keep_their_places() -> Result<(), Box<dyn std::error::Error>> {
    let (_server, channel) = served();
    let client = FormsClient::attach(&channel)?;
    let mut out = *b"________";
    let mut rest = *b"__";
    assert_eq!(client.bulk(b"ab", 1, &mut out, b"cd", &mut rest)?, 5);
    assert_eq!((&out[..2], &out[3..], &rest), (&b"ab"[..], &b"cd___"[..], b"!_"));
    assert_eq!(client.reverse(b"abc", &mut out)?, 3);
    assert_eq!(&out[..3], b"cba");
    assert_eq!(client.reverse(&[0; 9], &mut out), Err(CallError::Service(Error::Full)));
    Ok(())
}

#[test]
fn one_way_calls_are_executed_in_order_and_their_errors_kept() -> Result<(), Box<dyn std::error::Error>> {
    let (_server, channel) = served();
    let client = FormsClient::attach(&channel)?;
    for n in 1..=10 {
        client.add(n)?;
    }
    client.add_later(45)?;
    assert_eq!(client.sum()?, 100);
    client.put("a", b"1")?;
    assert_eq!(client.fallible("a")?, 0);
    client.put("b", b"")?;
    let kept = client.fallible("a");
    assert_eq!(kept, Err(CallError::Service(Error::Missing { key: "b".into() })));
    assert_eq!(client.fallible("a")?, 0);
    Ok(())
}

#[test]
fn the_async_client_says_the_same() -> Result<(), Box<dyn std::error::Error>> {
    let (_server, channel) = served();
    let client = FormsAsyncClient::attach(&channel)?;
    native::block_on(async {
        client.nothing().await?;
        client.add(2).await?;
        assert_eq!(client.sum().await?, 2);
        assert_eq!(client.later(5, "tea").await?, "tea after 5 ms");
        let mut out = [0; 3];
        assert_eq!(client.reverse(b"abc", &mut out).await?, 3);
        assert_eq!(&out, b"cba");
        assert_eq!(client.alias(false).await, Err(CallError::Service(Error::Full)));
        Ok(())
    })
}

#[test]
fn the_service_can_be_called_without_a_channel() {
    let server = FormsServer::new(Impl::default());
    let same = Clone::clone(&server);
    server.service().add(3);
    assert_eq!(same.service().sum(), 3);
    let mut out = [0; 2];
    let reversed = server.service().reverse(BulkIn::from_slice(b"xy"), BulkOut::from_slice(&mut out));
    assert_eq!((reversed, &out), (Ok(2), b"yx"));
    let text = native::block_on(server.service().later(0, "now"));
    assert_eq!(text, Ok("now after 0 ms".into()));
}

#[test]
fn the_tables_agree_with_the_trait() {
    let ids: Vec<u32> = FormsOp::ALL.iter().map(|op| op.id()).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 500, 501, 502, 503, 504]);
    for &op in FormsOp::ALL {
        assert_eq!(FormsOp::try_from(op.id()), Ok(op));
        assert_eq!(FormsOp::SERVICE.op(op.id()), Some(op.info()));
    }
    let unknown = RpcError::UnknownOp { service: "Forms".into(), op: 11 };
    assert_eq!(FormsOp::try_from(11), Err(unknown));
    let put = FormsOp::Put.info();
    assert_eq!((put.name, put.signature), ("put", "(key: &str, value: BulkIn) -> Result<(), Error>"));
    assert_eq!((put.bulk_in, put.bulk_out, put.doc), (1, 0, ""));
    assert!(put.flags.contains(sabrpc::OpFlags::ONEWAY) && put.flags.contains(sabrpc::OpFlags::FALLIBLE));
    assert!(FormsOp::Bulk.info().flags.contains(sabrpc::OpFlags::ASYNC));
    assert!(FormsOp::Clone.info().doc.starts_with("Calls itself"));
}
