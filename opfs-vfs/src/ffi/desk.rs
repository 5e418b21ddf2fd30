//! What a registered VFS keeps on its side of the channel: the client, the writes that are not sent yet, and for each
//! database that is open here what its lock says of it and copies of its bytes.
//!
//! Every call goes through here, so that what was gathered is sent first: the I/O worker hears of everything in the order in
//! which SQLite did it.

use std::time::Duration;

use super::VfsOptions;
use super::codes::Failure;
use super::commit::Then;
use super::copies::BLOCK;
use super::database::{Database, DatabaseMetrics};
use super::index::Index;
use super::log::AHEAD;
use super::writes::{Group, Writes};
use crate::platform;
use crate::service::OpfsClient;
use crate::wire::loan::NOTES;
use crate::wire::{FileId, FileKind, Locked};

/// The endings of the names of a database's other files.
const BESIDE: [&str; 2] = ["-journal", "-wal"];

/// The client of a VFS, with what it has at hand.
pub(super) struct Desk {
    client: OpfsClient,
    writes: Writes,
    databases: Vec<Database>,
    options: VfsOptions,
    /// How long the last flush took.
    flush: Duration,
    /// Reads answered from copies, and reads of databases in all.
    hits: (u64, u64),
    /// Where blocks come in.
    blocks: Vec<u8>,
}

impl Desk {
    pub(super) fn new(client: OpfsClient, options: VfsOptions) -> Self {
        // Whoever had the mailbox before may have left something there.
        for note in (0..NOTES).filter_map(|note| client.caller().note(note)) {
            note.store(0);
        }
        Self {
            client,
            writes: Writes::default(),
            databases: Vec::new(),
            options,
            flush: Duration::ZERO,
            hits: (0, 0),
            blocks: Vec::new(),
        }
    }

    /// The client, after everything that was gathered has been sent.
    pub(super) fn client(&mut self) -> &OpfsClient {
        if !self.writes.is_settled() {
            self.writes.send(&self.client);
        }
        &self.client
    }

    /// The client as it is; for what stands in no order with the writes.
    pub(super) fn bare(&self) -> &OpfsClient {
        &self.client
    }

    /// Reads answered from copies, and reads of databases in all.
    pub(super) fn hits(&self) -> (u64, u64) {
        self.hits
    }

    /// What each open database has cost; temporary files have no name.
    pub(super) fn metrics(&self) -> Vec<DatabaseMetrics> {
        let open = self.databases.iter().filter(|database| database.users > 0 && !database.name.is_empty());
        open.map(|database| database.counts.clone()).collect()
    }

    /// A file of that name has been opened: says which files it belongs to.
    pub(super) fn opened(&mut self, name: &str) -> Group {
        let database = BESIDE.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        if database != name {
            self.forget_facts(name);
        }
        let known = self.databases.iter().position(|known| known.users > 0 && known.name == database);
        let group = known.unwrap_or_else(|| {
            let fresh = Database::new(database, self.options.cache);
            match self.databases.iter().position(|old| old.users == 0) {
                Some(old) => {
                    self.databases[old] = fresh;
                    old
                }
                None => {
                    self.databases.push(fresh);
                    self.databases.len() - 1
                }
            }
        });
        self.databases[group].users += 1;
        group
    }

    /// A file was closed. A failure that nobody was told of ends with the last file that it concerns.
    pub(super) fn closed(&mut self, group: Group, file: FileId) {
        self.unlocked(group, file);
        let database = &mut self.databases[group];
        database.users -= 1;
        if database.users == 0 {
            database.shrink();
            self.writes.take_failure(group);
        }
    }

    /// A connection was given SHARED.
    pub(super) fn locked(&mut self, group: Group, file: FileId, told: Locked) {
        let database = &mut self.databases[group];
        if told.changed {
            database.forget_copies();
        }
        database.size = Some(told.size);
        database.locked.push((file, told));
    }

    /// A lock failed in a way that leaves open what the worker did: it may believe that this thread was told of changes.
    pub(super) fn missed_news(&mut self, group: Group) {
        self.databases[group].doubt();
    }

    /// A connection has gone back to NONE.
    pub(super) fn unlocked(&mut self, group: Group, file: FileId) {
        self.databases[group].locked.retain(|(other, _)| *other != file);
    }

    /// The size of a locked database.
    pub(super) fn size(&self, group: Group, file: FileId) -> Option<u64> {
        let database = &self.databases[group];
        database.size.filter(|_| database.is_locked(file))
    }

