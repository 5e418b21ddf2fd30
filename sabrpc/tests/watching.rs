//! What can be seen of a channel from outside while it is in use: figures, and who is stuck where.
#![cfg(not(target_family = "wasm"))]

mod watched;

use std::{
    thread,
    time::{Duration, Instant},
};

use sabrpc::{Channel, ChannelConfig, ChannelDump, Progress, RpcError, Server, native, sab_service};
use watched::{Subject, WatchedClient, WatchedServer, progress};

fn channel() -> Channel {
    Channel::native(ChannelConfig { mailboxes: 4, area: 4096 }).unwrap()
}

/// Dumps until it is as it should be, and returns that dump.
fn dump_until(channel: &Channel, is_so: impl Fn(&ChannelDump) -> bool) -> ChannelDump {
    let start = Instant::now();
    loop {
        let dump = channel.dump();
        if is_so(&dump) {
            return dump;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{dump}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_server_counts_is_read_from_the_region() {
    let channel = channel();
    assert!(matches!(channel.metrics(), Err(RpcError::Malformed { .. })), "nobody has served");
    let server = native::spawn(&channel, || WatchedServer::new(Subject));
    watched::counts_of_everything(&channel);
    drop(server);
    let last = channel.metrics().unwrap();
    assert_eq!((last[0].count, &*last[0].name), (5000, "add"), "the last word of a server that has ended");
    let _server = native::spawn(&channel, || WatchedServer::new(Subject));
    assert!(channel.metrics().unwrap().iter().all(|op| op.count == 0), "another begins anew");
}

#[test]
fn a_server_under_load_shows_its_figures() {
    let channel = channel();
    let _server = native::spawn(&channel, || WatchedServer::new(Subject));
    let client = WatchedClient::attach(&channel).unwrap();
    let start = Instant::now();
    let mut shown = 0;
    while shown < 1000 {
        (0..100).for_each(|_| assert_eq!(client.add(1, 2), Ok(3)));
        shown = channel.metrics().unwrap()[0].count;
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn who_does_not_want_to_know_is_not_told() {
    let channel = channel();
    let server = native::spawn(&channel, || WatchedServer::new(Subject));
    watched::counts_of_everything(&channel);
    drop(server);
    let _server = native::spawn_with(&channel, |channel| {
        Server::new(channel, WatchedServer::new(Subject)).without_metrics()
    });
    let client = WatchedClient::attach(&channel).unwrap();
    client.caller().stop_metrics();
    assert_eq!((client.add(1, 2), client.nap(5)), (Ok(3), Ok(true)));
    assert!(client.caller().metrics().is_empty());
    assert!(channel.metrics().unwrap().iter().all(|op| op.count == 0));
}

#[test]
fn a_stuck_channel_says_where() {
    let channel = channel();
    assert!(channel.dump().to_string().contains("nothing yet, 0 of 4 mailboxes taken"));
    let server = native::spawn(&channel, || WatchedServer::new(Subject));
    let in_thread = |call: fn(&WatchedClient)| {
        let channel = channel.clone();
        thread::spawn(move || call(&WatchedClient::attach(&channel).unwrap()))
    };
    let napping = in_thread(|client| assert_eq!(client.nap(900), Ok(true)));
    let dump = dump_until(&channel, |dump| {
        dump.server_sleeps && progress(dump, "nap").is_some_and(|(_, waiting)| !waiting.is_zero())
    });
    let (how, waiting) = progress(&dump, "nap").unwrap();
    assert_eq!(how, Progress::Awaiting, "{dump}");
    assert!((200..900).contains(&waiting.as_millis()), "{dump}");
    assert!(dump.to_string().contains("nap, request 1 of"), "{dump}");
    // Now the server is in a method that blocks, and another call is in line behind it.
    let blocking = in_thread(|client| client.block(800).unwrap());
    dump_until(&channel, |dump| progress(dump, "block").is_some_and(|(how, _)| how == Progress::Executing));
    let adding = in_thread(|client| assert_eq!(client.add(1, 2), Ok(3)));
    let dump = dump_until(&channel, |dump| {
        progress(dump, "add").is_some_and(|(_, waiting)| !waiting.is_zero())
            && dump.server_looked > Duration::from_millis(200)
    });
    assert_eq!(progress(&dump, "add").unwrap().0, Progress::InLine, "{dump}");
    assert!(!dump.server_sleeps && dump.serving.is_ok(), "{dump}");
    assert!(dump.to_string().contains("3 of 4 mailboxes taken"), "{dump}");
    for thread in [napping, blocking, adding] {
        thread.join().unwrap();
    }
    drop(server);
    let dump = channel.dump();
    assert!(matches!(dump.serving, Err(RpcError::Gone { .. })) && dump.clients.is_empty(), "{dump}");
    assert_eq!(dump.service, "Watched", "it is known who served last");
}

#[test]
fn calls_that_nobody_waits_for_are_told_apart() {
    let channel = channel();
    let _server = native::spawn(&channel, || WatchedServer::new(Subject));
    let client = WatchedClient::attach(&channel).unwrap();
    let within = Duration::from_millis(30);
    assert!(client.caller().within(within, || client.block(300)).is_err());
    let given_up = dump_until(&channel, |dump| progress(dump, "block").is_some());
    assert!(given_up.clients[0].call.as_ref().unwrap().is_given_up, "{given_up}");
    let other = WatchedClient::attach(&channel).unwrap();
    other.put(1).unwrap();
    let oneway = channel.dump();
    let call = oneway.clients[1].call.as_ref().unwrap();
    assert!(call.is_oneway && !call.caller_sleeps, "{oneway}");
    assert!(oneway.to_string().contains("one-way"), "{oneway}");
}

#[test]
fn who_waits_for_whom_is_told() {
    #[sab_service]
    trait Outer {
        fn relay(&self, millis: u64) -> bool;
    }
    struct Relay(Channel);
    impl Outer for Relay {
        fn relay(&self, millis: u64) -> bool {
            WatchedClient::attach(&self.0).unwrap().nap(millis).unwrap()
        }
    }

    let (outer, inner) = (channel(), channel());
    let _inner = native::spawn(&inner, || WatchedServer::new(Subject));
    let theirs = inner.clone();
    let _outer = native::spawn(&outer, move || OuterServer::new(Relay(theirs)));
    let relaying = thread::spawn({
        let outer = outer.clone();
        move || OuterClient::attach(&outer).unwrap().relay(400)
    });
    let held_up = |dump: &ChannelDump| {
        dump.clients.first().and_then(|client| client.call.as_ref()).map(|call| call.held_up.clone())
    };
    let number = outer.dump().number;
    assert_ne!(number, 0);
    let dump = dump_until(&inner, |dump| held_up(dump).is_some_and(|held_up| !held_up.is_empty()));
    assert_eq!(held_up(&dump), Some(vec![number]), "{dump}");
    assert!(dump.to_string().contains(&format!("nobody serves channel {number:016x}")), "{dump}");
    assert_eq!(progress(&outer.dump(), "relay").unwrap().0, Progress::Executing);
    assert_eq!(relaying.join().unwrap(), Ok(true));
}
