//! Bulk bytes as a service sees them: views of the region, not copies.

use std::cell::{Cell, RefMut};

use crate::{codec, layout::INLINE, region::Bytes};

/// Bytes that the caller passed beside the arguments: a view, read where they lie.
///
/// In a trait for [`sab_service`](crate::sab_service), `data: BulkIn<'_>` is a plain `&[u8]` at the caller.
pub struct BulkIn<'a> {
    source: Source<'a>,
}

enum Source<'a> {
    Region { region: &'a dyn Bytes, offset: u32, len: u32 },
    Slice(&'a [u8]),
}

impl<'a> BulkIn<'a> {
    pub(crate) fn in_region(region: &'a dyn Bytes, offset: u32, len: u32) -> Self {
        Self { source: Source::Region { region, offset, len } }
    }

    /// A view of a slice, to call a service's method directly (in a test, say).
    ///
    /// ```
    /// let bulk = sabrpc::BulkIn::from_slice(b"sanity");
    /// let mut end = [0; 3];
    /// bulk.copy_to(3, &mut end);
    /// assert_eq!((bulk.len(), &end), (6, b"ity"));
    /// ```
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        Self { source: Source::Slice(bytes) }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self.source {
            Source::Region { len, .. } => len as usize,
            Source::Slice(bytes) => bytes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Panics
    /// If `offset + into.len()` is beyond [`len`](Self::len).
    pub fn copy_to(&self, offset: usize, into: &mut [u8]) {
        let end = offset.checked_add(into.len());
        assert!(
            end.is_some_and(|end| end <= self.len()),
            "copy of {} bytes at {offset} from a bulk input of {}",
            into.len(),
            self.len()
        );
        match self.source {
            Source::Region { region, offset: start, .. } => region.copy_out(start + offset as u32, into),
            Source::Slice(bytes) => into.copy_from_slice(&bytes[offset..offset + into.len()]),
        }
    }

    /// All bytes, copied.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.copy_to(0, &mut bytes);
        bytes
    }

    /// Calls `f` with the bytes as a JavaScript array. It is a view of shared memory where the call fitted into its
    /// area, which `FileSystemSyncAccessHandle.write` takes as it is; `TextDecoder.decode` and others refuse it.
    #[cfg(target_family = "wasm")]
    pub fn with_js<T>(&self, f: impl FnOnce(&js_sys::Uint8Array) -> T) -> T {
        match self.source {
            Source::Region { region, offset, len } => f(&region.view(offset, len)),
            Source::Slice(bytes) => f(&js_sys::Uint8Array::new_from_slice(bytes)),
        }
    }
}

/// Room for bytes that go back to the caller beside the result: a view, filled where the caller will find them.
///
/// In a trait for [`sab_service`](crate::sab_service), `out: BulkOut<'_>` is a plain `&mut [u8]` at the caller. Only
/// the [`filled`](Self::filled) bytes are copied there; the rest of the caller's slice stays as it was.
pub struct BulkOut<'a> {
    target: Target<'a>,
    filled: Filled<'a>,
}

enum Target<'a> {
    /// The response of a raw operation: in `small` as long as that is enough, and not `spilled`.
    Raw {
        small: &'a mut [u8; INLINE],
        spilled: bool,
        region: &'a dyn Bytes,
        offset: u32,
        len: u32,
    },
    Region {
        region: &'a dyn Bytes,
        offset: u32,
        len: u32,
    },
    /// As far as it was written: who has room for much may get little. `None` when memory ran out.
    Heap {
        room: RefMut<'a, Option<Vec<u8>>>,
        len: u32,
    },
    Slice(&'a mut [u8]),
}

impl Target<'_> {
    /// From here on the response of a raw operation, of which so much is filled, is in the region.
    fn spill(&mut self, filled: usize) {
        if let Self::Raw { small, spilled: spilled @ false, region, offset, len } = self {
            *spilled = true;
            let filled = filled.min(INLINE).min(*len as usize);
            if filled > 0 {
                region.copy_in(*offset, &small[..filled]);
            }
        }
    }
}

