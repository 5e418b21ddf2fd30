//! The disk of the memory store: what is there now, what of it would survive a power cut, and the cut itself.
//!
//! The model is that of a journaling file system. A change of bytes survives once its file was synced. A name made or
//! removed survives once *any* file was synced after it, since names are logged in order. Before that, a power cut may
//! lose any change, keep any, or keep some sectors of a write and not others.

use std::collections::BTreeMap;

use crate::error::VfsError;
use crate::path::VfsPath;
use crate::store::pages::Pages;

use super::faults::{Fault, Faults, StoreOp};

/// Bytes that reach the disk together or not at all.
const SECTOR: u64 = 512;

/// What a power cut does to changes that no sync has made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All are lost.
    Everything,
    /// None is lost, as when only the process dies.
    Nothing,
    /// Each is kept, lost or torn, as the seed has it.
    Random(u64),
}

enum Change {
    Write { offset: u64, data: Vec<u8> },
    Truncate(u64),
}

impl Change {
    fn apply(&self, pages: &mut Pages) {
        // Both were checked against the size limit when the change was made.
        let _ = match self {
            Self::Write { offset, data } => pages.write_slice(*offset, data),
            Self::Truncate(size) => pages.truncate(*size),
        };
    }

    /// Applies what a power cut leaves of the change.
    fn apply_torn(&self, pages: &mut Pages, random: &mut Random) {
        match (self, random.below(3)) {
            (_, 0) => {}
            (Self::Write { offset, data }, 1) => {
                let mut done = 0;
                while done < data.len() {
                    let at = offset + done as u64;
                    let room = (SECTOR - at % SECTOR) as usize;
                    let end = data.len().min(done + room);
                    if random.below(2) == 0 {
                        let _ = pages.write_slice(at, &data[done..end]);
                    }
                    done = end;
                }
            }
            _ => self.apply(pages),
        }
    }
}

#[derive(Default)]
struct Inode {
    live: Pages,
    durable: Pages,
    pending: Vec<Change>,
    handles: usize,
}

/// A change of names that no sync has made durable yet.
enum NameChange {
    Made { path: VfsPath },
    Removed { path: VfsPath, inode: u64 },
}

/// All files, and the faults on order.
#[derive(Default)]
pub(super) struct Disk {
    names: BTreeMap<VfsPath, u64>,
    inodes: BTreeMap<u64, Inode>,
    name_changes: Vec<NameChange>,
    next_inode: u64,
    /// Counts power cuts: a handle from before one is dead.
    pub(super) epoch: u64,
    pub(super) exclusive: bool,
    pub(super) quota: Option<u64>,
    pub(super) faults: Faults,
    dead: bool,
}

impl Disk {
    /// Counts the operation and fails it if that is on order. A torn write and a change cut off by the power going are
    /// handed back, since their bytes may reach the disk all the same.
    pub(super) fn enter(&mut self, op: StoreOp, path: &VfsPath) -> Result<Option<Fault>, VfsError> {
        let fault = self.faults.next(op);
        if self.dead {
            return Err(failed(op, path, "the power is off"));
        }
        match fault {
            Some(Fault::Io) => Err(failed(op, path, "fault on order")),
            Some(Fault::Full) => Err(VfsError::StorageFull { path: path.clone() }),
            Some(Fault::Torn(_)) if op != StoreOp::Write => Err(failed(op, path, "fault on order")),
            Some(Fault::PowerOff) => {
                self.dead = true;
                if op.changes() && op != StoreOp::Sync {
                    Ok(fault)
                } else {
                    Err(failed(op, path, "the power went"))
                }
            }
            other => Ok(other),
        }
    }

    /// What an operation answers that was carried out while the power went.
    pub(super) fn leave(&self, op: StoreOp, path: &VfsPath) -> Result<(), VfsError> {
        if self.dead { Err(failed(op, path, "the power went")) } else { Ok(()) }
    }

    pub(super) fn exists(&self, path: &VfsPath) -> bool {
        self.names.contains_key(path)
    }

    pub(super) fn create(&mut self, path: &VfsPath) -> Result<bool, VfsError> {
        if self.exists(path) {
            return Ok(false);
        }
        let below = format!("{path}/");
        let folder_there = self.names.keys().any(|name| name.as_str().starts_with(&below));
        let file_above = self
            .names
            .keys()
            .any(|name| path.as_str().strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/')));
        if folder_there || file_above {
            return Err(VfsError::WrongKind { path: path.clone() });
        }
        self.next_inode += 1;
        self.inodes.insert(self.next_inode, Inode::default());
        self.names.insert(path.clone(), self.next_inode);
        self.name_changes.push(NameChange::Made { path: path.clone() });
        Ok(true)
    }

    pub(super) fn open(&mut self, path: &VfsPath) -> Result<u64, VfsError> {
        let exclusive = self.exclusive;
        let (number, inode) = self.find(path)?;
        if exclusive && inode.handles > 0 {
            return Err(VfsError::InUse { path: path.clone() });
        }
        inode.handles += 1;
        Ok(number)
    }

    pub(super) fn close(&mut self, number: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.handles = inode.handles.saturating_sub(1);
        }
    }

