//! A channel: a region with a checked geometry, which callers and one server meet in.

use crate::{
    CallerId, ChannelError, DefaultRegion, Region, RpcError, ServerState,
    layout::{self, Geometry, MailboxWords, server_state},
    trace,
};

/// Sizes of a new channel.
///
/// ```
/// let config = sabrpc::ChannelConfig { mailboxes: 2, ..Default::default() };
/// assert_eq!(config.area, 128 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// How many callers can be attached at a time; 1 to [`MAX_MAILBOXES`](layout::MAX_MAILBOXES). Default 8.
    pub mailboxes: u32,
    /// Bytes of payload area of each; messages that are larger travel in pieces. Default 128 KiB.
    pub area: u32,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self { mailboxes: 8, area: 128 << 10 }
    }
}

/// How often a server that wants the channel tries to take it.
const TRIES: u32 = 16;

/// A region laid out for calls. Cloning it shares the memory.
#[derive(Clone)]
pub struct Channel<R = DefaultRegion> {
    pub(crate) region: R,
    pub(crate) geometry: Geometry,
}

impl<R: Region> Channel<R> {
    /// Checks `config` before a region is allocated for it.
    pub(crate) fn geometry_of(config: ChannelConfig) -> Result<Geometry, ChannelError> {
        let ChannelConfig { mailboxes, area } = config;
        Geometry::new(mailboxes, area).ok_or(ChannelError::Config { mailboxes, area })
    }

    /// Lays out a channel in a zeroed region that is at least [`Geometry::region_size`] bytes large.
    pub(crate) fn lay_out(region: R, geometry: Geometry) -> Self {
        // No order is needed: whoever opens the channel got it from us by other means, which give one.
        region.store(layout::AT_MAILBOXES, geometry.mailboxes() as i32);
        region.store(layout::AT_AREA, geometry.area_size() as i32);
        region.copy_in(layout::AT_NUMBER, &random().to_le_bytes());
        region.store(layout::AT_VERSION, layout::LAYOUT_VERSION);
        region.store(layout::AT_MAGIC, layout::MAGIC);
        Self { region, geometry }
    }

    /// Opens a channel that somebody else laid out in `region`.
    ///
    /// # Errors
    /// [`ChannelError::NotAChannel`] if what it says of itself is not true.
    pub fn open(region: R) -> Result<Self, ChannelError> {
        let refuse = |found: String| ChannelError::NotAChannel { expected: layout::LAYOUT_VERSION, found };
        if region.size() < layout::HEADER {
            return Err(refuse(format!("a region of {} bytes", region.size())));
        }
        let (magic, version) = (region.load(layout::AT_MAGIC), region.load(layout::AT_VERSION));
        if (magic, version) != (layout::MAGIC, layout::LAYOUT_VERSION) {
            return Err(refuse(format!("magic {magic:#010x}, version {version}")));
        }
        let (mailboxes, area) =
            (region.load(layout::AT_MAILBOXES) as u32, region.load(layout::AT_AREA) as u32);
        match Geometry::new(mailboxes, area) {
            Some(geometry) if geometry.area_size() == area && geometry.region_size() <= region.size() => {
                Ok(Self { region, geometry })
            }
            _ => Err(refuse(format!(
                "{mailboxes} mailboxes of {area} bytes in a region of {} bytes",
                region.size()
            ))),
        }
    }

    /// The memory of this channel.
    pub fn region(&self) -> &R {
        &self.region
    }

    /// The sizes of this channel.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Says that the server is gone without its own doing (its thread trapped, its worker was terminated), and wakes all
    /// callers: they get [`RpcError::Gone`]. Does nothing if nobody serves.
    pub fn mark_failed(&self) {
        self.end(self.life(), server_state::FAILED);
    }

    /// Interrupts the call that `caller` waits for, at once: it ends in [`RpcError::Interrupted`]. If it waits for none,
    /// its next call ends so that has to wait. Returns `false` if that caller is not attached any more.
    ///
    /// Anybody may do so who has the channel. A caller's [`id`](crate::Caller::id) can be sent to other threads, and by
    /// serde to other workers.
    pub fn interrupt(&self, caller: CallerId) -> bool {
        if caller.mailbox >= self.geometry.mailboxes() {
            return false;
        }
        let words = self.words(caller.mailbox);
        // Pairs with the exchange in `Link::attach`: whoever is not seen here had not attached when we were told of him.
        if self.region.load(words.owner) != caller.generation {
            return false;
        }
        // Should another take the mailbox right now: it is not who is named here.
        // Pairs with the load in `Link::is_interrupted`, which comes after the flag was set that we take away below.
        self.region.store(words.interrupt, caller.generation);
        wake_caller(&self.region, words);
        true
    }

    /// Gives the mailbox of `caller` back, who does not live any more: what it held at the server is given back, too. In
    /// browsers a server does so by itself when a caller's worker was terminated. Where that goes unnoticed, as in Node, it
    /// is for who ended the caller. Does nothing if it is not attached any more.
    pub fn release(&self, caller: CallerId) {
        if caller.mailbox < self.geometry.mailboxes() {
            let CallerId { mailbox, generation } = caller;
            let owner = self.words(mailbox).owner;
            // Pairs with the exchange in `Link::attach` and with the server's load in `look_at`: what was done here is over.
            if self.region.compare_exchange(owner, generation, generation.wrapping_add(1)) == generation {
                self.ring();
            }
        }
    }

    /// The newest server's.
    pub(crate) fn life(&self) -> Life {
        // Pairs with the exchange in `occupy`. What is done with it is an exchange, which fails if it is old.
        Life(self.region.load(layout::AT_SERVER_STATE) >> server_state::SHIFT)
    }

