//! With the feature `tracing`, calls, clients and servers are events.
#![cfg(not(target_family = "wasm"))]

mod watched;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, OnceLock},
};

use sabrpc::{
    BulkIn, BulkOut, Caller, Channel, ChannelConfig, Dispatch, Dispatched, Frame, OpInfo, RpcError,
    ServiceInfo, native,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use watched::{Subject, WatchedClient, WatchedOp, WatchedServer};

/// Keeps the events of level `most` and below, a line for each.
struct Collector {
    most: Level,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A raw operation beside the service's own: answers with what came, twice.
static TWICE: OpInfo = OpInfo::raw(100, "twice");

fn contract() -> &'static ServiceInfo {
    static CONTRACT: OnceLock<ServiceInfo> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut ops = WatchedOp::SERVICE.ops.to_vec();
        ops.push(TWICE);
        ServiceInfo::new("Watched", ops.leak())
    })
}

struct WithRaw(WatchedServer<Subject>);

impl Dispatch for WithRaw {
    fn info(&self) -> &'static ServiceInfo {
        contract()
    }

    fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
        self.0.dispatch(op, frame)
    }

    fn dispatch_raw(&self, _: u32, request: BulkIn<'_>, response: &mut BulkOut<'_>) -> Result<(), RpcError> {
        let bytes = request.to_vec();
        if bytes.is_empty() {
            let what = "twice".to_owned();
            return Err(RpcError::Malformed { what, detail: "nothing to double".into() });
        }
        response.write_at(0, &bytes.repeat(2));
        Ok(())
    }
}

/// A later version of the service.
mod later {
    #[sabrpc::sab_service]
    pub(super) trait Watched {
        fn add(&self, a: u32, b: u32) -> u32;
        #[op(id = 200)]
        fn subtract(&self, left: u32, right: u32) -> u32;
    }
}

/// Serves and calls under a collector; returns what it has collected.
fn collect(most: Level) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let collector = || Collector { most, lines: Arc::clone(&lines) };
    let channel = Channel::native(ChannelConfig { mailboxes: 1, area: 4096 }).unwrap();
    let theirs = tracing::Dispatch::new(collector());
    tracing::subscriber::with_default(collector(), || {
        let server = native::spawn_with(&channel, move |channel| {
            // For as long as this thread lives.
            std::mem::forget(tracing::dispatcher::set_default(&theirs));
            sabrpc::Server::new(channel, WithRaw(WatchedServer::new(Subject)))
        });
        let client = WatchedClient::attach(&channel).unwrap();
        assert_eq!(client.add(1, 2), Ok(3));
        assert!(client.refuse("no").is_err());
        client.caller().batch(|| client.put(7).unwrap()).unwrap();
        client.caller().flush().unwrap();
        drop(client);
        let later = later::WatchedClient::attach(&channel).unwrap();
        assert!(later.subtract(3, 2).is_err());
        drop(later);
        let raw = Caller::attach(&channel, contract()).unwrap();
        let mut response = [0; 8];
        assert_eq!(raw.call_raw(&TWICE, &[1, 2], &mut response), Ok(4));
        assert!(raw.call_raw(&TWICE, &[], &mut response).is_err());
        drop(raw);
        drop(server);
    });
    Arc::try_unwrap(lines)
        .map_or_else(|lines| lines.lock().unwrap().clone(), |lines| lines.into_inner().unwrap())
}

#[test]
fn calls_clients_and_servers_are_events() {
    let lines = collect(Level::TRACE);
    for expected in [
        "DEBUG message=server opened service=\"Watched\"",
        "DEBUG message=client attached service=\"Watched\" mailbox=0 client=1",
        "TRACE message=served op=\"add\" mailbox=0 client=1",
        "TRACE message=called op=\"add\" mailbox=0 client=1 bytes_in=2 bytes_out=1",
        "DEBUG message=served with an error op=\"refuse\"",
        "DEBUG message=call failed op=\"refuse\"",
        "TRACE message=called op=\"put\" mailbox=0 client=1",
        "TRACE message=served op=\"put\" mailbox=0 client=1",
        "DEBUG message=call failed op=\"subtract\" mailbox=0 client=3",
        "DEBUG message=refused error=service Watched has no operation with id 200",
        "TRACE message=called op=\"twice\" mailbox=0 client=5 bytes_in=2 bytes_out=4",
        "TRACE message=served op=\"twice\" mailbox=0 client=5",
        "DEBUG message=call failed op=\"twice\" mailbox=0 client=5",
        "DEBUG message=refused error=malformed twice: nothing to double",
        "DEBUG message=client detached service=\"Watched\" mailbox=0 client=1",
        "DEBUG message=server ended",
    ] {
        let found = lines.iter().filter(|line| line.starts_with(expected)).count();
        assert_eq!(found, 1, "{expected}: {lines:#?}");
    }
}

#[test]
fn a_subscriber_that_does_not_want_them_gets_no_calls() {
    let lines = collect(Level::DEBUG);
    assert!(lines.iter().any(|line| line.contains("call failed")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("called") || line.starts_with("TRACE")), "{lines:#?}");
}
