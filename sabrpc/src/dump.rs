//! What is going on in a channel, for a person who wonders why nothing does: read from the region alone, by any thread
//! that has the channel, whatever the others are doing.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    CallerId, Channel, Region, RpcError, ServedService,
    layout::{self, announced, executing, given_up, request_flags as flag},
    time,
};

/// What is going on in a channel, see [`Channel::dump`]. It prints as a text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelDump {
    /// Tells this channel from others, where they are named below.
    pub number: u64,
    /// Name of the service that is served, or was last; empty if there was none.
    pub service: String,
    /// How many servers the channel has had.
    pub servers: u32,
    /// `Ok` if there is one, else what became of it.
    pub serving: Result<(), RpcError>,
    /// Whether the server sleeps until a request comes, or a task of it can go on.
    pub server_sleeps: bool,
    /// How long ago it looked around last. Awake, it does so every few milliseconds, unless a method blocks it.
    pub server_looked: Duration,
    /// Mailboxes of the channel.
    pub mailboxes: u32,
    /// The attached clients.
    pub clients: Vec<ClientState>,
}

/// An attached client, or one that went and left a call behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientState {
    /// Who it is, as it says itself and as the service knows it.
    pub caller: CallerId,
    /// Whether it is attached.
    pub is_attached: bool,
    /// Its newest call, if that is not answered yet.
    pub call: Option<CallState>,
}

/// A call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallState {
    /// Name of the operation; its number where the name is not known.
    pub op: String,
    /// Number of the request.
    pub request: i32,
    /// Bytes of arguments, or of a piece of them.
    pub len: u32,
    /// Nobody waits for it.
    pub is_oneway: bool,
    /// Its caller does not wait any more.
    pub is_given_up: bool,
    /// The caller sleeps until it is answered.
    pub caller_sleeps: bool,
    /// For how long; zero if that is less than a quarter of a second.
    pub waiting: Duration,
    /// What the server makes of it.
    pub progress: Progress,
    /// [Numbers](ChannelDump::number) of the channels that nobody serves until the call is answered: the caller is in a
    /// method of theirs, or its thread serves them.
    pub held_up: Vec<u64>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Progress {
    /// Its method is being executed.
    Executing,
    /// Its method awaits something, which the server waits for.
    Awaiting,
    /// The server is awake, and has not come to it yet, or executes it and did not say so, as with calls that used to take
    /// microseconds.
    InLine,
    /// The server sleeps, and has not seen it: it is about to, or another server has taken its place.
    Unseen,
    /// There is no server. It may have died in this one, if calls of the operation used to take microseconds: those are not
    /// named.
    Lost,
    /// The server died in it.
    Fatal,
}

