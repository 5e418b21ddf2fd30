//! The way out: a request is encoded, copied to the area and published; whole, in pieces, raw, or gathered with others.

use std::time::Duration;

use serde::Serialize;

use super::link::{Exchange, Expects, Link, Raw};
use crate::{
    OpFlags, OpInfo, Region, RpcError,
    batch::{Gathered, Sent},
    codec::{Bulk, Cursor, Draft, MAX_MESSAGE},
    layout::{AT_SERVER_SLEEPS, INLINE, RawLen, request_flags as flag},
    trace,
};

impl<R: Region> Link<R> {
    /// Encodes arguments, and announces the bulk arguments behind them; returns how many bytes that is. They are in the mail
    /// if they fit there, else in `staging`.
    pub(super) fn encode<A: Serialize>(
        &mut self,
        op: &OpInfo,
        args: &A,
        ins: &[&[u8]],
        outs: &[&mut [u8]],
    ) -> Result<usize, RpcError> {
        encode(op, args, ins, outs, Draft::new(&mut self.mail.inline, &mut self.staging))
    }

    /// Encodes and publishes a request, or its first piece; see [`publish_request`](Self::publish_request).
    pub(crate) fn begin<A: Serialize>(
        &mut self,
        op: &'static OpInfo,
        args: &A,
        ins: &[&[u8]],
        outs: &[&mut [u8]],
        expects: Expects,
    ) -> Result<Exchange, RpcError> {
        let op_index = self.index_of(op)?;
        self.start(op_index);
        let args_len = self.encode(op, args, ins, outs)?;
        self.publish_request(Exchange { args_len, ..Exchange::new(op, op_index) }, ins, outs, expects)
    }

    /// Publishes a request whose arguments are encoded, or its first piece. Whoever does not stay until its answer is there
    /// has to [`leave`](Self::leave) it.
    pub(super) fn publish_request(
        &mut self,
        mut exchange: Exchange,
        ins: &[&[u8]],
        outs: &[&mut [u8]],
        expects: Expects,
    ) -> Result<Exchange, RpcError> {
        let Exchange { op, args_len, .. } = exchange;
        let area = self.channel.geometry.area_size();
        let mut cursor = Cursor::after_args(args_len);
        for bytes in ins {
            cursor.place(Bulk::of(bytes)?);
        }
        let fits = cursor.end() <= u64::from(area);
        let request_len = ins.iter().fold(args_len as u64, |len, bytes| len + bytes.len() as u64);
        for bytes in outs {
            cursor.place(Bulk::of(bytes)?);
        }
        let in_place = (fits && !outs.is_empty()).then(|| cursor.result_at(area)).flatten();
        exchange.result_at = in_place.unwrap_or(0);
        exchange.outs_in_place = in_place.is_some();
        exchange.request_len = request_len;
        let oneway = if expects == Expects::Nothing { 0 } else { flag::ONEWAY };
        if fits {
            if args_len > INLINE {
                self.channel.region.copy_in(self.area_at, &self.staging);
            }
            let mut cursor = Cursor::after_args(args_len);
            for bytes in ins {
                let at = cursor.place(Bulk::of(bytes)?) as u32;
                self.channel.region.copy_in(self.area_at + at, bytes);
            }
            self.publish(op.id, oneway, args_len as i32);
        } else {
            exchange.stream = Some((self.stream(args_len, ins)?, 0));
            exchange.flags = flag::PIECE | oneway;
            self.send_piece(&mut exchange);
        }
        if expects != Expects::Nothing {
            self.leave(op, expects, exchange.result_at);
        }
        Ok(exchange)
    }

