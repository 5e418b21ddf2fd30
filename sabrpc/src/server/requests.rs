//! One request: taken in, executed at once or as a task, answered.

use std::{task::Poll, task::Waker, time::Duration};

use super::{CALLER, CallerId, Server, desk::Task};
use crate::{
    Region, RpcError,
    frame::{Dispatch, Dispatched, Frame, catch_panic},
    layout::{request_flags as flag, status},
};

impl<S: Dispatch, R: Region> Server<S, R> {
    /// Executes the request `seq` of a mailbox, or starts to.
    pub(super) fn take(&mut self, index: usize, seq: i32, op: i32, len: i32) {
        let Self { channel, desks, service, .. } = self;
        let region = &channel.region;
        let info = service.info();
        let desk = &mut desks[index];
        desk.taken = seq;
        if desk.stale || op & flag::ASKER != flag::asker(desk.owner) {
            // Of a client of an earlier server, or of somebody who has no right to this mailbox.
            return desk.answer(region, seq, status::LOST, 0);
        }
        if op & flag::CONTINUE != 0 {
            self.clock = region.now();
            return desk.send_rest(region);
        }
        desk.rest = None;
        let (area_at, area_size) = (channel.geometry.area(index as u32), channel.geometry.area_size());
        let mut frame =
            desk.frame.take().unwrap_or_else(|| Frame::new(Box::new(region.clone()), area_at, area_size));
        let id = (op & 0xFFFF) as u32;
        let Some(op_index) = info.position(id) else {
            return self.refuse(index, frame, &RpcError::UnknownOp { service: info.name.into(), op: id });
        };
        let op_info = &info.ops[op_index];
        let loaded = if op & flag::PIECE == 0 {
            frame.load(op_info, len)
        } else {
            self.clock = region.now();
            match desk.collect(region, area_at, area_size, op, len) {
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
            meters.call(op_index, None, 0, 0);
            meters.error(op_index);
            drop(meters);
            return self.refuse(index, frame, &error);
        }
        let started = self.meters.borrow().is_timed(op_index).then(|| region.now());
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        match as_caller(caller, || service.dispatch(id, frame)) {
            Dispatched::Done(frame) => {
                let busy = started.map(|started| {
                    self.clock = region.now();
                    self.clock.saturating_sub(started)
                });
                self.finish(index, frame, op_index, busy.map(|busy| (busy, Duration::ZERO)));
            }
            Dispatched::Task(future) => {
                let started = started.unwrap_or_else(|| region.now());
                let oneway = op & flag::ONEWAY != 0;
                desk.task = Some(Task { future, op_index, oneway, busy: Duration::ZERO, started });
                self.hot_is_stale = true;
                let waker = self.waker.clone();
                self.poll_task(index, &waker);
            }
        }
    }

    fn refuse(&mut self, index: usize, frame: Frame, error: &RpcError) {
        frame.fail(error);
        let desk = &mut self.desks[index];
        desk.reply(&self.channel.region, &frame);
        desk.frame = Some(frame);
    }

    /// Answers an executed request, and counts it.
    fn finish(&mut self, index: usize, frame: Frame, op_index: usize, timed: Option<(Duration, Duration)>) {
        let (bytes_in, bytes_out) = (frame.bytes_in(), frame.bytes_out());
        let failed = frame.status() != status::OK;
        let desk = &mut self.desks[index];
        desk.reply(&self.channel.region, &frame);
        desk.frame = Some(frame);
        // The caller is on his way again: what comes after the answer costs him nothing.
        let mut meters = self.meters.borrow_mut();
        meters.call(op_index, timed, bytes_in, bytes_out);
        if failed {
            meters.error(op_index);
        }
    }

    /// Polls the task of a mailbox, if there is one; returns whether it ended.
    fn poll_task(&mut self, index: usize, waker: &Waker) -> bool {
        let region = &self.channel.region;
        let desk = &mut self.desks[index];
        let Some(task) = &mut desk.task else { return false };
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        let polled_at = region.now();
        let mut cx = std::task::Context::from_waker(waker);
        let polled = as_caller(caller, || catch_panic(|| task.future.as_mut().poll(&mut cx)));
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
            let area_at = self.channel.geometry.area(index as u32);
            let frame = Frame::new(Box::new(region.clone()), area_at, self.channel.geometry.area_size());
            frame.fail(&panicked);
            frame
        });
        self.finish(index, frame, op_index, Some((busy, wait)));
        true
    }

    /// Polls all tasks; returns whether any ended.
    pub(super) fn poll_tasks(&mut self) -> bool {
        let waker = self.waker.clone();
        let mut ended = false;
        for index in 0..self.desks.len() {
            ended |= self.poll_task(index, &waker);
        }
        ended
    }
}

/// Runs `f` with [`current_caller`] set.
fn as_caller<T>(caller: CallerId, f: impl FnOnce() -> T) -> T {
    let before = CALLER.replace(Some(caller));
    let result = f();
    CALLER.set(before);
    result
}
