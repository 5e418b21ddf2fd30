//! A call on a warm channel allocates nothing at its caller.
#![cfg(not(target_family = "wasm"))]

mod probe;

use probe::{ProbeClient, ProbeServer, Prober};
use sabrpc::{Channel, ChannelConfig, native};

#[test]
fn a_warm_call_allocates_nothing_at_its_caller() {
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let _server = native::spawn(&channel, || ProbeServer::new(Prober::default()));
    let client = ProbeClient::attach(&channel).unwrap();
    let (sent, mut got) = (vec![3; 8192], vec![0; 8192]);
    let mut calls = || {
        for _ in 0..100 {
            assert_eq!(client.add(40, 2), Ok(42));
            assert_eq!(client.echo(1, &sent, &mut got), Ok(8192));
            assert_eq!(client.put(&sent), Ok(()));
        }
    };
    calls();
    let counted = allocation_counter::measure(calls);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    let one = allocation_counter::measure(|| drop(std::hint::black_box(vec![1; 100])));
    assert_eq!(one.count_total, 1, "the counter counts");
}
