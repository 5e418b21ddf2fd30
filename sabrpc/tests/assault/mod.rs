//! A peer that writes what it likes, when it likes, as a string of bytes says: what the fuzzer runs, and the tests.
//!
//! The real client and the real server run over a region whose contents change with their accesses (`region.rs`). What
//! must not happen is a panic (an access beyond the region is one), a call or a turn of a server without an end, or more
//! memory than what was sent accounts for. Where the attacker keeps to its own mailbox, others must not even notice.

mod region;
mod target;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocation_counter::measure;
use region::{Input, Scripted};
use sabrpc::{AsyncCaller, Caller, CallerId, Channel, OpMetrics, Region, Server, Stopper, layout};
use target::{DOUBLE, Shape, TargetAsyncClient, TargetClient, TargetOp, WithRaw, contract};

/// Most bytes that are allocated at a time. What is sent comes to some megabytes; a peer may announce a gibibyte.
const MOST_MEMORY: u64 = 64 << 20;
/// Longest time of a call, in the region's own time: its deadline, and what is looked at between two looks at the clock.
const LONGEST: Duration = Duration::from_millis(1000 + 250 + 100);
const DEADLINE: Duration = Duration::from_secs(1);
const MAILBOXES: u32 = 3;
const AREA: u32 = layout::MIN_AREA;

/// Everything that the bytes say.
pub(crate) fn run(bytes: &[u8]) {
    // Made once, before anything is counted.
    contract();
    let used = measure(|| {
        let mut input = Input::new(bytes);
        match input.byte() % 8 {
            0 => anything(input),
            1 => server(input, false),
            2 => server(input, true),
            3 | 4 => caller(input),
            5 | 6 => both(input, false),
            _ => both(input, true),
        }
    });
    assert!(used.bytes_max < MOST_MEMORY, "{} bytes were allocated", used.bytes_max);
}

/// A channel as it is laid out, with a state of the server's.
fn laid_out(script: Input, confined: bool, state: i32) -> Channel<Scripted> {
    let size = layout::Geometry::new(MAILBOXES, AREA).map_or(0, layout::Geometry::region_size);
    let region = Scripted::new(vec![0; size as usize], Input::new(&[]), confined);
    let hash = contract().schema_hash;
    for (at, value) in [
        (0, layout::MAGIC),
        (4, layout::LAYOUT_VERSION),
        (8, MAILBOXES as i32),
        (12, AREA as i32),
        (16, 77),
        (64, state),
        (72, hash as i32),
        (76, (hash >> 32) as i32),
    ] {
        region.poke(at, &value.to_le_bytes());
    }
    let channel = Channel::open(region).unwrap();
    channel.region().decide(|input| *input = script);
    channel
}

/// A region of arbitrary contents, on which somebody calls or serves.
fn anything(mut input: Input) {
    let kind = input.byte();
    let mut bytes = input.bytes(2000);
    bytes.resize(bytes.len() + input.below(20_000) as usize, input.byte());
    if kind & 1 != 0 && bytes.len() >= 16 {
        bytes[..4].copy_from_slice(&layout::MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&layout::LAYOUT_VERSION.to_le_bytes());
        bytes[8..12].copy_from_slice(&(1 + u32::from(kind >> 6)).to_le_bytes());
        bytes[12..16].copy_from_slice(&AREA.to_le_bytes());
    }
    let region = Scripted::new(bytes, input, false);
    let Ok(channel) = Channel::open(region) else { return };
    if kind & 2 != 0 { calls(&channel) } else { serve(&channel, &mut []) }
}

/// A server, and peers who keep to nothing; or to their own mailbox, so that others are served as ever.
fn server(mut input: Input, confined: bool) {
    // One who attached, and has not been heard of since.
    let attached = i32::from(input.byte() & 3);
    let channel = laid_out(input, confined, 0);
    channel.region().poke(256 + 256, &attached.to_le_bytes());
    serve(&channel, &mut []);
}

/// A caller, and a server who keeps to nothing.
fn caller(input: Input) {
    calls(&laid_out(input, false, layout::server_state::SERVING));
}

/// A server and clients, with an attacker between them, or beside them.
fn both(input: Input, confined: bool) {
    let channel = laid_out(input, confined, 0);
    // The first mailbox is the attacker's.
    channel.region().poke(256 + 256, &1_i32.to_le_bytes());
    let others = &mut [0, 1].map(|which| Box::pin(client(channel.clone(), which, confined)) as Task<'_>);
    serve(&channel, others);
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs a server until the script is over and the others are done; then it is asked to stop, and does.
fn serve(channel: &Channel<Scripted>, others: &mut [Task<'_>]) {
    let region = channel.region();
    let mut cx = Context::from_waker(Waker::noop());
    let mut server: Option<Task<'_>> = Some(Box::pin(async {
        // An error says that the channel has a server, as far as it can be believed.
        let _ = Server::new(channel, WithRaw::new()).run().await;
    }));
    let mut has_ended = |cx: &mut Context<'_>| {
        region.begin();
        if server.as_mut().is_some_and(|server| server.as_mut().poll(cx).is_ready()) {
            server = None;
        }
        server.is_none()
    };
    let mut done = vec![false; others.len()];
    let mut rounds = 0;
    loop {
        let ended = has_ended(&mut cx);
        for (other, done) in others.iter_mut().zip(&mut done) {
            region.begin();
            *done = *done || other.as_mut().poll(&mut cx).is_ready();
        }
        rounds += 1;
        assert!(rounds < 20_000, "the clients do not end: {done:?}");
        let all_done = done.iter().all(|done| *done);
        if all_done && (ended || region.is_over() || rounds > 2000) {
            break;
        }
    }
    observe(channel, None);
    region.calm();
    Stopper::new(channel).stop();
    assert!((0..1000).any(|_| has_ended(&mut cx)), "the server does not stop");
}