    pub(super) fn delete(&mut self, path: &VfsPath) -> Result<(), VfsError> {
        let (number, inode) = self.find(path)?;
        if inode.handles > 0 {
            return Err(VfsError::InUse { path: path.clone() });
        }
        self.names.remove(path);
        self.name_changes.push(NameChange::Removed { path: path.clone(), inode: number });
        Ok(())
    }

    pub(super) fn list(&self) -> Vec<(VfsPath, u64)> {
        let size = |number| self.inodes.get(number).map_or(0, |inode| inode.live.size());
        self.names.iter().map(|(path, number)| (path.clone(), size(number))).collect()
    }

    pub(super) fn pages(&self, number: u64) -> Option<&Pages> {
        self.inodes.get(&number).map(|inode| &inode.live)
    }

    pub(super) fn pages_of(&self, path: &VfsPath) -> Option<&Pages> {
        self.pages(*self.names.get(path)?)
    }

    pub(super) fn write(
        &mut self,
        number: u64,
        path: &VfsPath,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<(), VfsError> {
        let end = if data.is_empty() { 0 } else { offset.saturating_add(data.len() as u64) };
        self.charge(number, path, end)?;
        self.change(number, path, Change::Write { offset, data })
    }

    pub(super) fn truncate(&mut self, number: u64, path: &VfsPath, size: u64) -> Result<(), VfsError> {
        self.charge(number, path, size)?;
        self.change(number, path, Change::Truncate(size))
    }

    pub(super) fn sync(&mut self, number: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            for change in inode.pending.drain(..) {
                change.apply(&mut inode.durable);
            }
        }
        self.sync_names();
    }

    pub(super) fn sync_names(&mut self) {
        for change in self.name_changes.drain(..) {
            if let NameChange::Removed { inode, .. } = change {
                self.inodes.remove(&inode);
            }
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.names.values().filter_map(|number| self.inodes.get(number)).map(|inode| inode.live.size()).sum()
    }

    /// The same files, all synced, on another disk.
    pub(super) fn fork(&self) -> Self {
        let copy = |number: &u64| {
            let live = self.inodes.get(number).map(|inode| inode.live.clone()).unwrap_or_default();
            (*number, Inode { durable: live.clone(), live, ..Inode::default() })
        };
        Self {
            names: self.names.clone(),
            inodes: self.names.values().map(copy).collect(),
            next_inode: self.next_inode,
            exclusive: self.exclusive,
            ..Self::default()
        }
    }

    /// The power goes and comes back.
    pub(super) fn crash(&mut self, loss: Loss) {
        let mut random = Random(match loss {
            Loss::Random(seed) => seed,
            _ => 0,
        });
        let kept = match loss {
            Loss::Everything => 0,
            Loss::Nothing => self.name_changes.len(),
            Loss::Random(_) => random.below(self.name_changes.len() as u64 + 1) as usize,
        };
        let lost = self.name_changes.split_off(kept.min(self.name_changes.len()));
        for change in lost.into_iter().rev() {
            match change {
                NameChange::Made { path } => {
                    self.names.remove(&path);
                }
                NameChange::Removed { path, inode } => {
                    self.names.insert(path, inode);
                }
            }
        }
        self.name_changes.clear();
        let named: Vec<u64> = self.names.values().copied().collect();
        self.inodes.retain(|number, _| named.contains(number));
        for inode in self.inodes.values_mut() {
            for change in inode.pending.drain(..) {
                match loss {
                    Loss::Everything => {}
                    Loss::Nothing => change.apply(&mut inode.durable),
                    Loss::Random(_) => change.apply_torn(&mut inode.durable, &mut random),
                }
            }
            inode.live = inode.durable.clone();
            inode.handles = 0;
        }
        self.epoch += 1;
        self.dead = false;
        self.faults.clear();
    }

    fn find(&mut self, path: &VfsPath) -> Result<(u64, &mut Inode), VfsError> {
        let absent = || VfsError::NotFound { path: path.clone() };
        let number = *self.names.get(path).ok_or_else(absent)?;
        let inode = self.inodes.get_mut(&number).ok_or_else(absent)?;
        Ok((number, inode))
    }

    /// Refuses growth beyond the quota.
    fn charge(&self, number: u64, path: &VfsPath, end: u64) -> Result<(), VfsError> {
        let size = self.pages(number).map_or(0, Pages::size);
        let growth = end.saturating_sub(size);
        let full = self.quota.is_some_and(|quota| growth > 0 && self.used().saturating_add(growth) > quota);
        if full { Err(VfsError::StorageFull { path: path.clone() }) } else { Ok(()) }
    }

    fn change(&mut self, number: u64, path: &VfsPath, change: Change) -> Result<(), VfsError> {
        let gone = || VfsError::NotFound { path: path.clone() };
        let inode = self.inodes.get_mut(&number).ok_or_else(gone)?;
        let fits = match &change {
            Change::Write { offset, data } => inode.live.write_slice(*offset, data),
            Change::Truncate(size) => inode.live.truncate(*size),
        };
        if !fits {
            return Err(VfsError::StorageFull { path: path.clone() });
        }
        inode.pending.push(change);
        Ok(())
    }
}

fn failed(op: StoreOp, path: &VfsPath, cause: &str) -> VfsError {
    VfsError::io(&format!("{op:?}").to_lowercase(), path, cause)
}

/// A small generator, so that a seed tells the whole story of a crash.
pub(super) struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
