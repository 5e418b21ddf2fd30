//! What a server knows of one mailbox, and how it answers there: at once or in pieces.

use std::{pin::Pin, rc::Rc, time::Duration};

use super::batch::Batch;
use crate::{
    Channel, Mail, Region, RpcError,
    channel::wake_caller,
    codec,
    frame::{Answer, Frame},
    layout::{AT_EXECUTING, INLINE, MailboxWords, executing, request_flags as flag, status},
    stream::Streams,
};

/// What the server knows of one mailbox.
pub(super) struct Desk {
    pub(super) words: MailboxWords,
    /// Generation of the caller that was seen last; odd while attached.
    pub(super) owner: i32,
    /// Sequence number of the newest request that was taken.
    pub(super) taken: i32,
    /// The one that others were told is under way.
    told: i32,
    /// At rest here; away while its request is a task.
    pub(super) frame: Option<Frame>,
    pub(super) task: Option<Task>,
    /// It is known that the caller has gone, should he end without a word.
    #[cfg(target_family = "wasm")]
    pub(super) is_watched: bool,
    /// The caller attached to an earlier server; it is told so whatever it asks, until somebody else has the mailbox.
    pub(super) stale: bool,
    /// Pieces of a request so far, once the first has come.
    pub(super) pieces: Option<Vec<u8>>,
    /// What is left of an answer in pieces: status, bytes, how many are sent, where a piece goes and its room.
    pub(super) rest: Option<Rest>,
    pub(super) batch: Batch,
    /// The operation word of the raw requests that come here, once there was one, and where the operation is in the table:
    /// the next is most likely the same.
    pub(super) raw_op: Option<i32>,
    pub(super) raw_index: usize,
    /// Where the area is.
    pub(super) area_at: u32,
    /// What the caller has open.
    pub(super) streams: Rc<Streams>,
    /// The caller had gone to sleep when he got his answer: that took long.
    pub(super) caller_slept: bool,
    /// What is published.
    pub(super) mail: Mail,
}

/// A request under way.
pub(super) struct Task {
    pub(super) future: Pin<Box<dyn Future<Output = Frame>>>,
    pub(super) op_index: usize,
    /// Its caller does not wait for it, and may go before it ends.
    pub(super) oneway: bool,
    pub(super) busy: Duration,
    pub(super) started: Duration,
}

/// What is left of an answer that does not fit into the area.
pub(super) struct Rest {
    status: i32,
    bytes: Vec<u8>,
    sent: usize,
    at: u32,
    room: u32,
}

impl Desk {
    pub(super) fn new<R: Region>(channel: &Channel<R>, index: u32) -> Self {
        let words = channel.words(index);
        Self {
            words,
            owner: 0,
            taken: 0,
            told: 0,
            frame: None,
            task: None,
            #[cfg(target_family = "wasm")]
            is_watched: false,
            stale: false,
            pieces: None,
            rest: None,
            batch: Batch::default(),
            raw_op: None,
            raw_index: 0,
            area_at: channel.geometry.area(index),
            streams: Rc::default(),
            caller_slept: false,
            mail: Mail::EMPTY,
        }
    }

    /// The frame of this mailbox, which is not away.
    pub(super) fn frame<R: Region>(&mut self, channel: &Channel<R>, index: usize) -> Frame {
        self.frame.take().unwrap_or_else(|| {
            let geometry = channel.geometry;
            let (at, size) = (geometry.area(index as u32), geometry.area_size());
            Frame::new(Box::new(channel.region.clone()), at, size, Rc::clone(&self.streams))
        })
    }

    /// Says that the request is being executed from here on, for those who wonder what the server is doing.
    pub(super) fn begin<R: Region>(&self, region: &R, index: usize) {
        // Read in `Channel::dump` alone, and says all by itself, as do the next two: nothing is concluded from its order with
        // other words but what a person is shown.
        region.store(AT_EXECUTING, executing(index as u32, self.taken));
    }

    /// Says that it is not, any more.
    pub(super) fn end<R: Region>(region: &R) {
        region.store(AT_EXECUTING, 0);
    }

    /// Says which request is under way, before the server goes to sleep over it.
    pub(super) fn tell_taken<R: Region>(&mut self, region: &R) {
        if self.is_busy() && self.told != self.taken {
            self.told = self.taken;
            region.store(self.words.taken, self.taken);
        }
    }