    /// Whether there is a file of that name, if what was told with a lock says so.
    pub(super) fn exists(&self, name: &str) -> Option<bool> {
        self.databases.iter().filter(|database| database.users > 0).find_map(|database| {
            let suffix = name.strip_prefix(database.name.as_str())?;
            let index = BESIDE.iter().position(|other| *other == suffix)?;
            database.locked.iter().find_map(|(_, told)| if index == 0 { told.journal } else { told.wal })
        })
    }

    /// A journal or log of that name was made or removed here: what was told of it holds no more.
    pub(super) fn forget_facts(&mut self, name: &str) {
        for database in &mut self.databases {
            let suffix = name.strip_prefix(database.name.as_str());
            let Some(index) = BESIDE.iter().position(|other| Some(*other) == suffix) else {
                continue;
            };
            if index == 1 {
                database.log.clear();
            }
            for (_, told) in &mut database.locked {
                *(if index == 0 { &mut told.journal } else { &mut told.wal }) = None;
            }
        }
    }

    /// Reads a database under SHARED, from copies where they are here.
    pub(super) fn read_database(
        &mut self,
        group: Group,
        file: FileId,
        out: &mut [u8],
        offset: u64,
    ) -> Result<usize, Failure> {
        let database = &mut self.databases[group];
        self.hits.1 += 1;
        if database.copies.read(offset, out) {
            self.hits.0 += 1;
            database.counts.hits += 1;
            database.count_read(out.len());
            return Ok(out.len());
        }
        let size = self.size(group, file).unwrap_or(0);
        let Some((first, count)) = self.databases[group].copies.wanted(offset, out.len(), size) else {
            return self.read(group, file, out, offset);
        };
        self.databases[group].count_read(out.len());
        let from = first * BLOCK as u64;
        self.send_what_overlaps(group, file, from, count * BLOCK)?;
        self.blocks.resize(count * BLOCK, 0);
        let came = self.client.read(file, &mut self.blocks, from)? as usize;
        let Some(found) = self.blocks.get(..came).and_then(|all| all.get((offset - from) as usize..)) else {
            return Ok(0);
        };
        let found = &found[..found.len().min(out.len())];
        out[..found.len()].copy_from_slice(found);
        self.databases[group].copies.take_in(first, &self.blocks[..came]);
        Ok(found.len())
    }

    /// Another thread or tab may have written the log.
    pub(super) fn forget_log(&mut self, group: Group) {
        self.databases[group].log.clear();
    }

    /// Reads a log, of which this thread may have written the frame itself.
    pub(super) fn read_log(
        &mut self,
        group: Group,
        file: FileId,
        out: &mut [u8],
        offset: u64,
    ) -> Result<usize, Failure> {
        let database = &mut self.databases[group];
        if database.log.read(offset, out) {
            database.counts.hits += 1;
            database.count_read(out.len());
            return Ok(out.len());
        }
        if let Some(from) = database.log.next(offset) {
            let mut ahead = std::mem::take(&mut self.blocks);
            ahead.resize(AHEAD, 0);
            let came = self
                .send_what_overlaps(group, file, from, AHEAD)
                .and_then(|()| Ok(self.client.read(file, &mut ahead, from)? as usize));
            let log = &mut self.databases[group].log;
            if let Ok(came) = came {
                log.write(from, &ahead[..came]);
            }
            self.blocks = ahead;
            came?;
            if log.read(offset, out) {
                self.databases[group].count_read(out.len());
                return Ok(out.len());
            }
        }
        self.read(group, file, out, offset)
    }

    /// Reads any file.
    pub(super) fn read(
        &mut self,
        group: Group,
        file: FileId,
        out: &mut [u8],
        offset: u64,
    ) -> Result<usize, Failure> {
        self.databases[group].count_read(out.len());
        self.send_what_overlaps(group, file, offset, out.len())?;
        Ok(self.client.read(file, out, offset)? as usize)
    }