/// The room of an output on the heap, made at least `len` bytes long with zeros; `None` for good when memory runs out.
fn grown(room: &mut Option<Vec<u8>>, len: usize) -> Option<&mut Vec<u8>> {
    let bytes = room.as_mut()?;
    if len > bytes.len() && codec::grow(bytes, len).is_err() {
        *room = None;
    }
    room.as_mut()
}

enum Filled<'a> {
    Own(usize),
    Reported(&'a Cell<u32>),
}

impl<'a> BulkOut<'a> {
    pub(crate) fn in_region(region: &'a dyn Bytes, offset: u32, len: u32, filled: &'a Cell<u32>) -> Self {
        Self { target: Target::Region { region, offset, len }, filled: Filled::Reported(filled) }
    }

    pub(crate) fn raw(
        small: &'a mut [u8; INLINE],
        region: &'a dyn Bytes,
        offset: u32,
        len: u32,
        filled: &'a Cell<u32>,
    ) -> Self {
        let target = Target::Raw { small, spilled: false, region, offset, len };
        Self { target, filled: Filled::Reported(filled) }
    }

    /// Puts what is filled where its length says that it is: into `small`, or into the region.
    #[inline]
    pub(crate) fn settle(&mut self) {
        let filled = self.filled();
        match &mut self.target {
            Target::Raw { small, spilled: true, region, offset, len } if filled <= INLINE => {
                region.copy_out(*offset, &mut small[..filled.min(*len as usize)]);
            }
            target if filled > INLINE => target.spill(filled),
            _ => {}
        }
    }

    /// Where it is made room for as it is written; where that fails, it is left to the reply to say so.
    pub(crate) fn on_heap(room: RefMut<'a, Option<Vec<u8>>>, len: u32, filled: &'a Cell<u32>) -> Self {
        Self { target: Target::Heap { room, len }, filled: Filled::Reported(filled) }
    }

    /// Room in a slice, to call a service's method directly (in a test, say).
    ///
    /// ```
    /// let mut room = [0; 8];
    /// let mut bulk = sabrpc::BulkOut::from_slice(&mut room);
    /// bulk.write_at(0, b"abc");
    /// assert_eq!((bulk.capacity(), bulk.filled()), (8, 3));
    /// ```
    pub fn from_slice(bytes: &'a mut [u8]) -> Self {
        Self { target: Target::Slice(bytes), filled: Filled::Own(0) }
    }

    /// Number of bytes that the caller has room for.
    pub fn capacity(&self) -> usize {
        match &self.target {
            Target::Raw { spilled: false, len, .. } => (*len as usize).max(INLINE),
            Target::Raw { len, .. } => *len as usize,
            Target::Region { len, .. } | Target::Heap { len, .. } => *len as usize,
            Target::Slice(bytes) => bytes.len(),
        }
    }

    /// Number of bytes, from the start, that the caller will get.
    pub fn filled(&self) -> usize {
        match self.filled {
            Filled::Own(filled) => filled,
            Filled::Reported(filled) => filled.get() as usize,
        }
    }

    /// Says how many bytes, from the start, the caller gets.
    ///
    /// # Panics
    /// If `filled` is beyond the [`capacity`](Self::capacity).
    pub fn set_filled(&mut self, filled: usize) {
        assert!(filled <= self.capacity(), "{filled} bytes filled of a bulk output of {}", self.capacity());
        match &mut self.filled {
            Filled::Own(own) => *own = filled,
            Filled::Reported(cell) => cell.set(filled as u32),
        }
    }