    /// Publishes an answer, which is in `mail` or in the area.
    #[inline]
    pub(super) fn answer<R: Region>(&mut self, region: &R, seq: i32, status: i32, len: u32) {
        (self.mail.value, self.mail.a, self.mail.b) = (seq, status, len as i32);
        if Self::publish(region, self.words, &self.mail) {
            self.caller_slept = true;
        }
    }

    /// Publishes an answer; returns whether its caller had to be woken.
    #[inline]
    fn publish<R: Region>(region: &R, words: MailboxWords, mail: &Mail) -> bool {
        // Pairs with `Link::look`, which sees the answer behind the number, and with the caller's store of its flag on the
        // way to sleep: of the number and the flag one is seen by the other side.
        let sleeps = region.publish(words.response, mail, words.caller_sleeps);
        if sleeps {
            wake_caller(region, words);
        }
        sleeps
    }

    /// Answers the newest request with what is in `frame`, or with its first piece.
    #[inline]
    pub(super) fn reply<R: Region>(&mut self, region: &R, frame: &mut Frame) {
        let Answer { reply, .. } = frame.answer();
        if reply.len() > INLINE {
            return self.reply_long(region, frame);
        }
        (reply.mail.value, reply.mail.b) = (self.taken, reply.len() as i32);
        if Self::publish(region, self.words, &reply.mail) {
            self.caller_slept = true;
        }
    }

    #[inline(never)]
    fn reply_long<R: Region>(&mut self, region: &R, frame: &mut Frame) {
        let Answer { at, room, reply } = frame.answer();
        let (status, len) = (reply.status(), reply.len());
        if len <= room as usize {
            region.copy_in(at, reply.bytes());
            return self.answer(region, self.taken, status, len as u32);
        }
        self.rest = Some(Rest { status, bytes: reply.take(), sent: 0, at, room });
        // Which the next raw request has to drop.
        self.raw_op = None;
        self.send_rest(region);
    }

    /// Answers with the next piece of what is left.
    pub(super) fn send_rest<R: Region>(&mut self, region: &R) {
        let Some(mut rest) = self.rest.take() else {
            // A peer that asks for more than there is.
            return self.answer(region, self.taken, status::LOST, 0);
        };
        let len = (rest.bytes.len() - rest.sent).min(rest.room as usize);
        self.mail.put(region, rest.at, &rest.bytes[rest.sent..rest.sent + len]);
        rest.sent += len;
        let mut status = rest.status;
        if rest.sent < rest.bytes.len() {
            status |= status::MORE;
            self.rest = Some(rest);
        }
        self.answer(region, self.taken, status, len as u32);
    }

    /// Takes in one piece of a request; returns the whole after the last.
    pub(super) fn collect<R: Region>(
        &mut self,
        region: &R,
        area_at: u32,
        area_size: u32,
        mail: &Mail,
    ) -> Result<Option<Vec<u8>>, RpcError> {
        let (op, len) = (mail.a, mail.b);
        if op & flag::FIRST != 0 {
            self.pieces = Some(Vec::new());
        }
        let malformed = |detail: String| RpcError::malformed("piece of a request", detail);
        let Some(pieces) = &mut self.pieces else {
            return Err(malformed("its first piece did not come here".into()));
        };
        let len = u32::try_from(len).ok().filter(|&len| len <= area_size);
        let len = len.ok_or_else(|| malformed(format!("it does not fit into an area of {area_size} bytes")));
        let from = pieces.len();
        let taken = len.and_then(|len| codec::grow(pieces, from + len as usize));
        if let Err(error) = taken {
            self.pieces = None;
            return Err(error);
        }
        match mail.inline.get(..pieces.len() - from) {
            Some(inline) => pieces[from..].copy_from_slice(inline),
            None => region.copy_out(area_at, &mut pieces[from..]),
        }
        Ok(if op & flag::LAST != 0 { self.pieces.take() } else { None })
    }

    /// Whether a request is being executed.
    pub(super) fn is_busy(&self) -> bool {
        self.task.is_some() || self.batch.is_open
    }

    /// Whether a message in pieces is under way, in either direction.
    pub(super) fn in_pieces(&self) -> bool {
        self.pieces.is_some() || self.rest.is_some()
    }
}
