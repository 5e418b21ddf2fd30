//! Callers and servers that were built at different times: who may call whom, and what who may not is told.
#![cfg(not(target_family = "wasm"))]

use sabrpc::{
    BulkIn, CallError, Channel, ChannelConfig, Dispatch, OpFlags, RpcError, ServiceInfo,
    native::{self, ServerThread},
    sab_service,
};

/// The service as it was first.
mod old {
    #[sabrpc::sab_service]
    pub(super) trait Files {
        fn open(&self, path: &str) -> u32;
        fn len(&self, file: u32) -> Result<u64, String>;
    }
}

/// With operations more, and everything else written in another way.
mod new {
    use super::*;
    use std::borrow::Cow;

    #[sab_service]
    pub(super) trait Files {
        /// Opens.
        async fn open(&self, name: Cow<'_, str>) -> std::primitive::u32;
        fn len(&self, of: &u32) -> std::result::Result<u64, String>;
        fn rename(&self, from: &str, to: &str) -> Result<(), String>;
        #[op(oneway)]
        fn write(&self, file: u32, data: BulkIn<'_>);
    }
}

/// With another `open`.
mod other {
    #[sabrpc::sab_service]
    pub(super) trait Files {
        fn open(&self, path: &str, flags: u32) -> u32;
        fn len(&self, file: u32) -> Result<u64, String>;
    }
}

/// With two of the same form that have changed places.
mod swapped {
    #[sabrpc::sab_service]
    pub(super) trait Files {
        fn len(&self, file: u32) -> Result<u64, String>;
        fn open(&self, path: &str) -> u32;
    }
}

/// With methods of other names for the same operations.
mod renamed {
    #[sabrpc::sab_service]
    pub(super) trait Storage {
        #[op(name = "len", id = 1)]
        fn length_of(&self, file: u32) -> Result<u64, String>;
        #[op(name = "open", id = 0)]
        fn open_file(&self, path: &str) -> u32;
    }
}

/// After a change that no signature shows.
mod versioned {
    #[sabrpc::sab_service(version = 2)]
    pub(super) trait Files {
        fn open(&self, path: &str) -> u32;
        fn len(&self, file: u32) -> Result<u64, String>;
    }
}

struct Disk;

impl old::Files for Disk {
    fn open(&self, path: &str) -> u32 {
        path.len() as u32
    }

    fn len(&self, file: u32) -> Result<u64, String> {
        if file == 0 { Err("closed".into()) } else { Ok(u64::from(file) * 10) }
    }
}

impl new::Files for Disk {
    async fn open(&self, name: std::borrow::Cow<'_, str>) -> u32 {
        old::Files::open(self, &name)
    }

    fn len(&self, of: &u32) -> Result<u64, String> {
        old::Files::len(self, *of)
    }

    fn rename(&self, _from: &str, _to: &str) -> Result<(), String> {
        Ok(())
    }

