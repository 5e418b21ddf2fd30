//! A channel: a region with a checked geometry, which callers and one server meet in.

use crate::{
    ChannelError, DefaultRegion, Region, RpcError, ServerState,
    layout::{self, Geometry, MailboxWords, server_state},
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
        region.store(layout::AT_MAILBOXES, geometry.mailboxes() as i32);
        region.store(layout::AT_AREA, geometry.area_size() as i32);
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

    /// Says that the server is gone without its own doing (its thread trapped, its worker reported an error), and wakes
    /// all callers: they get [`RpcError::Gone`].
    pub fn mark_failed(&self) {
        self.end_serving(server_state::FAILED);
    }

    /// Sets the server's state to one in which nothing is served, and wakes everyone who waits for an answer.
    pub(crate) fn end_serving(&self, state: i32) {
        self.region.store(layout::AT_SERVER_STATE, state);
        for index in 0..self.geometry.mailboxes() {
            self.region.notify(self.words(index).response);
        }
    }

    /// Wakes the server, whatever it waits for.
    pub(crate) fn ring(&self) {
        self.region.add(layout::AT_DOORBELL, 1);
        self.region.notify(layout::AT_DOORBELL);
    }

    pub(crate) fn words(&self, index: u32) -> MailboxWords {
        self.geometry.words(index)
    }

    /// `Ok` while a server takes requests. A server that took the place of another has answered, before it says that
    /// it serves, everything that the other left.
    pub(crate) fn serving(&self) -> Result<(), RpcError> {
        let state = match self.region.load(layout::AT_SERVER_STATE) {
            server_state::SERVING => return Ok(()),
            server_state::STARTING => ServerState::NotStarted,
            server_state::STOPPING | server_state::STOPPED => ServerState::Stopped,
            _ => ServerState::Failed,
        };
        Err(RpcError::Gone { state })
    }

    pub(crate) fn schema_hash(&self) -> u64 {
        let half = |at| u64::from(self.region.load(at) as u32);
        half(layout::AT_SCHEMA_HI) << 32 | half(layout::AT_SCHEMA_LO)
    }

    pub(crate) fn set_schema_hash(&self, hash: u64) {
        self.region.store(layout::AT_SCHEMA_LO, hash as u32 as i32);
        self.region.store(layout::AT_SCHEMA_HI, (hash >> 32) as u32 as i32);
    }
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

    /// The server finishes what is under way and takes nothing new: later calls get [`RpcError::Gone`]. Does not wait.
    pub fn stop(&self) {
        let region = &self.channel.region;
        if region.compare_exchange(layout::AT_SERVER_STATE, server_state::SERVING, server_state::STOPPING)
            == server_state::SERVING
        {
            self.channel.ring();
        }
    }
}