/// An async client, which gets right answers if the attacker is confined, and any otherwise.
async fn client(channel: Channel<Scripted>, which: u32, confined: bool) {
    let mut attached = TargetAsyncClient::attach(&channel);
    while confined && attached.is_err() {
        // The server has not opened yet.
        channel.region().yield_now().await;
        attached = TargetAsyncClient::attach(&channel);
    }
    let Ok(client) = attached else { return };
    client.caller().set_deadline(Some(DEADLINE));
    for call in 0..6 {
        let data = vec![which as u8; [0, 5, 111, 200, 5000, 9000][call as usize]];
        let mut out = vec![0; data.len() + 1];
        channel.region().begin();
        let sum = client.add(call, 7).await;
        let echo = client.echo(3, &data, &mut out).await;
        let put = client.put(&data).await;
        let later = client.later(2).await;
        if confined {
            assert_eq!((sum, later, put), (Ok(call + 7), Ok(2), Ok(())));
            assert_eq!(echo, Ok(data.len() as u32));
            assert!(out[..data.len()].iter().all(|byte| *byte == which as u8 + 3));
        }
    }
    let mut items = match client.count(40).await {
        Ok(items) => items,
        Err(error) => return assert!(!confined, "{error}"),
    };
    let mut came = 0;
    while let Some(Ok(item)) = items.next().await {
        assert!(!confined || item == came);
        came += 1;
        if came > 100 {
            break;
        }
    }
    assert!(!confined || came == 40);
}

/// Calls of every kind; each ends in time.
fn calls(channel: &Channel<Scripted>) {
    let region = channel.region();
    observe(channel, None);
    let Ok(client) = TargetClient::attach(channel) else { return };
    let Ok(raw) = Caller::attach(channel, contract()) else { return };
    raw.set_deadline(Some(DEADLINE));
    client.caller().set_deadline(Some(DEADLINE));
    for _ in 0..8 {
        if region.is_over() {
            break;
        }
        region.begin();
        let start = region.now();
        call(region.decide(Input::byte), &client, &raw, channel);
        let took = region.now() - start;
        assert!(took <= LONGEST, "a call took {took:?}");
    }
    region.begin();
    drop(client);
    region.begin();
    drop(raw);
    region.begin();
    // A client that awaits, and is dropped in the middle.
    let Ok(caller) = AsyncCaller::attach(channel, contract()) else { return };
    let call = &mut Box::pin(caller.call_plain::<u32>(&TargetOp::SERVICE.ops[0], &(1, 2), &[], &mut []));
    if call.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending {
        channel.interrupt(caller.id());
    }
}

/// What somebody reads who neither calls nor serves; and a caller's own notes.
fn observe(channel: &Channel<Scripted>, caller: Option<CallerId>) {
    let region = channel.region();
    region.begin();
    let _ = channel.served();
    region.begin();
    let metrics = channel.metrics().unwrap_or_default();
    assert!(metrics.len() <= layout::METERED as usize);
    drop(OpMetrics::table(&metrics));
    region.begin();
    let dump = channel.dump();
    assert!(dump.clients.len() <= channel.geometry().mailboxes() as usize);
    drop(dump.to_string());
    region.begin();
    let Some(caller) = caller else { return };
    for index in 0..layout::NOTES {
        let note = channel.note(caller, index).expect("it is there");
        note.store(note.load().wrapping_add(1));
        note.compare_exchange(7, 8);
    }
    assert!(channel.note(caller, layout::NOTES).is_none());
}

fn call(which: u8, client: &TargetClient<Scripted>, raw: &Caller<Scripted>, channel: &Channel<Scripted>) {
    let region = channel.region();
    let data = || vec![7; [0, 9, 113, 3000, 5000, 20_000][usize::from(which >> 4) % 6]];
    let out = &mut vec![0; [0, 9, 113, 3000, 5000, 20_000][usize::from(which >> 5) % 6]][..];
    match which & 15 {
        0 => drop(client.add(1, 2)),
        1 => drop(client.echo(1, &data(), out)),
        2 => drop(client.put(&data())),
        3 => drop(client.mirror(vec![Shape::default(); 3])),
        4 => drop(client.later(3)),
        5 => {
            // As long as it takes: a stream may have no end, but each item comes in time.
            let Ok(items) = client.count(50) else { return };
            for item in items.take(3) {
                drop(item);
            }
        }
        6 => drop(client.two(&data(), "text", &[1; 20], out, &mut [0; 50])),
        7 => drop(client.caller().flush()),
        8 => {
            let puts = || (0..5).try_for_each(|_| client.put(&data()));
            drop(client.caller().batch(puts));
        }
        9..12 => drop(raw.call_raw(&DOUBLE, &data(), out)),
        12 => observe(channel, Some(client.caller().id())),
        13 => {
            channel.interrupt(client.caller().id());
            drop(client.add(3, 4));
        }
        14 => channel.mark_failed(),
        _ => drop(client.claim(&mut region.decide(|input| input.bytes(300)))),
    }
}
