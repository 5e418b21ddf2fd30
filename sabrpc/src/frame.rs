//! One request at the server: its arguments and bulk views, and the answer being made.
//!
//! A [`Frame`] belongs to one mailbox and is handed to the generated dispatcher with each request; its buffers are
//! kept, so a request that fits its area allocates nothing. A method's answer is encoded here and written to the
//! region when the dispatcher gives the frame back.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
};

use serde::{Deserialize, Serialize};

use crate::{
    BulkIn, BulkOut, Mail, OpFlags, OpInfo, RpcError, ServiceInfo,
    codec::{self, Bulk, Cursor, Draft},
    layout::{INLINE, status},
    region::Bytes,
    stream::Streams,
};

/// What generated dispatch code does with a request; implemented by the generated `…Server` types.
pub trait Dispatch: 'static {
    /// The service that this serves.
    fn info(&self) -> &'static ServiceInfo;

    /// Executes operation `op` of `frame`, or starts to.
    fn dispatch(&self, op: u32, frame: Frame) -> Dispatched;

    /// Executes a raw operation (see [`OpInfo::raw`](crate::OpInfo::raw)): reads the bytes of the request and fills in
    /// the response, whose capacity is what is left of the area. Generated services have none.
    ///
    /// # Errors
    /// [`RpcError::UnknownOp`] for what is no raw operation.
    fn dispatch_raw(
        &self,
        op: u32,
        _request: BulkIn<'_>,
        _response: &mut BulkOut<'_>,
    ) -> Result<(), RpcError> {
        Err(RpcError::UnknownOp { service: self.info().name.into(), op })
    }
}

/// What became of a request.
pub enum Dispatched {
    /// It was executed; the frame holds the answer.
    Done(Frame),
    /// It is under way.
    Task(Pin<Box<dyn Future<Output = Frame>>>),
}

/// One request, and the answer to it.
pub struct Frame(Box<Inner>);

struct Inner {
    region: Box<dyn Bytes>,
    area_at: u32,
    area_size: u32,
    op: Option<&'static OpInfo>,
    /// The request. Arguments and bulk lengths are in it if they are short.
    mail: Box<Mail>,
    is_short: bool,
    /// Else they are here; in a request that came in pieces the bulk inputs too, from `args_len` on.
    message: Vec<u8>,
    args_len: usize,
    in_pieces: bool,
    /// Inputs, then outputs, of the operation; there may be more, of another one.
    bulk: Vec<Slot>,
    /// Bytes that the request brought, as far as is known.
    bytes_in: Cell<u64>,
    outs_in_place: Cell<bool>,
    reply: RefCell<Reply>,
    result_at: Cell<u32>,
    /// Those that the caller has open.
    streams: Rc<Streams>,
}

/// One bulk argument; empty until the arguments have been decoded.
#[derive(Default)]
struct Slot {
    /// In the area; in `message` for an input that came in pieces.
    at: Cell<u64>,
    len: Cell<u32>,
    filled: Cell<u32>,
    /// What is written of an output that does not fit into the area; `None` if there was no memory for it.
    heap: RefCell<Option<Vec<u8>>>,
}

impl Inner {
    /// Empties the places of bulk arguments.
    fn reset_slots(&mut self, slots: usize) {
        if self.bulk.len() < slots {
            self.bulk.resize_with(slots, Slot::default);
        }
        for slot in &mut self.bulk[..slots] {
            slot.len.set(0);
            slot.filled.set(0);
            let heap = slot.heap.get_mut().get_or_insert_default();
            heap.clear();
            codec::shed(heap);
        }
    }

    /// Whether the operation has bulk arguments.
    #[inline]
    fn has_bulk(&self) -> bool {
        self.op.is_some_and(|op| op.bulk_in != 0 || op.bulk_out != 0)
    }
}

impl Frame {
    pub(crate) fn new(region: Box<dyn Bytes>, area_at: u32, area_size: u32, streams: Rc<Streams>) -> Self {
        Self(Box::new(Inner {
            region,
            area_at,
            area_size,
            op: None,
            mail: Box::new(Mail::EMPTY),
            is_short: false,
            message: Vec::new(),
            args_len: 0,
            in_pieces: false,
            bulk: Vec::new(),
            bytes_in: Cell::new(0),
            outs_in_place: Cell::new(false),
            reply: RefCell::new(Reply { mail: Mail::EMPTY, long: Vec::new(), len: 0 }),
            result_at: Cell::new(0),
            streams,
        }))
    }