    /// Takes the channel for a new server, which does not serve yet.
    pub(crate) fn occupy(&self) -> Result<Life, ChannelError> {
        // Others who want to serve may be quicker, but not for ever.
        for _ in 0..TRIES {
            let word = self.region.load(layout::AT_SERVER_STATE);
            match word & server_state::MASK {
                server_state::NONE | server_state::STOPPED | server_state::FAILED => {}
                _ => return Err(ChannelError::Occupied),
            }
            let life = Life((word >> server_state::SHIFT).wrapping_add(1));
            let opening = life.word(server_state::OPENING);
            // Pairs with the exchange in `end`: what the earlier server did is seen.
            if self.region.compare_exchange(layout::AT_SERVER_STATE, word, opening) == word {
                return Ok(life);
            }
        }
        Err(ChannelError::Occupied)
    }

    /// Changes the state of one server, if it is the newest and in one of the states `from`; returns whether it was.
    pub(crate) fn change(&self, life: Life, from: &[i32], to: i32) -> bool {
        from.iter().any(|&from| {
            let from = life.word(from);
            // Pairs with the load in `state`: who sees that we serve sees our table, who sees our end all our answers.
            self.region.compare_exchange(layout::AT_SERVER_STATE, from, life.word(to)) == from
        })
    }

    /// Ends a server that has not ended yet, and wakes everyone who waits for an answer.
    pub(crate) fn end(&self, life: Life, state: i32) {
        // Only the step from serving to stopping is made by others, so one of three tries in this order succeeds.
        if self.change(life, &[server_state::OPENING, server_state::SERVING, server_state::STOPPING], state) {
            trace::ended(self, state);
            for index in 0..self.geometry.mailboxes() {
                wake_caller(&self.region, self.words(index));
            }
        }
    }

    /// Wakes the server, whatever it waits for.
    pub(crate) fn ring(&self) {
        // Pairs with the server's loads of the bell: what was stored before is seen when it looks around.
        self.region.add(layout::AT_DOORBELL, 1);
        self.region.notify(layout::AT_DOORBELL);
    }

    pub(crate) fn words(&self, index: u32) -> MailboxWords {
        self.geometry.words(index)
    }

    /// `Ok` while a server takes requests.
    pub(crate) fn serving(&self) -> Result<(), RpcError> {
        let state = match self.state() {
            server_state::SERVING => return Ok(()),
            server_state::NONE | server_state::OPENING => ServerState::NotStarted,
            server_state::STOPPING | server_state::STOPPED => ServerState::Stopped,
            _ => ServerState::Failed,
        };
        Err(RpcError::Gone { state })
    }

    /// `Ok` while requests that were published may still be answered: a server that stops answers what it has taken.
    pub(crate) fn answering(&self) -> Result<(), RpcError> {
        match self.state() {
            server_state::STOPPING | server_state::OPENING => Ok(()),
            _ => self.serving(),
        }
    }

    /// Whether there is a server which has told all that it tells before it serves.
    #[cfg(target_family = "wasm")]
    pub(crate) fn has_opened(&self) -> bool {
        matches!(self.state(), server_state::SERVING | server_state::STOPPING)
    }

    fn state(&self) -> i32 {
        // Pairs with the exchange in `change`.
        self.region.load(layout::AT_SERVER_STATE) & server_state::MASK
    }

    pub(crate) fn schema_hash(&self) -> u64 {
        let half = |at| u64::from(self.region.load(at) as u32);
        half(layout::AT_SCHEMA_HI) << 32 | half(layout::AT_SCHEMA_LO)
    }

    pub(crate) fn set_schema_hash(&self, hash: u64) {
        // Published by the exchange to serving; read by who has seen that.
        self.region.store(layout::AT_SCHEMA_LO, hash as u32 as i32);
        self.region.store(layout::AT_SCHEMA_HI, (hash >> 32) as u32 as i32);
    }
}

/// A number that hardly anybody else has.
fn random() -> u64 {
    #[cfg(target_family = "wasm")]
    return (js_sys::Math::random() * 2_f64.powi(52)) as u64
        ^ (js_sys::Math::random() * 2_f64.powi(63)) as u64;
    #[cfg(not(target_family = "wasm"))]
    return std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
}

/// Wakes the caller of a mailbox, whatever it waits for. It waits until its flag is not set any more, so nothing is lost
/// if it has not fallen asleep yet; and it looks for itself at why it was woken, so nothing is lost either if the flag was
/// set for a later wait.
pub(crate) fn wake_caller<R: Region>(region: &R, words: MailboxWords) {
    // Pairs with the store of 1 on the way to sleep: if that comes later, so do the looks that follow it.
    region.store(words.caller_sleeps, 0);
    region.notify(words.caller_sleeps);
}

/// Asks a server to stop; usable from any thread that has the channel.
#[derive(Clone)]
pub struct Stopper<R = DefaultRegion> {
    channel: Channel<R>,
}

impl<R: Region> Stopper<R> {
    /// For the server of `channel`.
    pub fn new(channel: &Channel<R>) -> Self {
        Self { channel: channel.clone() }
    }

    /// The server finishes what is under way and takes nothing new: later calls get [`RpcError::Gone`]. Does not wait; a
    /// request that comes before the server notices is still served.
    pub fn stop(&self) {
        if self.channel.change(self.channel.life(), &[server_state::SERVING], server_state::STOPPING) {
            self.channel.ring();
        }
    }
}

/// Which of a channel's servers, in the order of their lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life(i32);

impl Life {
    fn word(self, state: i32) -> i32 {
        self.0 << server_state::SHIFT | state
    }

    /// Its number.
    pub(crate) fn number(self) -> i32 {
        self.0
    }
}
