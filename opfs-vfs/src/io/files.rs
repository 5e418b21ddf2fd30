//! The table of open files: numbers on the wire, entries behind. A number carries a generation, so that one kept past its
//! close never means the next file in the same place.

use std::cell::RefCell;
use std::rc::Rc;

use sabrpc::CallerId;

use super::nodes::User;
use crate::error::VfsError;
use crate::store::pages::Pages;
use crate::wire::FileId;

/// Low bits of a number: the place in the table.
const PLACE_BITS: u32 = 12;

/// Files that can be open at once.
pub(super) const LIMIT: u32 = 1 << PLACE_BITS;

/// What is behind an open file.
pub(super) enum Body<F, G> {
    /// A file of the store.
    Stored(User<F, G>),
    /// A temporary file, in this worker's memory.
    Temporary(RefCell<Pages>),
}

/// An open file.
pub(super) struct OpenFile<F, G> {
    pub(super) owner: Option<CallerId>,
    pub(super) write: bool,
    pub(super) body: Body<F, G>,
}

struct Place<F, G> {
    generation: u32,
    file: Option<Rc<OpenFile<F, G>>>,
}

/// All open files of a page.
pub(super) struct FileTable<F, G> {
    places: Vec<Place<F, G>>,
    free: Vec<u32>,
}

impl<F, G> Default for FileTable<F, G> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<F, G> FileTable<F, G> {
    /// Enters a file and gives its number.
    pub(super) fn insert(&mut self, file: OpenFile<F, G>) -> Result<FileId, VfsError> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.places.len() < LIMIT as usize => {
                self.places.push(Place { generation: 0, file: None });
                (self.places.len() - 1) as u32
            }
            None => return Err(VfsError::TooManyFiles { limit: LIMIT }),
        };
        let place = &mut self.places[at as usize];
        place.file = Some(Rc::new(file));
        Ok(number(place.generation, at))
    }

    /// The file of that number, if it belongs to `caller`.
    pub(super) fn get(&self, id: FileId, caller: Option<CallerId>) -> Result<&Rc<OpenFile<F, G>>, VfsError> {
        let bad = VfsError::BadFile { file: id };
        let Some(place) = self.places.get((id.0 % LIMIT) as usize) else {
            return Err(bad);
        };
        match &place.file {
            Some(file) if number(place.generation, id.0 % LIMIT) == id && file.owner == caller => Ok(file),
            _ => Err(bad),
        }
    }

    /// Takes the file of that number out.
    pub(super) fn remove(
        &mut self,
        id: FileId,
        caller: Option<CallerId>,
    ) -> Result<Rc<OpenFile<F, G>>, VfsError> {
        let file = Rc::clone(self.get(id, caller)?);
        let at = id.0 % LIMIT;
        if let Some(place) = self.places.get_mut(at as usize) {
            place.file = None;
            place.generation = place.generation.wrapping_add(1) % (1 << (32 - PLACE_BITS));
            self.free.push(at);
        }
        Ok(file)
    }

    /// The numbers of all files of `caller`.
    pub(super) fn owned_by(&self, caller: Option<CallerId>) -> Vec<FileId> {
        let numbers = self.places.iter().zip(0..).filter_map(|(place, at)| {
            let file = place.file.as_ref()?;
            (file.owner == caller).then(|| number(place.generation, at))
        });
        numbers.collect()
    }
}

fn number(generation: u32, at: u32) -> FileId {
    FileId(generation << PLACE_BITS | at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> OpenFile<(), ()> {
        OpenFile { owner: None, write: true, body: Body::Temporary(RefCell::default()) }
    }

    #[test]
    fn a_number_means_nothing_after_its_close() {
        let mut table = FileTable::default();
        let first = table.insert(temporary()).unwrap();
        table.remove(first, None).unwrap();
        let second = table.insert(temporary()).unwrap();
        assert_ne!(first, second, "the place is used again under another number");
        assert!(table.get(first, None).is_err());
        assert!(table.get(second, None).is_ok());
        assert!(table.remove(first, None).is_err());
    }

    #[test]
    fn generations_wrap_without_a_panic() {
        let mut table = FileTable::default();
        for _ in 0..(1 << (32 - PLACE_BITS)) + 2 {
            let id = table.insert(temporary()).unwrap();
            table.remove(id, None).unwrap();
        }
    }

    #[test]
    fn a_full_table_says_so() {
        let mut table = FileTable::default();
        let ids: Vec<_> = (0..LIMIT).map(|_| table.insert(temporary()).unwrap()).collect();
        assert_eq!(table.insert(temporary()), Err(VfsError::TooManyFiles { limit: LIMIT }));
        table.remove(ids[7], None).unwrap();
        assert!(table.insert(temporary()).is_ok());
        assert_eq!(table.owned_by(None).len(), LIMIT as usize);
    }

    #[test]
    fn numbers_never_given_out_are_refused() {
        let table = FileTable::<(), ()>::default();
        for id in [0, 1, u32::MAX] {
            assert_eq!(table.get(FileId(id), None).err(), Some(VfsError::BadFile { file: FileId(id) }));
        }
    }
}