    fn write(&self, _file: u32, _data: BulkIn<'_>) {}
}

fn start<S: Dispatch>(make: impl FnOnce() -> S + Send + 'static) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes: 3, area: 4096 }).unwrap();
    let server = native::spawn(&channel, make);
    (channel, server)
}

fn hash(service: &ServiceInfo) -> u64 {
    service.schema_hash
}

#[test]
fn the_hash_changes_with_what_crosses_and_with_nothing_else() {
    let old = hash(old::FilesOp::SERVICE);
    assert_eq!(hash(renamed::StorageOp::SERVICE), old);
    for changed in [
        new::FilesOp::SERVICE,
        other::FilesOp::SERVICE,
        swapped::FilesOp::SERVICE,
        versioned::FilesOp::SERVICE,
    ] {
        assert_ne!(hash(changed), old, "{changed:?}");
    }
    // What both have is the same, however it is written.
    for (old, new) in old::FilesOp::ALL.iter().zip(new::FilesOp::ALL) {
        assert_eq!(old.info().contract(), new.info().contract(), "{}", old.name());
    }
}

#[test]
fn a_newer_caller_meets_unknown_op_on_an_older_server() {
    let (channel, _server) = start(|| old::FilesServer::new(Disk));
    let client = new::FilesClient::attach(&channel).unwrap();
    assert_eq!(client.open("abc".into()), Ok(3));
    assert_eq!(client.len(&3), Ok(30));
    let unknown = RpcError::UnknownOp { service: "Files".into(), op: 2 };
    assert_eq!(client.rename("a", "b"), Err(CallError::Rpc(unknown)));
    assert_eq!(client.len(&0), Err(CallError::Service("closed".into())));
    // Of a one-way call, the next one hears.
    client.write(1, &[7; 10]).unwrap();
    let unknown = RpcError::UnknownOp { service: "Files".into(), op: 3 };
    assert_eq!(client.open("abc".into()), Err(unknown.clone()));
    assert_eq!(client.open("abc".into()), Ok(3));
    // Of one in pieces, at the first.
    assert_eq!(client.write(1, &[7; 10_000]), Err(unknown));
    assert_eq!(client.open("abc".into()), Ok(3));
}

#[test]
fn an_older_caller_is_at_home_on_a_newer_server() {
    let (channel, _server) = start(|| new::FilesServer::new(Disk));
    let client = old::FilesClient::attach(&channel).unwrap();
    assert_eq!((client.open("abc"), client.len(3)), (Ok(3), Ok(30)));
    let client = renamed::StorageClient::attach(&channel).unwrap();
    assert_eq!((client.open_file("abc"), client.length_of(3)), (Ok(3), Ok(30)));
    native::block_on(async {
        let client = old::FilesAsyncClient::attach(&channel).unwrap();
        assert_eq!(client.open("abc").await, Ok(3));
    });
}

#[test]
fn who_means_something_else_is_told_what() {
    let (channel, _server) = start(|| old::FilesServer::new(Disk));
    let told = |error: Option<RpcError>| match error {
        Some(RpcError::SchemaMismatch { difference, .. }) => difference,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(other::FilesClient::attach(&channel).err()),
        "as operation 0 the caller has open(path: &str, flags: u32) -> u32, the server has open(path: &str) -> u32"
    );
    assert_eq!(
        told(swapped::FilesClient::attach(&channel).err()),
        "as operation 0 the caller has len(file: u32) -> Result<u64, String>, the server has open(path: &str) -> u32; \
         as operation 1 the caller has open(path: &str) -> u32, the server has len(file: u32) -> Result<u64, String>"
    );
    assert_eq!(
        told(versioned::FilesClient::attach(&channel).err()),
        "the caller has version 2, the server has version 0"
    );
    let error = other::FilesAsyncClient::attach(&channel).err().map(|error| error.to_string());
    let error = error.unwrap();
    assert!(
        error.starts_with("caller and server have different definitions of Files: as operation 0"),
        "{error}"
    );
}

#[test]
fn the_table_of_a_server_can_be_read() {
    let (channel, server) = start(|| new::FilesServer::new(Disk));
    let served = channel.served().unwrap();
    assert_eq!((served.name.as_str(), served.version, served.ops.len()), ("Files", 0, 4));
    let write = &served.ops[3];
    assert_eq!((write.id, write.name.as_str()), (3, "write"));
    assert_eq!(write.signature, "(file: u32, data: BulkIn)");
    assert_eq!(write.flags, OpFlags::ONEWAY);
    assert_eq!(write.contract, new::FilesOp::Write.info().contract());
    server.stop();
    assert!(matches!(channel.served(), Err(RpcError::Gone { .. })));
}

#[test]
fn a_table_that_is_none_is_an_error() {
    use sabrpc::{Bytes as _, Region as _, layout};
    let (channel, _server) = start(|| old::FilesServer::new(Disk));
    let (region, table) = (channel.region(), channel.geometry().table());
    for (len, fill) in [(0, 0), (8193, 0), (-1, 0), (40, 0xFF), (8192, 0xFF)] {
        region.copy_in(table, &[fill; 8192]);
        region.store(layout::AT_TABLE_LEN, len);
        assert!(matches!(channel.served(), Err(RpcError::Malformed { .. })), "{len} bytes of {fill}");
        let error = new::FilesClient::attach(&channel).err();
        assert!(matches!(error, Some(RpcError::SchemaMismatch { .. })), "{error:?}");
        assert!(old::FilesClient::attach(&channel).is_ok(), "equal hashes need no table");
    }
}
