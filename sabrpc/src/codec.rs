//! Values to bytes and back (postcard), and where the parts of a message lie in an area.
//!
//! A request is its arguments followed by its bulk inputs; each bulk argument, in or out, is announced behind the
//! arguments by one number, `len << 3 | align`. Bulk bytes start at the next multiple of 8 plus `align`, the low bits
//! of the caller's own address, because copies between equally aligned places are up to ten times faster in V8.
//!
//! A request that fits into the area (and, its arguments, into the mailbox) lies there as a whole, with room behind it
//! where the server fills the bulk outputs in place. One that does not is sent in pieces of a stream: `u32` length of the arguments, arguments, bulk
//! inputs without gaps. An answer is the filled length of every bulk output, then the result, behind the outputs in
//! the area; where the outputs did not fit, their bytes follow the result.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::{RpcError, layout::INLINE};

/// Largest message, in bytes, that either side takes in pieces.
pub(crate) const MAX_MESSAGE: u64 = 1 << 30;

/// Room that in-place bulk outputs have to leave for the result.
const RESULT_ROOM: u64 = 1024;

/// Appends `value` to `buffer`.
pub(crate) fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
    what: &str,
) -> Result<(), RpcError> {
    postcard::serialize_with_flavor(value, Append(buffer)).map_err(|error| unencodable(what, error))
}

#[cold]
fn unencodable(what: &str, error: postcard::Error) -> RpcError {
    RpcError::Unencodable { what: what.into(), detail: error.to_string() }
}

/// Reads a value off the front of `bytes`; returns it and the rest.
pub(crate) fn decode_front<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    what: &str,
) -> Result<(T, &'a [u8]), RpcError> {
    postcard::take_from_bytes(bytes).map_err(|error| RpcError::malformed(what, error))
}

/// Reads a value that takes up all of `bytes`.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, RpcError> {
    match decode_front(bytes, what)? {
        (value, []) => Ok(value),
        (_, rest) => Err(RpcError::malformed(what, format!("{} bytes are left over", rest.len()))),
    }
}

/// Makes `buffer` `len` bytes long, with zeros; an error where there is no memory for that, or too much is asked for.
pub(crate) fn grow(buffer: &mut Vec<u8>, len: usize) -> Result<(), RpcError> {
    let more = len.saturating_sub(buffer.len());
    if len as u64 > MAX_MESSAGE || buffer.try_reserve(more).is_err() {
        return Err(RpcError::TooLarge { len: len as u64, max: MAX_MESSAGE });
    }
    buffer.resize(len, 0);
    Ok(())
}

/// Most memory that a buffer keeps between two calls.
const KEPT: usize = 1 << 20;

/// Gives back the memory of a buffer that an unusually large message has left behind.
#[inline]
pub(crate) fn shed(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

/// Appends to a vector that is kept between calls, so that encoding allocates nothing.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A message being made: in the mail as long as it fits there, so that most are never copied; else in a vector that is
/// kept.
pub(crate) struct Draft<'a> {
    short: &'a mut [u8; INLINE],
    long: &'a mut Vec<u8>,
    len: usize,
}

impl<'a> Draft<'a> {
    /// An empty one.
    #[inline]
    pub(crate) fn new(short: &'a mut [u8; INLINE], long: &'a mut Vec<u8>) -> Self {
        shed(long);
        Self { short, long, len: 0 }
    }

    /// Its bytes so far: if they are more than [`INLINE`], they are all in the vector.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends `value`.
    #[inline]
    pub(crate) fn encode<T: Serialize + ?Sized>(&mut self, value: &T, what: &str) -> Result<(), RpcError> {
        let into = Draft { short: &mut *self.short, long: &mut *self.long, len: self.len };
        match postcard::serialize_with_flavor(value, into) {
            Ok(len) => {
                self.len = len;
                Ok(())
            }
            Err(error) => Err(unencodable(what, error)),
        }
    }

    /// Appends bytes that are encoded already.
    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.short.get_mut(self.len..end) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.extend_long(bytes),
        }
        self.len = end;
    }

    #[inline(never)]
    fn extend_long(&mut self, bytes: &[u8]) {
        self.move_out();
        self.long.extend_from_slice(bytes);
    }

    /// Has all bytes in the vector, if they are not.
    fn move_out(&mut self) {
        if self.len <= INLINE {
            self.long.clear();
            self.long.extend_from_slice(&self.short[..self.len]);
        }
    }

    /// Appends bytes of which only the first were written: the others are zeros.
    #[cold]
    pub(crate) fn extend_with_zeros(&mut self, written: &[u8], len: usize) -> Result<(), RpcError> {
        self.move_out();
        let from = self.long.len();
        grow(self.long, from + len)?;
        self.long[from..from + written.len()].copy_from_slice(written);
        self.len = self.long.len();
        if let Some(room) = self.short.get_mut(..self.len) {
            room.copy_from_slice(self.long);
        }
        Ok(())
    }
}

