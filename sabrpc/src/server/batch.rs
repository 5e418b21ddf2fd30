//! Several one-way calls in one request: executed one after the other, answered with those that failed.

use super::{
    CallerId, Server,
    requests::{Facts, Timed},
};
use crate::{
    Region, RpcError, batch,
    frame::{Answer, Dispatch, Frame},
    layout::status,
    trace,
};

/// How many entries are executed between two looks at the clock.
const LOOK_EVERY: u32 = 32;

/// A batch of one mailbox; its buffers are kept.
#[derive(Default)]
pub(super) struct Batch {
    /// It is being executed.
    pub(super) is_open: bool,
    bytes: Vec<u8>,
    /// Where in `bytes` the next entry is, and its number.
    at: usize,
    entry: u32,
    failures: Vec<u8>,
}

impl<S: Dispatch, R: Region> Server<S, R> {
    /// Takes in a batch, and executes it.
    pub(super) fn open_batch(&mut self, index: usize) {
        let (area_at, area_size) =
            (self.channel.geometry.area(index as u32), self.channel.geometry.area_size());
        let batch = &mut self.desks[index].batch;
        // What does not fit is no batch; its answer says so.
        let len = u32::try_from(self.mail.b).ok().filter(|&len| len <= area_size).unwrap_or_default();
        self.mail.take_in(&self.channel.region, area_at, len as usize, &mut batch.bytes);
        (batch.is_open, batch.at, batch.entry) = (true, 0, 0);
        batch.failures.clear();
        self.hot_is_stale = true;
        self.go_on_with_batch(index);
    }

    /// Executes entries until one is a task, the turn is over, or all are done and the batch is answered.
    pub(super) fn go_on_with_batch(&mut self, index: usize) {
        let info = self.service.info();
        while self.clock < self.turn_ends {
            let desk = &mut self.desks[index];
            if desk.batch.entry > 0 && desk.batch.at == desk.batch.bytes.len() {
                return self.close_batch(index);
            }
            let mut frame = desk.frame(&self.channel, index);
            let batch = &mut desk.batch;
            let mut rest = batch.bytes.get(batch.at..).unwrap_or_default();
            let Some((id, request)) = batch::next_entry(&mut rest) else {
                let error = RpcError::malformed("batch", format!("no call at byte {}", batch.at));
                self.refuse_entry(index, frame, &error);
                return self.close_batch(index);
            };
            let op_index = info.position(id);
            let loaded = match op_index {
                Some(op_index) => frame.load_entry(&info.ops[op_index], request),
                None => Err(RpcError::UnknownOp { service: info.name.into(), op: id }),
            };
            batch.at = batch.bytes.len() - rest.len();
            batch.entry += 1;
            // Few of the calls are timed, and all of them are one request.
            if batch.entry.is_multiple_of(LOOK_EVERY) {
                self.clock = self.channel.region.now();
            }
            match (loaded, op_index) {
                (Ok(()), Some(op_index)) => match self.execute(index, frame, op_index, true) {
                    Some((frame, timed)) => self.note_entry(index, frame, op_index, timed),
                    // Polled with the other tasks.
                    None => return,
                },
                (Err(error), _) => self.refuse_entry(index, frame, &error),
                (Ok(()), None) => unreachable!("an operation that is not known is not loaded"),
            }
        }
    }

    /// Counts an executed entry, and keeps its failure for the answer.
    pub(super) fn note_entry(&mut self, index: usize, frame: Frame, op_index: usize, timed: Timed) {
        self.count(op_index, &Facts::of(&frame), timed);
        let caller = CallerId { mailbox: index as u32, generation: self.desks[index].owner };
        trace::served(caller, || &self.service.info().ops[op_index], frame.status() == status::OK);
        match frame.status() {
            status::OK => self.desks[index].frame = Some(frame),
            _ => self.note_failure(index, frame),
        }
    }

    fn refuse_entry(&mut self, index: usize, frame: Frame, error: &RpcError) {
        frame.fail(error);
        trace::refused(CallerId { mailbox: index as u32, generation: self.desks[index].owner }, error);
        self.note_failure(index, frame);
    }

    fn note_failure(&mut self, index: usize, mut frame: Frame) {
        let desk = &mut self.desks[index];
        let Answer { reply, .. } = frame.answer();
        let entry = desk.batch.entry.saturating_sub(1);
        batch::push_failure(&mut desk.batch.failures, entry, reply.status(), reply.bytes());
        desk.frame = Some(frame);
    }

    fn close_batch(&mut self, index: usize) {
        let mut frame = self.desks[index].frame(&self.channel, index);
        let desk = &mut self.desks[index];
        desk.batch.is_open = false;
        frame.reply_bytes(&desk.batch.failures);
        desk.reply(&self.channel.region, &mut frame);
        desk.frame = Some(frame);
        self.hot_is_stale = true;
    }
}
