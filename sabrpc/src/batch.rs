//! Several one-way calls in one message: how they lie in it, and how their failures come back.
//!
//! A batch is a run of entries, each `u32` op id, `u32` length, and as many bytes, which are a request as it is when it
//! travels in pieces (see `codec.rs`). The answer is empty, or a run of failures, each `u32` number of the entry,
//! `u32` status, `u32` length, and as many bytes of error. All numbers are little-endian.

use crate::OpInfo;

/// A one-way call in a batch.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) op: &'static OpInfo,
    /// Type of the service's error.
    pub(crate) error_type: &'static str,
}

/// One-way calls that wait to be sent together.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) calls: Vec<Sent>,
    /// Arguments while they are being encoded; kept to allocate nothing.
    pub(crate) scratch: Vec<u8>,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.calls.clear();
    }

    /// Bytes that an entry takes.
    pub(crate) fn entry_len(args: &[u8], ins: &[&[u8]]) -> u64 {
        ins.iter().fold(12 + args.len() as u64, |len, bytes| len + bytes.len() as u64)
    }

    /// Adds an entry, which fits into an area.
    pub(crate) fn push(&mut self, sent: Sent, args: &[u8], ins: &[&[u8]]) {
        let stream = Self::entry_len(args, ins) as u32 - 8;
        for number in [sent.op.id, stream, args.len() as u32] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes.extend_from_slice(args);
        ins.iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
        self.calls.push(sent);
    }
}

/// Takes the next entry off the front of `bytes`: its op id and its request. `None` if they are not an entry.
pub(crate) fn next_entry<'a>(bytes: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let id = next_number(bytes)?;
    Some((id, next_bytes(bytes)?))
}

/// Adds a failure to an answer.
pub(crate) fn push_failure(answer: &mut Vec<u8>, entry: u32, status: i32, error: &[u8]) {
    for number in [entry, status as u32, error.len() as u32] {
        answer.extend_from_slice(&number.to_le_bytes());
    }
    answer.extend_from_slice(error);
}

/// Takes the next failure off the front of an answer: number of the entry, status, and the error's bytes.
pub(crate) fn next_failure<'a>(bytes: &mut &'a [u8]) -> Option<(u32, i32, &'a [u8])> {
    let entry = next_number(bytes)?;
    let status = next_number(bytes)? as i32;
    Some((entry, status, next_bytes(bytes)?))
}

fn next_number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

fn next_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = next_number(bytes)? as usize;
    let (part, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_failures_come_back() {
        static OP: OpInfo = OpInfo { bulk_in: 1, ..OpInfo::raw(7, "seven") };
        let mut gathered = Gathered::default();
        gathered.push(Sent { op: &OP, error_type: "E" }, b"ab", &[b"cde"]);
        gathered.push(Sent { op: &OP, error_type: "E" }, b"", &[]);
        assert_eq!(gathered.bytes.len() as u64, Gathered::entry_len(b"ab", &[b"cde"]) + 12);
        let mut rest = gathered.bytes.as_slice();
        assert_eq!(next_entry(&mut rest), Some((7, &b"\x02\0\0\0abcde"[..])));
        assert_eq!(next_entry(&mut rest), Some((7, &b"\0\0\0\0"[..])));
        assert_eq!((next_entry(&mut rest), rest), (None, &b""[..]));

        let mut answer = Vec::new();
        push_failure(&mut answer, 3, 1, b"why");
        let mut rest = answer.as_slice();
        assert_eq!(next_failure(&mut rest), Some((3, 1, &b"why"[..])));
        assert!(next_failure(&mut &answer[..answer.len() - 1]).is_none(), "cut short");
    }
}