impl Flavor for Draft<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.short.get_mut(self.len) {
            Some(room) => *room = byte,
            None => self.extend_long(&[byte]),
        }
        self.len += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // Most numbers and lengths are one byte, for which a copy is a detour.
        match bytes {
            [byte] => self.try_push(*byte)?,
            bytes => self.extend(bytes),
        }
        Ok(())
    }

    #[inline]
    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.len)
    }
}

/// One bulk argument as it is announced: its length (or capacity) and its alignment modulo 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bulk {
    pub(crate) len: u32,
    align: u32,
}

impl Bulk {
    /// Announces `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, RpcError> {
        let len = bytes.len() as u64;
        if len > MAX_MESSAGE {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        Ok(Self { len: len as u32, align: bytes.as_ptr().addr() as u32 & 7 })
    }

    pub(crate) fn encode(self, draft: &mut Draft<'_>) -> Result<(), RpcError> {
        draft.encode(&(u64::from(self.len) << 3 | u64::from(self.align)), "bulk length")
    }

    pub(crate) fn decode_front(bytes: &[u8]) -> Result<(Self, &[u8]), RpcError> {
        let (number, rest) = decode_front::<u64>(bytes, "bulk length")?;
        let len = number >> 3;
        if len > MAX_MESSAGE {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        Ok((Self { len: len as u32, align: number as u32 & 7 }, rest))
    }
}

/// Lays out the parts of one message in an area; both sides compute the same from the same numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    end: u64,
}

impl Cursor {
    /// Behind `args_len` bytes of arguments, which are in the area if they are too long for the mailbox itself.
    #[inline]
    pub(crate) fn after_args(args_len: usize) -> Self {
        Self { end: if args_len <= INLINE { 0 } else { args_len as u64 } }
    }

    /// Where the next bulk argument starts.
    pub(crate) fn place(&mut self, bulk: Bulk) -> u64 {
        let at = self.end.next_multiple_of(8) + u64::from(bulk.align);
        self.end = at + u64::from(bulk.len);
        at
    }

    /// End of everything placed so far.
    pub(crate) fn end(self) -> u64 {
        self.end
    }

    /// Where the result goes, when all outputs have been placed; `None` if the outputs leave too little room.
    pub(crate) fn result_at(self, area: u32) -> Option<u32> {
        let at = self.end.next_multiple_of(8);
        (at + RESULT_ROOM <= u64::from(area)).then_some(at as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_is_refused() {
        let mut bytes = Vec::new();
        encode(&(7u32, "key"), &mut bytes, "arguments").unwrap();
        assert_eq!(decode::<(u32, &str)>(&bytes, "arguments"), Ok((7, "key")));
        bytes.push(0);
        assert!(matches!(decode::<(u32, &str)>(&bytes, "arguments"), Err(RpcError::Malformed { .. })));
        assert!(matches!(decode::<(u32, &str)>(&bytes[..3], "arguments"), Err(RpcError::Malformed { .. })));
    }

    #[test]
    fn bulk_bytes_lie_at_their_owners_alignment() {
        let mut cursor = Cursor::after_args(3);
        assert_eq!(cursor.place(Bulk { len: 10, align: 5 }), 5, "the arguments are in the mailbox");
        let mut cursor = Cursor::after_args(203);
        assert_eq!(cursor.place(Bulk { len: 10, align: 5 }), 213);
        assert_eq!(cursor.place(Bulk { len: 0, align: 1 }), 225);
        assert_eq!(cursor.end(), 225);
        assert_eq!(cursor.result_at(4096), Some(232));
        assert_eq!(cursor.result_at(1024), None);
    }

    #[test]
    fn a_lying_bulk_length_is_an_error() {
        let mut bytes = Vec::new();
        encode(&u64::MAX, &mut bytes, "x").unwrap();
        assert!(matches!(Bulk::decode_front(&bytes), Err(RpcError::TooLarge { .. })));
    }
}