    /// Sends what is about to be read. What could not be written cannot be read either.
    fn send_what_overlaps(
        &mut self,
        group: Group,
        file: FileId,
        offset: u64,
        len: usize,
    ) -> Result<(), Failure> {
        if self.writes.overlaps(file, offset, len) || self.writes.is_ahead() {
            self.writes.send(&self.client);
        }
        self.writes.failure(group).map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// A transaction is over, in whatever way: a failure that came after its commit, or that it was rolled back for, is not the
    /// next one's.
    pub(super) fn transaction_over(&mut self, group: Group) {
        self.databases[group].transactions += 1;
        self.settle_late(group);
    }

    /// The same, where nobody can be told of a failure any more. Whatever makes a commit count was waited for; should it be
    /// believed all the same, SQLite looks at the log again.
    pub(super) fn settle_late(&mut self, group: Group) {
        if self.settle(group).is_err() {
            self.databases[group].index.distrust();
        }
    }

    /// The number of the transaction that writes to the log, if one does.
    pub(super) fn log_transaction(&self, group: Group) -> Option<u64> {
        let database = &self.databases[group];
        database.index.has_writer().then_some(database.transactions)
    }

    /// How often settings were changed that decide about syncs.
    pub(super) fn settings(&self, group: Group) -> u64 {
        self.databases[group].settings
    }

    /// Such a setting is about to be changed.
    pub(super) fn change_settings(&mut self, group: Group) {
        self.databases[group].settings += 1;
    }

    /// Gathers a write, or sees to it that it is done when this returns.
    pub(super) fn write(
        &mut self,
        (file, kind): (FileId, FileKind),
        group: Group,
        data: &[u8],
        offset: u64,
        then: Then,
    ) -> Result<(), Failure> {
        if self.writes.failure(group).is_none() {
            let database = &mut self.databases[group];
            database.counts.writes += 1;
            database.counts.bytes_written += data.len() as u64;
            if database.is_locked(file) {
                database.size = database.size.map(|size| size.max(offset + data.len() as u64));
                database.copies.write(offset, data);
            } else if kind == FileKind::Wal {
                database.log.write(offset, data);
            }
            let much = self.writes.push(group, (file, kind), offset, data);
            if then == Then::Sync {
                return self.sync(group, file);
            }
            match then {
                Then::Wait => self.writes.send(&self.client),
                _ if much => self.writes.send_ahead(&self.client),
                _ => {}
            }
        }
        self.all_well(group)
    }

    /// Sends what was gathered, and fails if a write to one of these files has failed since it was asked last. The copies are
    /// not those of the file then.
    pub(super) fn settle(&mut self, group: Group) -> Result<(), Failure> {
        self.client();
        self.all_well(group)
    }

    /// Sends what was gathered, and says whether a write to one of these files has failed that nobody was told of yet.
    pub(super) fn has_failed(&mut self, group: Group) -> bool {
        self.client();
        self.writes.failure(group).is_some()
    }

    fn all_well(&mut self, group: Group) -> Result<(), Failure> {
        match self.writes.take_failure(group) {
            Some(failure) => {
                self.databases[group].doubt();
                Err(failure)
            }
            None => Ok(()),
        }
    }

    /// Changes the size of a file.
    pub(super) fn truncate(
        &mut self,
        (file, kind): (FileId, FileKind),
        group: Group,
        size: u64,
    ) -> Result<(), Failure> {
        self.settle(group)?;
        let database = &mut self.databases[group];
        if let Err(error) = self.client.truncate(file, size) {
            database.doubt();
            return Err(error.into());
        }
        if database.is_locked(file) {
            database.size = Some(size);
            database.copies.clear();
        } else if kind == FileKind::Wal {
            database.log.truncate(size);
        }
        Ok(())
    }

    /// Makes everything that was written to a file last.
    pub(super) fn sync(&mut self, group: Group, file: FileId) -> Result<(), Failure> {
        self.databases[group].counts.syncs += 1;
        let begun = platform::now();
        let is_fast = self.flush <= self.options.spin;
        // As many times as usual as it takes longer than usual.
        let times = if is_fast { (self.options.spin.as_micros() / 50) as u32 } else { 0 };
        let synced = self.client.caller().patiently(times, || self.writes.send_and_sync(&self.client, file));
        self.flush = platform::now().saturating_sub(begun);
        self.all_well(group)?;
        synced.inspect_err(|_| self.databases[group].doubt())
    }

    /// The wal-index of a database.
    pub(super) fn index(&mut self, group: Group) -> &mut Index {
        &mut self.databases[group].index
    }

    /// The same, with the client. Whoever gets the index next has to find everything in the files that it tells of.
    pub(super) fn index_and_client(&mut self, group: Group) -> (&mut Index, &OpfsClient) {
        self.client();
        (&mut self.databases[group].index, &self.client)
    }
}