    #[inline]
    fn reset(&mut self, op: &'static OpInfo) {
        let inner = &mut *self.0;
        inner.op = Some(op);
        inner.in_pieces = false;
        let slots = usize::from(op.bulk_in) + usize::from(op.bulk_out);
        if slots > 0 {
            inner.reset_slots(slots);
        }
        codec::shed(&mut inner.message);
        inner.outs_in_place.set(false);
        inner.result_at.set(0);
        let reply = inner.reply.get_mut();
        (reply.mail.a, reply.len) = (status::OK, 0);
    }

    /// Takes in a request that is there as a whole. If it is short, `mail` is another afterwards, and nothing was copied.
    #[inline]
    pub(crate) fn load(&mut self, op: &'static OpInfo, mail: &mut Box<Mail>) -> Result<(), RpcError> {
        self.reset(op);
        let inner = &mut *self.0;
        let len = mail.b as u32 as usize;
        inner.is_short = len <= INLINE;
        if inner.is_short {
            std::mem::swap(&mut inner.mail, mail);
            inner.args_len = len;
            inner.bytes_in.set(len as u64);
            return Ok(());
        }
        self.load_long(op, mail)
    }

    fn load_long(&mut self, op: &'static OpInfo, mail: &Mail) -> Result<(), RpcError> {
        let inner = &mut *self.0;
        let args_len = mail.b;
        let Some(len) = u32::try_from(args_len).ok().filter(|&len| len <= inner.area_size) else {
            inner.args_len = 0;
            inner.message.clear();
            return Err(RpcError::malformed(
                op.name,
                format!("{args_len} bytes in an area of {}", inner.area_size),
            ));
        };
        inner.args_len = len as usize;
        inner.bytes_in.set(u64::from(len));
        mail.take_in(&*inner.region, inner.area_at, len as usize, &mut inner.message);
        Ok(())
    }

    /// Takes in a request that came in pieces.
    pub(crate) fn load_stream(&mut self, op: &'static OpInfo, stream: Vec<u8>) -> Result<(), RpcError> {
        self.reset(op);
        let inner = &mut *self.0;
        (inner.in_pieces, inner.is_short) = (true, false);
        inner.bytes_in.set(0);
        inner.args_len = 0;
        inner.message = stream;
        if op.flags.contains(OpFlags::RAW) {
            return Err(RpcError::malformed(op.name, "a raw request in pieces or in a batch"));
        }
        let head = inner.message.first_chunk::<4>().map(|head| u32::from_le_bytes(*head) as usize);
        match head {
            Some(args_len) if args_len <= inner.message.len() - 4 => {
                inner.message.drain(..4);
                inner.args_len = args_len;
                Ok(())
            }
            _ => Err(RpcError::malformed(op.name, "the pieces do not add up to a request")),
        }
    }

