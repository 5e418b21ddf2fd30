//! With the feature `tracing`, calls, clients and servers are events.
#![cfg(not(target_family = "wasm"))]

mod watched;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use sabrpc::{Channel, ChannelConfig, native};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use watched::{Subject, WatchedClient, WatchedServer};

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
            sabrpc::Server::new(channel, WatchedServer::new(Subject))
        });
        let client = WatchedClient::attach(&channel).unwrap();
        assert_eq!(client.add(1, 2), Ok(3));
        assert!(client.refuse("no").is_err());
        drop(client);
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
        "DEBUG message=client detached",
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