impl<R: Region> Channel<R> {
    /// What is going on in this channel right now. It asks nobody and waits for nobody, so it can be called when
    /// something is stuck, by any thread that has the channel: one that serves, one that calls, or the page's. What it
    /// says is only as good as those who wrote it, and may be of several moments.
    ///
    /// ```
    /// # use sabrpc::{Channel, ChannelConfig, native, sab_service};
    /// # #[sab_service]
    /// # trait Greeter {
    /// #     fn greet(&self) -> u32;
    /// # }
    /// # struct Polite;
    /// # impl Greeter for Polite {
    /// #     fn greet(&self) -> u32 {
    /// #         1
    /// #     }
    /// # }
    /// # let channel = Channel::native(ChannelConfig::default())?;
    /// # let server = native::spawn(&channel, || GreeterServer::new(Polite));
    /// let client = GreeterClient::attach(&channel)?;
    /// println!("{}", channel.dump());
    /// assert!(channel.dump().to_string().contains("Greeter, 1 of 8 mailboxes taken"));
    /// # drop(client);
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self) -> ChannelDump {
        let region = &self.region;
        let served = self.last_served().ok();
        // Pair with the stores in `Server::serve_all`, `Server::tell` and `Desk::begin`; each word says all by itself. What is
        // read of different words may be of different moments, which is told, and nothing but a text comes of it.
        // The flag is set before the server looks a last time, and what it finds then is executed.
        let server_sleeps =
            region.load(layout::AT_SERVER_SLEEPS) != 0 && region.load(layout::AT_EXECUTING) == 0;
        let dump = |mailbox| self.dump_client(mailbox, served.as_ref(), server_sleeps);
        let clients = (0..self.geometry.mailboxes()).filter_map(dump).collect();
        let looked = region.load(layout::AT_LOOKED);
        ChannelDump {
            number: self.number(),
            servers: self.life().number() as u32,
            serving: self.serving(),
            server_sleeps,
            server_looked: if looked == 0 { Duration::ZERO } else { time::since(looked) },
            mailboxes: self.geometry.mailboxes(),
            clients,
            service: served.map(|served| served.name).unwrap_or_default(),
        }
    }

    fn dump_client(
        &self,
        mailbox: u32,
        served: Option<&ServedService>,
        server_sleeps: bool,
    ) -> Option<ClientState> {
        let (region, words) = (&self.region, self.words(mailbox));
        // Pair with the exchange in `Link::attach`, with `Link::publish` and with `Desk::answer`: a request that is seen to be
        // answered is read no further.
        let generation = region.load(words.owner);
        let (request, answered) = (region.load(words.request), region.load(words.response));
        let is_attached = generation % 2 != 0;
        if !is_attached && request == answered {
            return None;
        }
        let call = (request != answered).then(|| {
            // Ordered by the load of the number above; if that has changed since, they are of the next request.
            let (word, len) = (region.load(words.request + 4), region.load(words.request + 8));
            // Pair with the stores in `Asleep::tell`, `Desk::begin`, `Desk::tell_taken`, `Link::give_up` and
            // `Link::sleep`; each says all by itself.
            let since = region.load(words.since);
            let id = (word & 0xFFFF) as u32;
            let op = served.and_then(|served| served.ops.iter().find(|op| op.id == id));
            let is_executing = region.load(layout::AT_EXECUTING) == executing(mailbox, request);
            let progress = match self.answering() {
                Err(_) if is_executing => Progress::Fatal,
                Err(_) => Progress::Lost,
                Ok(()) if is_executing => Progress::Executing,
                Ok(()) if region.load(words.taken) == request => Progress::Awaiting,
                Ok(()) if server_sleeps => Progress::Unseen,
                Ok(()) => Progress::InLine,
            };
            CallState {
                op: op.map_or_else(|| format!("operation {id}"), |op| op.name.clone()),
                request,
                len: announced(len) as u32,
                is_oneway: word & flag::ONEWAY != 0,
                is_given_up: region.load(words.given_up) == given_up(request),
                caller_sleeps: region.load(words.caller_sleeps) != 0,
                waiting: if since == 0 { Duration::ZERO } else { time::since(since) },
                progress,
                held_up: self.waiters(mailbox),
            }
        });
        Some(ClientState { caller: CallerId { mailbox, generation }, is_attached, call })
    }
}

impl fmt::Display for ChannelDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, service, servers, mailboxes, clients, .. } = self;
        let service = if service.is_empty() { "nothing yet" } else { service };
        let taken = clients.iter().filter(|client| client.is_attached).count();
        writeln!(f, "channel {number:016x}: {service}, {taken} of {mailboxes} mailboxes taken")?;
        match &self.serving {
            Ok(()) if self.server_sleeps => writeln!(f, "  server {servers}: asleep")?,
            Ok(()) => {
                let looked = self.server_looked;
                writeln!(f, "  server {servers}: awake; it last looked around {looked:?} ago")?;
            }
            Err(gone) => writeln!(f, "  server {servers}: {gone}")?,
        }
        clients.iter().try_for_each(|client| write!(f, "{client}"))
    }
}

impl fmt::Display for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallerId { mailbox, generation } = self.caller;
        write!(f, "  mailbox {mailbox}, client {generation}: ")?;
        if !self.is_attached {
            f.write_str("gone; ")?;
        }
        match &self.call {
            Some(call) => writeln!(f, "{call}"),
            None => writeln!(f, "no call"),
        }
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, request, len, waiting, .. } = self;
        write!(f, "{op}, request {request} of {len} bytes, ")?;
        match self.progress {
            Progress::Executing => f.write_str("is being executed")?,
            Progress::Awaiting => f.write_str("awaits something in its method")?,
            Progress::InLine => f.write_str("is in line, or being executed without a word")?,
            Progress::Unseen => f.write_str("was not seen by the sleeping server yet")?,
            Progress::Lost => f.write_str("is lost with its server")?,
            Progress::Fatal => f.write_str("is what its server died in")?,
        }
        f.write_str(match (self.is_given_up, self.is_oneway, self.caller_sleeps) {
            (true, ..) => "; its caller has given it up",
            (_, true, false) => "; one-way",
            (_, _, true) => "; its caller sleeps",
            (_, _, false) => "; its caller is awake",
        })?;
        if !waiting.is_zero() {
            write!(f, " since {waiting:?}")?;
        }
        if !self.held_up.is_empty() {
            f.write_str(", and until then nobody serves channel")?;
            for number in &self.held_up {
                write!(f, " {number:016x}")?;
            }
        }
        Ok(())
    }
}