    fn name(&self) -> &'static str {
        self.0.op.map_or("request", |op| op.name)
    }

    /// Decodes the arguments; afterwards the bulk arguments can be had.
    ///
    /// # Errors
    /// [`RpcError::Malformed`] if the bytes are not a `T` and the announced bulk arguments, or if something is left
    /// over; [`RpcError::TooLarge`] if a bulk argument is.
    pub fn args<'a, T: Deserialize<'a>>(&'a self) -> Result<T, RpcError> {
        let inner = &*self.0;
        let message = if inner.is_short { &inner.mail.inline[..] } else { &inner.message };
        let bytes = message.get(..inner.args_len).unwrap_or_default();
        let (args, rest) = codec::decode_front::<T>(bytes, self.name())?;
        if !inner.is_short || !rest.is_empty() || inner.has_bulk() {
            self.bulk_args(rest)?;
        }
        Ok(args)
    }

    /// Finds the bulk arguments, which are announced by what is left of the arguments.
    fn bulk_args(&self, mut rest: &[u8]) -> Result<(), RpcError> {
        let inner = &*self.0;
        let (ins, outs) = self.bulk();
        let mut cursor = Cursor::after_args(inner.args_len);
        let mut streamed = inner.args_len as u64;
        for slot in ins {
            let (bulk, behind) = Bulk::decode_front(rest)?;
            rest = behind;
            slot.at.set(if inner.in_pieces { streamed } else { cursor.place(bulk) });
            slot.len.set(bulk.len);
            streamed += u64::from(bulk.len);
        }
        inner.bytes_in.set(streamed);
        let (end, room) = match inner.in_pieces {
            true => (streamed, inner.message.len() as u64),
            false => (cursor.end(), u64::from(inner.area_size)),
        };
        if end > room || inner.in_pieces && end < room {
            return Err(RpcError::malformed(
                self.name(),
                format!("bulk inputs end at {end} of {room} bytes"),
            ));
        }
        let mut total = 0;
        for slot in outs {
            let (bulk, behind) = Bulk::decode_front(rest)?;
            rest = behind;
            slot.at.set(cursor.place(bulk));
            slot.len.set(bulk.len);
            total += u64::from(bulk.len);
        }
        if !rest.is_empty() {
            return Err(RpcError::malformed(self.name(), format!("{} bytes are left over", rest.len())));
        }
        if total > codec::MAX_MESSAGE {
            return Err(RpcError::TooLarge { len: total, max: codec::MAX_MESSAGE });
        }
        let in_place =
            if inner.in_pieces || outs.is_empty() { None } else { cursor.result_at(inner.area_size) };
        inner.outs_in_place.set(in_place.is_some());
        inner.result_at.set(in_place.unwrap_or(0));
        Ok(())
    }

    /// The inputs and the outputs.
    fn bulk(&self) -> (&[Slot], &[Slot]) {
        let Some(op) = self.0.op else { return Default::default() };
        let (ins, outs) = self.0.bulk.split_at_checked(usize::from(op.bulk_in)).unwrap_or_default();
        (ins, outs.get(..usize::from(op.bulk_out)).unwrap_or_default())
    }

    /// The bulk input with this number, counted among the inputs.
    ///
    /// # Errors
    /// [`RpcError::Malformed`] if there is none.
    pub fn bulk_in(&self, index: usize) -> Result<BulkIn<'_>, RpcError> {
        let inner = &*self.0;
        let missing = || RpcError::malformed(self.name(), format!("no bulk input {index}"));
        let slot = self.bulk().0.get(index).ok_or_else(missing)?;
        let (at, len) = (slot.at.get(), slot.len.get());
        if inner.in_pieces {
            let bytes = inner.message.get(at as usize..).and_then(|bytes| bytes.get(..len as usize));
            return bytes.map(BulkIn::from_slice).ok_or_else(missing);
        }
        Ok(BulkIn::in_region(&*inner.region, inner.area_at + at as u32, len))
    }

    /// The bulk output with this number, counted among the outputs. Each can be had once at a time.
    ///
    /// # Errors
    /// [`RpcError::Malformed`] if there is none, or it is still in use.
    pub fn bulk_out(&self, index: usize) -> Result<BulkOut<'_>, RpcError> {
        let inner = &*self.0;
        let missing = || RpcError::malformed(self.name(), format!("no bulk output {index}"));
        let slot = self.bulk().1.get(index).ok_or_else(missing)?;
        if inner.outs_in_place.get() {
            let at = inner.area_at + slot.at.get() as u32;
            return Ok(BulkOut::in_region(&*inner.region, at, slot.len.get(), &slot.filled));
        }
        let heap = slot.heap.try_borrow_mut().map_err(|_| missing())?;
        Ok(BulkOut::on_heap(heap, slot.len.get(), &slot.filled))
    }

    /// The answer as it is so far.
    #[inline]
    pub(crate) fn answer(&mut self) -> Answer<'_> {
        let inner = &mut *self.0;
        Answer {
            at: inner.area_at + inner.result_at.get(),
            room: inner.area_size - inner.result_at.get(),
            reply: inner.reply.get_mut(),
        }
    }

    /// The status of the answer.
    #[inline]
    pub(crate) fn status(&self) -> i32 {
        self.0.reply.borrow().mail.a
    }

    /// Takes in one entry of a batch.
    pub(crate) fn load_entry(&mut self, op: &'static OpInfo, request: &[u8]) -> Result<(), RpcError> {
        let mut message = std::mem::take(&mut self.0.message);
        message.clear();
        message.extend_from_slice(request);
        self.load_stream(op, message)
    }

    /// Answers with these bytes as they are, at the start of the area.
    pub(crate) fn reply_bytes(&mut self, bytes: &[u8]) {
        let inner = &mut *self.0;
        let extended = inner.reply.get_mut().set(status::OK, |draft| {
            draft.extend(bytes);
            Ok(())
        });
        debug_assert!(extended.is_ok());
        inner.result_at.set(0);
    }

    /// Bytes that the request brought.
    #[inline]
    pub(crate) fn bytes_in(&self) -> u64 {
        self.0.bytes_in.get()
    }

    /// Bytes that the answer takes along.
    pub(crate) fn bytes_out(&self) -> u64 {
        let in_place: u64 = match self.0.outs_in_place.get() {
            true => self.bulk().1.iter().map(|slot| u64::from(slot.filled.get())).sum(),
            false => 0,
        };
        self.0.reply.borrow().len as u64 + in_place
    }

    /// Answers with the value of an operation that returns a plain `T`.
    ///
    /// # Errors
    /// [`RpcError::Unencodable`].
    pub fn reply_plain<T: Serialize>(&self, value: T) -> Result<(), RpcError> {
        self.0.reply.borrow_mut().set(status::OK, |draft| {
            let (_, outs) = self.bulk();
            for slot in outs {
                draft.encode(&slot.filled.get(), "filled length")?;
            }
            draft.encode(&value, self.name())?;
            if !self.0.outs_in_place.get() {
                outs.iter().try_for_each(|slot| slot.append_to(draft))?;
            }
            Ok(())
        })
    }

    /// Answers with the result of an operation that returns a `Result<T, E>`.
    ///
    /// # Errors
    /// [`RpcError::Unencodable`].
    pub fn reply_fallible<T: Serialize, E: Serialize>(&self, result: Result<T, E>) -> Result<(), RpcError> {
        match result {
            Ok(value) => self.reply_plain(value),
            Err(error) => {
                let mut reply = self.0.reply.borrow_mut();
                reply.set(status::SERVICE_ERROR, |draft| draft.encode(&error, self.name()))
            }
        }
    }

    /// Answers with a value, and behind it bytes that are encoded already.
    pub(crate) fn reply_encoded(&self, value: impl Serialize, encoded: &[u8]) -> Result<(), RpcError> {
        self.0.reply.borrow_mut().set(status::OK, |draft| {
            draft.encode(&value, self.name())?;
            draft.extend(encoded);
            Ok(())
        })
    }

    /// The streams that the caller has open.
    pub(crate) fn streams(&self) -> &Rc<Streams> {
        &self.0.streams
    }

    /// Answers with an error of the framework.
    pub(crate) fn fail(&self, error: &RpcError) {
        // An RpcError is strings and numbers: it can be encoded.
        drop(self.0.reply.borrow_mut().set(status::RPC_ERROR, |draft| draft.encode(error, "error")));
        self.0.result_at.set(0);
    }

    /// Gives the request back with an error of the framework.
    pub fn reject(self, error: RpcError) -> Dispatched {
        self.fail(&error);
        Dispatched::Done(self)
    }

    /// Executes the request at once by `method`, which decodes its arguments and replies.
    pub fn serve(self, method: impl FnOnce(&Self) -> Result<(), RpcError>) -> Dispatched {
        let result = catch_panic(|| method(&self)).and_then(|result| result);
        if let Err(error) = result {
            self.fail(&error);
        }
        Dispatched::Done(self)
    }

    /// Starts to execute the request by the asynchronous `method`, which decodes its arguments and replies.
    pub fn spawn(self, method: impl AsyncFnOnce(&Self) -> Result<(), RpcError> + 'static) -> Dispatched {
        Dispatched::Task(Box::pin(async move {
            if let Err(error) = method(&self).await {
                self.fail(&error);
            }
            self
        }))
    }
}

