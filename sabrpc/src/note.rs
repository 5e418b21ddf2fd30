//! Words in shared memory beside the calls: what a caller and its service tell each other without one.

use crate::{CallerId, Channel, Region, layout::NOTES};

/// A word of a caller's mailbox that means what caller and service agree on. Both reach it at any time and neither waits for
/// the other: the service can lend something by it, say, and take it back while the caller makes no call.
///
/// It is 0 in a new channel, and afterwards what whoever used the mailbox last has left there.
///
/// ```
/// # use sabrpc::{Channel, ChannelConfig, native, sab_service};
/// # #[sab_service]
/// # trait Nothing {
/// #     fn nothing(&self);
/// # }
/// # struct Here;
/// # impl Nothing for Here {
/// #     fn nothing(&self) {}
/// # }
/// let channel = Channel::native(ChannelConfig::default())?;
/// # let server = native::spawn(&channel, || NothingServer::new(Here));
/// let client = NothingClient::attach(&channel)?;
/// let (mine, theirs) = (client.caller().note(0), channel.note(client.caller().id(), 0));
/// let (mine, theirs) = mine.zip(theirs).expect("there are eight");
/// assert_eq!(mine.compare_exchange(0, 7), 0);
/// assert_eq!((theirs.load(), theirs.compare_exchange(0, 1)), (7, 7));
/// # drop(client);
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Note<R> {
    region: R,
    word: u32,
}

impl<R: Region> Note<R> {
    /// The note at `index` of those that begin at `notes`.
    pub(crate) fn new(region: &R, notes: u32, index: u32) -> Option<Self> {
        (index < NOTES).then(|| Self { region: region.clone(), word: notes + 4 * index })
    }

    /// Reads it.
    #[inline]
    pub fn load(&self) -> i32 {
        // Pairs with the store or exchange of the other side, in whichever order these two agree on: all three are
        // sequentially consistent, so any that works with words of one memory works with these.
        self.region.load(self.word)
    }

    /// Writes it.
    #[inline]
    pub fn store(&self, value: i32) {
        // Pairs with the load or exchange of the other side.
        self.region.store(self.word, value);
    }

    /// Sets it to `new` if it is `old`; returns what was found. Sequentially consistent, like the other two: what one side
    /// wrote before its exchange is seen by the other after its own.
    #[inline]
    pub fn compare_exchange(&self, old: i32, new: i32) -> i32 {
        // Pairs with that of the other side, and with its load.
        self.region.compare_exchange(self.word, old, new)
    }
}

impl<R: Region> Channel<R> {
    /// A note in the mailbox of `caller`; `None` beyond the last one. Whether that caller is still attached is not looked at.
    pub fn note(&self, caller: CallerId, index: u32) -> Option<Note<R>> {
        let known = caller.mailbox < self.geometry.mailboxes();
        known.then(|| Note::new(&self.region, self.words(caller.mailbox).notes, index)).flatten()
    }
}
