//! Whoever dies, nobody waits for him for ever: servers and callers that end without a word, natively.
#![cfg(not(target_family = "wasm"))]

mod mortal;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use mortal::{BOUND, DIED, MortalClient, MortalServer, Subject};
use sabrpc::{CallError, Channel, ChannelConfig, RpcError, Server, ServerState, native};

fn channel() -> Channel {
    Channel::native(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap()
}

#[test]
fn an_answer_that_cannot_be_encoded_is_an_error_of_its_own() {
    let channel = channel();
    let _server = native::spawn_with(&channel, mortal::server);
    let client = MortalClient::attach(&channel).unwrap();
    let said = client.say(false);
    assert!(matches!(&said, Err(RpcError::Unencodable { what, .. }) if what == "say"), "{said:?}");
    let said = client.say_later();
    assert!(matches!(&said, Err(CallError::Rpc(RpcError::Unencodable { .. }))), "{said:?}");
    assert_eq!(client.say(true), Err(RpcError::Panicked("struck dumb".into())));
    assert_eq!(client.die(0), Err(RpcError::Panicked("died".into())));
    assert_eq!(client.add(1, 2), Ok(3), "and it serves on");
}

#[test]
fn a_thread_that_panics_gives_back_what_its_client_held() {
    let channel = channel();
    let _server = native::spawn_with(&channel, mortal::server);
    let client = MortalClient::attach(&channel).unwrap();
    for round in 1..=3 {
        let theirs = channel.clone();
        let dies = thread::spawn(move || {
            let client = MortalClient::attach(&theirs).unwrap();
            client.put(&[1; 10_000]).unwrap();
            assert_eq!(client.add(1, 2), Ok(3));
            panic!("the caller's own");
        });
        assert!(dies.join().is_err());
        assert!((0..100).any(|_| client.nap(5).is_ok() && client.gone() == Ok(round)), "round {round}");
    }
}

#[test]
fn a_caller_that_was_leaked_can_be_released() {
    let channel = channel();
    let _server = native::spawn_with(&channel, mortal::server);
    let client = MortalClient::attach(&channel).unwrap();
    let leaked = MortalClient::attach(&channel).unwrap();
    assert_eq!(leaked.add(1, 2), Ok(3), "the server knows it");
    let id = leaked.caller().id();
    std::mem::forget(leaked);
    let full = MortalClient::attach(&channel).err();
    assert_eq!(full, Some(RpcError::NoMailbox { mailboxes: 2 }));
    channel.release(id);
    channel.release(id);
    assert!((0..100).any(|_| client.nap(5).is_ok() && client.gone() == Ok(1)));
    assert_eq!(MortalClient::attach(&channel).unwrap().add(1, 2), Ok(3));
}

/// A server whose own code panics, outside of any method, takes its thread along.
#[test]
fn a_server_that_panics_ends_the_wait_of_all_its_callers_and_another_can_serve() {
    let channel = channel();
    let server = native::spawn_with(&channel, |channel| {
        let server = Server::new(channel, MortalServer::new(Subject::default()));
        server.on_disconnect(|_| panic!("while tidying up"))
    });
    let (told, begun) = mpsc::channel();
    let waiting = thread::spawn({
        let channel = channel.clone();
        move || {
            let client = MortalClient::attach(&channel).unwrap();
            told.send(()).unwrap();
            (client.nap(20_000), Instant::now(), client.add(1, 2), client)
        }
    });
    begun.recv().unwrap();
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    let leaves = MortalClient::attach(&channel).unwrap();
    assert_eq!(leaves.add(1, 2), Ok(3));
    drop(leaves);
    let (napped, when, added, client) = waiting.join().unwrap();
    assert_eq!(napped, Err(DIED));
    assert!(when - start < BOUND, "{:?}", when - start);
    assert_eq!(added, Err(DIED));
    drop(server);
    let _next = native::spawn_with(&channel, mortal::server);
    assert_eq!(client.add(1, 2), Err(RpcError::Gone { state: ServerState::Replaced }));
    drop(client);
    assert_eq!(MortalClient::attach(&channel).unwrap().add(1, 2), Ok(3));
}
