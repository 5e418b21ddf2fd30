//! What a server knows of one mailbox, and how it answers there: at once or in pieces.

use std::{pin::Pin, time::Duration};

use crate::{
    Channel, Region, RpcError,
    codec::MAX_MESSAGE,
    frame::Frame,
    layout::{MailboxWords, request_flags as flag, status},
};

/// What the server knows of one mailbox.
pub(crate) struct Desk {
    pub(crate) words: MailboxWords,
    /// Generation of the caller that was seen last; odd while attached.
    pub(crate) owner: i32,
    /// Sequence number of the newest request that was taken.
    pub(crate) taken: i32,
    /// At rest here; away while its request is a task.
    pub(crate) frame: Option<Frame>,
    pub(crate) task: Option<Task>,
    /// Pieces of a request so far.
    pub(crate) pieces: Vec<u8>,
    /// What is left of an answer in pieces: status, bytes, how many are sent, where a piece goes and its room.
    pub(crate) rest: Option<Rest>,
}

/// A request under way.
pub(crate) struct Task {
    pub(crate) future: Pin<Box<dyn Future<Output = Frame>>>,
    pub(crate) op_index: usize,
    pub(crate) busy: Duration,
    pub(crate) started: Duration,
}

/// What is left of an answer that does not fit into the area.
pub(crate) struct Rest {
    status: i32,
    bytes: Vec<u8>,
    sent: usize,
    at: u32,
    room: u32,
}

impl Desk {
    pub(crate) fn new<R: Region>(channel: &Channel<R>, index: u32) -> Self {
        let words = channel.words(index);
        Self { words, owner: 0, taken: 0, frame: None, task: None, pieces: Vec::new(), rest: None }
    }

    /// Publishes an answer.
    pub(crate) fn answer<R: Region>(&self, region: &R, seq: i32, status: i32, len: u32) {
        if region.publish(self.words.response, seq, status, len as i32, self.words.caller_sleeps) {
            region.notify(self.words.response);
        }
    }

    /// Answers the newest request with what is in `frame`, or with its first piece.
    pub(crate) fn reply<R: Region>(&mut self, region: &R, frame: &Frame) {
        let answer = frame.answer();
        if answer.bytes.len() <= answer.room as usize {
            if !answer.bytes.is_empty() {
                region.copy_in(answer.at, &answer.bytes);
            }
            return self.answer(region, self.taken, answer.status, answer.bytes.len() as u32);
        }
        let (status, at, room) = (answer.status, answer.at, answer.room);
        self.rest = Some(Rest { status, bytes: answer.bytes.clone(), sent: 0, at, room });
        self.send_rest(region);
    }

    /// Answers with the next piece of what is left.
    pub(crate) fn send_rest<R: Region>(&mut self, region: &R) {
        let Some(Rest { status, bytes, sent, at, room }) = &mut self.rest else {
            // A peer that asks for more than there is.
            return self.answer(region, self.taken, status::LOST, 0);
        };
        let len = (bytes.len() - *sent).min(*room as usize);
        region.copy_in(*at, &bytes[*sent..*sent + len]);
        *sent += len;
        let more = if *sent < bytes.len() { status::MORE } else { 0 };
        let status = *status | more;
        if more == 0 {
            self.rest = None;
        }
        self.answer(region, self.taken, status, len as u32);
    }

    /// Takes in one piece of a request; returns the whole after the last.
    pub(crate) fn collect<R: Region>(
        &mut self,
        region: &R,
        area_at: u32,
        area_size: u32,
        op: i32,
        len: i32,
    ) -> Result<Option<Vec<u8>>, RpcError> {
        if op & flag::FIRST != 0 {
            self.pieces.clear();
        }
        let Some(len) = u32::try_from(len).ok().filter(|&len| len <= area_size) else {
            return Err(RpcError::malformed("piece", format!("{len} bytes in an area of {area_size}")));
        };
        let from = self.pieces.len();
        let total = from as u64 + u64::from(len);
        if total > MAX_MESSAGE {
            self.pieces = Vec::new();
            return Err(RpcError::TooLarge { len: total, max: MAX_MESSAGE });
        }
        self.pieces.resize(total as usize, 0);
        region.copy_out(area_at, &mut self.pieces[from..]);
        Ok((op & flag::LAST != 0).then(|| std::mem::take(&mut self.pieces)))
    }
}