    /// The whole request as one run of bytes, for sending in pieces.
    fn stream(&self, args_len: usize, ins: &[&[u8]]) -> Result<Vec<u8>, RpcError> {
        let args = self.mail.inline.get(..args_len).unwrap_or(&self.staging);
        let len = ins.iter().fold(4 + args_len as u64, |len, bytes| len + bytes.len() as u64);
        if len > MAX_MESSAGE {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        let mut stream = Vec::new();
        if stream.try_reserve_exact(len as usize).is_err() {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        stream.extend_from_slice(&(args_len as u32).to_le_bytes());
        stream.extend_from_slice(args);
        ins.iter().for_each(|bytes| stream.extend_from_slice(bytes));
        Ok(stream)
    }

    pub(super) fn send_piece(&mut self, exchange: &mut Exchange) {
        let Some((stream, sent)) = &mut exchange.stream else { return };
        let area = self.channel.geometry.area_size() as usize;
        let len = (stream.len() - *sent).min(area);
        self.mail.put(&self.channel.region, self.area_at, &stream[*sent..*sent + len]);
        let first = if *sent == 0 { flag::FIRST } else { 0 };
        *sent += len;
        let last = if *sent == stream.len() { flag::LAST } else { 0 };
        if last != 0 {
            exchange.stream = None;
        }
        self.publish(exchange.op.id, exchange.flags | first | last, len as i32);
    }

    #[inline]
    pub(super) fn publish(&mut self, op: u32, flags: i32, len: i32) {
        self.seq = self.seq.wrapping_add(1);
        self.mail.value = self.seq;
        self.mail.a = op as i32 | flags | flag::asker(self.owner);
        self.mail.b = len;
        // Pairs with `Server::see`, which sees the request behind the number, and with the server's store of its flag on the
        // way to sleep: of the number and the flag one is seen by the other side.
        self.rang = self.channel.region.publish(self.words.request, &self.mail, AT_SERVER_SLEEPS);
        if self.rang {
            self.channel.ring();
        }
    }

    /// Publishes a raw request; the same holds. `None`: it is none, or too large, and was not published.
    #[inline]
    pub(super) fn begin_raw(&mut self, op: &'static OpInfo, request: &[u8], response: &[u8]) -> Option<Raw> {
        let op_index = self.service.position(op.id)?;
        let area = self.channel.geometry.area_size();
        let len = request.len().min(area as usize) as u32;
        let raw = RawLen::new(len, request.as_ptr().addr(), response.as_ptr().addr());
        if !op.flags.contains(OpFlags::RAW) || request.len() > len as usize || raw.response_at >= area {
            return None;
        }
        self.mail.put(&self.channel.region, self.area_at + raw.request_at, request);
        self.publish(op.id, 0, raw.to_word());
        Some(Raw { op, op_index, response_at: raw.response_at })
    }

    /// Why a raw request was not published.
    #[cold]
    pub(super) fn not_raw(&self, op: &OpInfo, request: &[u8]) -> RpcError {
        if let Err(unknown) = self.index_of(op) {
            return unknown;
        }
        if !op.flags.contains(OpFlags::RAW) {
            return RpcError::malformed(op.name, "a raw call of an operation that is not raw");
        }
        // Request and response may each lie up to eight bytes behind where they could.
        let max = u64::from(self.channel.geometry.area_size()) - 16;
        RpcError::TooLarge { len: request.len() as u64, max }
    }

    /// Adds a one-way call to those that wait to be sent together. `false` says that there is no room beside them.
    pub(crate) fn gather<A: Serialize>(
        &mut self,
        op: &'static OpInfo,
        args: &A,
        ins: &[&[u8]],
        error_type: &'static str,
    ) -> Result<bool, RpcError> {
        let op_index = self.index_of(op)?;
        // Not `staging`: that may hold a part of an answer.
        let mut scratch = std::mem::take(&mut self.gathered.scratch);
        let outcome = encode(op, args, ins, &[], Draft::new(&mut self.mail.inline, &mut scratch));
        let fits = outcome.map(|len| {
            let encoded = self.mail.inline.get(..len).unwrap_or(&scratch);
            let area = u64::from(self.channel.geometry.area_size());
            let len = Gathered::entry_len(encoded, ins);
            let fits = self.gathered.bytes.len() as u64 + len <= area;
            if fits {
                self.gathered.push(Sent { op, error_type }, encoded, ins);
                self.meters.tally(op_index, len as usize - 12, 0);
                trace::called(|| self.id(), op, (len - 12, 0), Duration::ZERO, true);
            }
            fits
        });
        self.gathered.scratch = scratch;
        fits
    }

    /// Publishes what was gathered, as one request.
    pub(crate) fn publish_batch(&mut self) {
        let Some(first) = self.gathered.calls.first() else { return };
        let (op, len) = (first.op, self.gathered.bytes.len() as i32);
        self.mail.put(&self.channel.region, self.area_at, &self.gathered.bytes);
        std::mem::swap(&mut self.in_batch, &mut self.gathered.calls);
        self.gathered.clear();
        self.publish(op.id, flag::ONEWAY | flag::BATCH, len);
        self.leave(op, Expects::Failures, 0);
    }
}

/// See [`Link::encode`].
#[inline]
fn encode<A: Serialize>(
    op: &OpInfo,
    args: &A,
    ins: &[&[u8]],
    outs: &[&mut [u8]],
    mut draft: Draft<'_>,
) -> Result<usize, RpcError> {
    if (ins.len(), outs.len()) != (usize::from(op.bulk_in), usize::from(op.bulk_out))
        || op.flags.contains(OpFlags::RAW)
    {
        return Err(RpcError::malformed(
            op.name,
            "number of bulk arguments differs from the operation's table",
        ));
    }
    draft.encode(args, op.name)?;
    for bytes in ins {
        Bulk::of(bytes)?.encode(&mut draft)?;
    }
    for bytes in outs {
        Bulk::of(bytes)?.encode(&mut draft)?;
    }
    Ok(draft.len())
}
