//! How often a hot call goes to the shared memory, on either side: the numbers that the design rests on.
#![cfg(not(target_family = "wasm"))]

mod patient;

use patient::{
    Crossings, Patient,
    service::{BYTES, Plain, RAW, RAWS, TypedClient, TypedServer},
};
use sabrpc::Caller;

/// Calls of each kind.
const CALLS: u32 = 320;

/// A call's crossings at its caller and at its server: publish, await_change, copy_in, copy_out.
type Both = [[u32; 4]; 2];

/// Makes `call` often, and compares what one takes.
fn each_takes(name: &str, ours: &Patient, theirs: &Patient, expected: Both, mut call: impl FnMut()) {
    // The first ones are timed one by one, and warm up.
    (0..64).for_each(|_| call());
    ours.take();
    theirs.take();
    (0..CALLS).for_each(|_| call());
    for (side, counted, expected) in
        [("caller", ours.take(), expected[0]), ("server", theirs.take(), expected[1])]
    {
        let [publish, await_change, copy_in, copy_out] = expected.map(|one| one * CALLS);
        // Where the server's own buffers are is its service's affair.
        let Crossings { clock, askew, .. } = counted;
        let askew = if side == "caller" { 0 } else { askew };
        let hot = Crossings { publish, await_change, copy_in, copy_out, others: 0, askew, clock };
        assert_eq!(counted, hot, "{CALLS} times {name} at the {side}");
        // Looks at the clock cost as much as a call: they are for few.
        assert!(clock <= CALLS / 8, "{clock} looks at the clock for {CALLS} times {name} at the {side}");
    }
}

#[test]
fn a_raw_call_takes_two_crossings_and_one_for_each_large_payload() {
    patient::with_server(
        || Plain,
        |poll| poll(),
        |channel, theirs| {
            let caller = Caller::attach(channel, &RAWS).unwrap();
            let mut room = [0; BYTES.len()];
            let mut raw = |name: &str, request: &[u8], answer: usize, expected: Both| {
                each_takes(name, channel.region(), theirs, expected, || {
                    assert_eq!(caller.call_raw(&RAW, request, &mut room), Ok(answer));
                });
            };
            raw("null", &[], 0, [[1, 1, 0, 0], [1, 1, 0, 0]]);
            let mut request = [7; 4096];
            request[..2].copy_from_slice(&64_u16.to_le_bytes());
            raw("64 bytes both ways", &request[..64], 64, [[1, 1, 0, 0], [1, 1, 0, 0]]);
            request[..2].copy_from_slice(&4096_u16.to_le_bytes());
            raw("4 KiB read", &request[..2], 4096, [[1, 1, 0, 1], [1, 1, 1, 0]]);
            request[..2].copy_from_slice(&[0, 0]);
            raw("4 KiB write", &request, 0, [[1, 1, 1, 0], [1, 1, 0, 1]]);
        },
    );
}

#[test]
fn a_typed_call_takes_no_more_where_arguments_and_result_are_small() {
    patient::with_server(
        || TypedServer::new(Plain),
        |poll| poll(),
        |channel, theirs| {
            let client = TypedClient::attach(channel).unwrap();
            let mut room = [0; BYTES.len()];
            let ours = channel.region();
            each_takes("null", ours, theirs, [[1, 1, 0, 0], [1, 1, 0, 0]], || client.null().unwrap());
            each_takes("add", ours, theirs, [[1, 1, 0, 0], [1, 1, 0, 0]], || {
                assert_eq!(client.add(1, 2), Ok(3));
            });
            for len in [64, 4096] {
                let expected = [[1, 1, 0, 1], [1, 1, 1, 0]];
                each_takes("read", ours, theirs, expected, || {
                    assert_eq!(client.read(len, &mut room[..len as usize]), Ok(len));
                });
                let data = &BYTES[..len as usize];
                each_takes("write", ours, theirs, [[1, 1, 1, 0], [1, 1, 0, 1]], || {
                    client.write(data).unwrap();
                });
                each_takes("swap", ours, theirs, [[1, 1, 1, 1], [1, 1, 1, 1]], || {
                    client.swap(data, &mut room[..len as usize]).unwrap();
                });
            }
            each_takes("tell", ours, theirs, [[1, 1, 1, 0], [1, 1, 0, 1]], || {
                client.tell(&BYTES[..64]).unwrap();
                client.caller().flush().unwrap();
            });
        },
    );
}

#[test]
fn payloads_lie_where_they_are_quick_to_copy_wherever_the_caller_has_them() {
    let (mut sent, mut got) = (vec![7; 2000], vec![0; 2000]);
    patient::with_server(
        || TypedServer::new(Plain),
        |poll| poll(),
        |channel, _| {
            let client = TypedClient::attach(channel).unwrap();
            for (from, to) in (0..9).flat_map(|from| (0..9).map(move |to| (from, to))) {
                let len = 900 + 7 * from + to;
                client.swap(&sent[from..from + len], &mut got[to..to + len]).unwrap();
            }
            assert_eq!(channel.region().take().askew, 0, "typed calls");
        },
    );
    patient::with_server(
        || Plain,
        |poll| poll(),
        |channel, _| {
            let caller = Caller::attach(channel, &RAWS).unwrap();
            for (from, to) in (0..9).flat_map(|from| (0..9).map(move |to| (from, to))) {
                sent[from..from + 2].copy_from_slice(&700_u16.to_le_bytes());
                let request = &sent[from..900 + from];
                assert_eq!(caller.call_raw(&RAW, request, &mut got[to..1000]), Ok(700));
                sent[from..from + 2].copy_from_slice(&[7, 7]);
            }
            assert_eq!(channel.region().take().askew, 0, "raw calls");
        },
    );
}
