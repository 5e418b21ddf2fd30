//! One request: taken in, executed at once or as a task, answered.

use std::{cell::Cell, task::Poll, task::Waker, time::Duration};

use super::{
    CallerId, Server,
    desk::{Desk, Task},
};
use crate::{
    BulkIn, BulkOut, OpFlags, Region, RpcError,
    frame::{Dispatch, Dispatched, Frame, catch_panic},
    layout::{RawLen, request_flags as flag, status},
    trace,
    waits::as_caller,
};

impl<S: Dispatch, R: Region> Server<S, R> {
    /// Executes the request of a mailbox that is in `mail`, or starts to.
    pub(super) fn take(&mut self, index: usize) {
        let Self { channel, desks, service, mail, .. } = self;
        let (seq, op) = (mail.value, mail.a);
        let region = &channel.region;
        let info = service.info();
        let desk = &mut desks[index];
        desk.taken = seq;
        if desk.stale || op & flag::ASKER != flag::asker(desk.owner) {
            // Of a client of an earlier server, or of somebody who has no right to this mailbox.
            return desk.answer(region, seq, status::LOST, 0);
        }
        let id = (op & 0xFFFF) as u32;
        let found = info.position(id);
        if op & (flag::CONTINUE | flag::PIECE | flag::BATCH) == 0
            && let Some(op_index) = found
            && info.ops[op_index].flags.contains(OpFlags::RAW)
        {
            (desk.raw_op, desk.raw_index) = (Some(op), op_index);
            desk.rest = None;
            return self.take_raw(index, op_index);
        }
        if op & flag::CONTINUE != 0 {
            self.clock = region.now();
            return desk.send_rest(region);
        }
        desk.rest = None;
        if op & flag::BATCH != 0 {
            return self.open_batch(index);
        }
        let mut frame = desk.frame(channel, index);
        let Some(op_index) = found else {
            return self.refuse(index, frame, &RpcError::UnknownOp { service: info.name.into(), op: id });
        };
        let op_info = &info.ops[op_index];
        let loaded = if op & flag::PIECE == 0 {
            frame.load(op_info, mail)
        } else {
            self.clock = region.now();
            let (area_at, area_size) = (channel.geometry.area(index as u32), channel.geometry.area_size());
            match desk.collect(region, area_at, area_size, mail) {
                Ok(None) => {
                    desk.frame = Some(frame);
                    return desk.answer(region, seq, status::GO_ON, 0);
                }
                Ok(Some(stream)) => frame.load_stream(op_info, stream),
                Err(error) => Err(error),
            }
        };
        if let Err(error) = loaded {
            let mut meters = self.meters.borrow_mut();
            meters.call(op_index, None, Duration::ZERO, 0, 0);
            meters.error(op_index);
            drop(meters);
            return self.refuse(index, frame, &error);
        }
        let oneway = op & flag::ONEWAY != 0;
        match self.execute(index, frame, op_index, oneway) {
            Some((frame, timed)) => self.finish(index, frame, op_index, timed),
            None => {
                let waker = self.waker.clone();
                self.poll_task(index, &waker);
            }
        }
    }

    /// Executes the raw request that is in `mail`, where it lies.
    #[inline]
    pub(super) fn take_raw(&mut self, index: usize, op_index: usize) {
        let Self { channel, desks, service, mail, .. } = self;
        let (region, desk) = (&channel.region, &mut desks[index]);
        let (area_at, area_size) = (desk.area_at, channel.geometry.area_size());
        let raw = RawLen::from_word(mail.b);
        let Some(room) = area_size.checked_sub(raw.response_at) else {
            return self.refuse_raw(index, op_index, None);
        };
        desk.taken = mail.value;
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        let filled = Cell::new(0);
        let executed = as_caller(caller, || {
            catch_panic(|| {
                let request = match mail.inline.get(..raw.len as usize) {
                    Some(inline) => BulkIn::from_slice(inline),
                    None => BulkIn::in_region(region, area_at + raw.request_at, raw.len),
                };
                let (small, at) = (&mut desk.mail.inline, area_at + raw.response_at);
                let mut response = BulkOut::raw(small, region, at, room, &filled);
                service.dispatch_raw((mail.a & 0xFFFF) as u32, request, &mut response)?;
                response.settle();
                Ok(())
            })
        });
        match executed {
            Ok(Ok(())) => {
                desk.answer(region, mail.value, status::OK, filled.get());
                trace::served(caller, || &service.info().ops[op_index], true);
                self.meters.borrow_mut().tally(op_index, raw.len as usize, filled.get() as usize);
            }
            Ok(Err(error)) | Err(error) => self.refuse_raw(index, op_index, Some(error)),
        }
    }

    /// Answers a raw request by an error; without one, its bytes do not fit into the area.
    #[cold]
    fn refuse_raw(&mut self, index: usize, op_index: usize, error: Option<RpcError>) {
        let raw = RawLen::from_word(self.mail.b);
        let error = error.unwrap_or_else(|| {
            let size = self.channel.geometry.area_size();
            let name = self.service.info().ops[op_index].name;
            RpcError::malformed(name, format!("{} bytes in an area of {size}", raw.len))
        });
        let desk = &mut self.desks[index];
        desk.taken = self.mail.value;
        let frame = desk.frame(&self.channel, index);
        self.refuse(index, frame, &error);
        let mut meters = self.meters.borrow_mut();
        meters.tally(op_index, raw.len as usize, 0);
        meters.error(op_index);
    }