    /// Writes `bytes` at `offset`, and counts everything up to their end as filled.
    ///
    /// # Panics
    /// If they reach beyond the [`capacity`](Self::capacity).
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len());
        assert!(
            end <= self.capacity(),
            "write of {} bytes at {offset} into a bulk output of {}",
            bytes.len(),
            self.capacity()
        );
        if end > INLINE {
            self.target.spill(self.filled());
        }
        match &mut self.target {
            Target::Raw { small, spilled: false, .. } => small[offset..end].copy_from_slice(bytes),
            Target::Raw { region, offset: start, .. } | Target::Region { region, offset: start, .. } => {
                region.copy_in(*start + offset as u32, bytes);
            }
            Target::Heap { room, .. } => {
                if let Some(room) = grown(room, end) {
                    room[offset..end].copy_from_slice(bytes);
                }
            }
            Target::Slice(room) => room[offset..end].copy_from_slice(bytes),
        }
        self.set_filled(self.filled().max(end));
    }

    /// Calls `f` with the whole room as a JavaScript array to write to. It is a view of shared memory where the call
    /// fitted into its area, which `FileSystemSyncAccessHandle.read` takes as it is. Say what was filled afterwards by
    /// [`set_filled`](Self::set_filled).
    #[cfg(target_family = "wasm")]
    pub fn with_js<T>(&mut self, f: impl FnOnce(&js_sys::Uint8Array) -> T) -> T {
        let on_heap = |room: &mut [u8], f: &mut dyn FnMut(&js_sys::Uint8Array)| {
            let array = js_sys::Uint8Array::new_with_length(room.len() as u32);
            f(&array);
            array.copy_to(room);
        };
        let (mut f, mut result) = (Some(f), None);
        let mut call = |array: &js_sys::Uint8Array| result = f.take().map(|f| f(array));
        self.target.spill(self.filled());
        match &mut self.target {
            Target::Raw { region, offset, len, .. } | Target::Region { region, offset, len } => {
                call(&region.view(*offset, *len));
            }
            Target::Heap { room, len } => match grown(room, *len as usize) {
                Some(room) => on_heap(room, &mut call),
                None => call(&js_sys::Uint8Array::new_with_length(0)),
            },
            Target::Slice(room) => on_heap(room, &mut call),
        }
        match result {
            Some(result) => result,
            None => unreachable!("each arm calls f once"),
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::native::NativeRegion;

    #[test]
    fn a_raw_response_is_where_its_length_says() {
        let region = NativeRegion::new(4096);
        let bytes: Vec<u8> = (0..200).collect();
        // Written in such steps; some of them go back.
        for steps in [
            &[(0, 5)][..],
            &[(0, 112)],
            &[(0, 113)],
            &[(0, 100), (100, 150), (20, 30)],
            &[(0, 0)],
            &[(50, 60)],
            &[(0, 200)],
        ] {
            let (mut small, filled) = ([0xEE; INLINE], Cell::new(0));
            region.copy_in(64, &[0xEE; 300]);
            let mut out = BulkOut::raw(&mut small, &region, 64, 300, &filled);
            for &(start, end) in steps {
                out.write_at(start, &bytes[start..end]);
            }
            assert_eq!(out.capacity(), 300);
            out.settle();
            drop(out);
            let len = filled.get() as usize;
            assert_eq!(len, steps.iter().map(|step| step.1).max().unwrap_or_default());
            let mut there = vec![0; len];
            match small.get(..len) {
                Some(inline) => there.copy_from_slice(inline),
                None => region.copy_out(64, &mut there),
            }
            let written = |at: usize| steps.iter().any(|&(start, end)| (start..end).contains(&at));
            assert!((0..len).all(|at| !written(at) || there[at] == bytes[at]), "{steps:?}");
        }
        let (mut small, filled) = ([0; INLINE], Cell::new(0));
        let mut out = BulkOut::raw(&mut small, &region, 64, 300, &filled);
        out.write_at(0, &bytes);
        out.set_filled(7);
        out.settle();
        drop(out);
        assert_eq!((filled.get(), &small[..7]), (7, &bytes[..7]), "made short after it was long");
    }
}