/// An answer being made.
pub(crate) struct Reply {
    /// What is published; of a short answer all there is.
    pub(crate) mail: Mail,
    /// Its bytes, if they are too long for that.
    long: Vec<u8>,
    len: usize,
}

impl Reply {
    /// Makes the answer anew, with this status; what is there of it if `fill` fails means nothing.
    #[inline]
    fn set(
        &mut self,
        status: i32,
        fill: impl FnOnce(&mut Draft<'_>) -> Result<(), RpcError>,
    ) -> Result<(), RpcError> {
        let mut draft = Draft::new(&mut self.mail.inline, &mut self.long);
        fill(&mut draft)?;
        self.len = draft.len();
        self.mail.a = status;
        Ok(())
    }

    pub(crate) fn status(&self) -> i32 {
        self.mail.a
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.mail.inline.get(..self.len).unwrap_or(&self.long)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes the bytes of a long one.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.long)
    }
}

impl Slot {
    /// Appends an output that is on the heap to an answer.
    #[cold]
    fn append_to(&self, draft: &mut Draft<'_>) -> Result<(), RpcError> {
        let (filled, room) = (self.filled.get() as usize, self.heap.borrow());
        let too_large = RpcError::TooLarge { len: filled as u64, max: codec::MAX_MESSAGE };
        let Some(room) = &*room else { return Err(too_large) };
        // What was claimed to be filled and never written is zeros.
        draft.extend_with_zeros(&room[..filled.min(room.len())], filled)
    }
}

/// See [`Frame::answer`].
pub(crate) struct Answer<'a> {
    /// Where it goes in the region if it is long, and how many bytes fit there.
    pub(crate) at: u32,
    pub(crate) room: u32,
    pub(crate) reply: &'a mut Reply,
}

/// Runs `f`; a panic in it becomes an error where panics unwind. On wasm they end the server, which its worker reports.
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, RpcError> {
    if cfg!(panic = "abort") {
        return Ok(f());
    }
    // After a panic the frame is reset and the service is the user's: what he leaves half-done there is his to judge.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        RpcError::Panicked(
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into()),
        )
    })
}