    /// Executes a request that a frame has taken in, in the time that is returned beside it if it was measured. `None`:
    /// it became a task, which was not polled yet.
    pub(super) fn execute(
        &mut self,
        index: usize,
        frame: Frame,
        op_index: usize,
        oneway: bool,
    ) -> Option<(Frame, Timed)> {
        let Self { channel, desks, service, .. } = self;
        let (region, desk) = (&channel.region, &mut desks[index]);
        let started = self.meters.borrow().is_timed(op_index).then(|| region.now());
        if started.is_some() {
            // Should it not come to an end. What is not timed is not expected to take long.
            desk.begin(region, index);
        }
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        let id = service.info().ops[op_index].id;
        let dispatched = as_caller(caller, || service.dispatch(id, frame));
        if started.is_some() {
            Desk::end(region);
        }
        match dispatched {
            Dispatched::Done(frame) => {
                let timed = started.map(|started| self.time_since(started));
                Some((frame, timed))
            }
            Dispatched::Task(future) => {
                let started = started.unwrap_or_else(|| region.now());
                desk.task = Some(Task { future, op_index, oneway, busy: Duration::ZERO, started });
                self.hot_is_stale = true;
                None
            }
        }
    }

    /// What a timed method took that began at `started`.
    #[cold]
    fn time_since(&mut self, started: Duration) -> (Duration, Duration) {
        self.clock = self.channel.region.now();
        (self.clock.saturating_sub(started), Duration::ZERO)
    }

    fn refuse(&mut self, index: usize, mut frame: Frame, error: &RpcError) {
        frame.fail(error);
        let desk = &mut self.desks[index];
        trace::refused(CallerId { mailbox: index as u32, generation: desk.owner }, error);
        desk.reply(&self.channel.region, &mut frame);
        desk.frame = Some(frame);
    }

    /// Answers an executed request, and counts it.
    fn finish(&mut self, index: usize, mut frame: Frame, op_index: usize, timed: Timed) {
        let desk = &mut self.desks[index];
        if desk.batch.is_open {
            self.note_entry(index, frame, op_index, timed);
            return self.go_on_with_batch(index);
        }
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        trace::served(caller, || &self.service.info().ops[op_index], frame.status() == status::OK);
        desk.reply(&self.channel.region, &mut frame);
        // The caller is on his way again: what comes after the answer costs him nothing.
        let facts = Facts::of(&frame);
        desk.frame = Some(frame);
        self.count(op_index, &facts, timed);
    }

    pub(super) fn count(&mut self, op_index: usize, facts: &Facts, timed: Timed) {
        let mut meters = self.meters.borrow_mut();
        meters.call(op_index, timed, Duration::ZERO, facts.bytes_in, facts.bytes_out);
        if facts.failed {
            meters.error(op_index);
        }
    }

    /// Polls the task of a mailbox, if there is one; returns whether it ended.
    fn poll_task(&mut self, index: usize, waker: &Waker) -> bool {
        let region = &self.channel.region;
        let desk = &mut self.desks[index];
        if desk.task.is_none() {
            return false;
        }
        desk.begin(region, index);
        let Some(task) = &mut desk.task else { return false };
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        let polled_at = region.now();
        let mut cx = std::task::Context::from_waker(waker);
        let polled = as_caller(caller, || catch_panic(|| task.future.as_mut().poll(&mut cx)));
        Desk::end(region);
        self.clock = region.now();
        task.busy += self.clock - polled_at;
        let ended = match polled {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(frame)) => Ok(frame),
            Err(panicked) => Err(panicked),
        };
        let Task { op_index, busy, started, .. } = *task;
        desk.task = None;
        self.hot_is_stale = true;
        let wait = (self.clock - started).saturating_sub(busy);
        let frame = ended.unwrap_or_else(|panicked| {
            // The frame went down with the method.
            let frame = desk.frame(&self.channel, index);
            frame.fail(&panicked);
            frame
        });
        self.finish(index, frame, op_index, Some((busy, wait)));
        true
    }

    /// Drops the task of a mailbox, whose caller has given it up.
    pub(super) fn drop_task(&mut self, index: usize) {
        let desk = &mut self.desks[index];
        let Some(Task { future, op_index, busy, started, .. }) = desk.task.take() else { return };
        self.hot_is_stale = true;
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        // What its destructors say to nobody is said on the console.
        let _ = as_caller(caller, || catch_panic(|| drop(future)));
        trace::dropped(caller, &self.service.info().ops[op_index]);
        desk.answer(&self.channel.region, desk.taken, status::LOST, 0);
        let wait = (self.channel.region.now() - started).saturating_sub(busy);
        let mut meters = self.meters.borrow_mut();
        meters.call(op_index, Some((busy, wait)), Duration::ZERO, 0, 0);
        meters.error(op_index);
    }

    /// Polls all tasks, and goes on with batches whose turn was over; returns whether any ended.
    pub(super) fn poll_tasks(&mut self) -> bool {
        let waker = self.waker.clone();
        let mut ended = false;
        for index in 0..self.desks.len() {
            ended |= self.poll_task(index, &waker);
            let desk = &self.desks[index];
            if desk.task.is_none() && desk.batch.is_open {
                self.go_on_with_batch(index);
                ended = true;
            }
        }
        ended
    }
}

/// Time in the method and time waiting, of a request that was timed.
pub(super) type Timed = Option<(Duration, Duration)>;

/// What is counted of an executed request.
pub(super) struct Facts {
    bytes_in: u64,
    bytes_out: u64,
    failed: bool,
}

impl Facts {
    pub(super) fn of(frame: &Frame) -> Self {
        let (bytes_in, bytes_out) = (frame.bytes_in(), frame.bytes_out());
        Self { bytes_in, bytes_out, failed: frame.status() != status::OK }
    }
}
