//! Writes that are not sent yet: gathered, in the order made, and sent before any other call is.
//!
//! SQLite writes in small pieces that follow each other (a journal's page number, page and checksum; page after page of a
//! commit), and asks for no more than that all of them are there when it syncs. So neighbours become one write. What fails
//! is told to the next write, sync or truncation of the same database's files, and until then nothing is read from them: SQLite
//! makes no commit count before one of these has succeeded. What was to be written after it is not written, since the
//! pages of a database must not be changed where its journal could not be.
//!
//! A large transaction writes to its log while it goes on: nothing depends on those frames before its last one. So they are
//! sent without waiting for their end, and the I/O worker writes while SQLite works. How that went is asked before anything
//! else is sent.

use crate::service::OpfsClient;
use crate::wire::{FileId, FileKind};

use super::codes::Failure;

/// Bytes that are gathered at most: with a page of the usual size on top they fit a payload area, and so travel at once.
const MOST: usize = 120 << 10;

/// Which files belong together: those of one database.
pub(super) type Group = usize;

struct Run {
    group: Group,
    file: FileId,
    /// It is of a log.
    log: bool,
    offset: u64,
    data: Vec<u8>,
}

impl Run {
    fn end(&self) -> u64 {
        self.offset + self.data.len() as u64
    }
}

/// The writes of one client.
#[derive(Default)]
pub(super) struct Writes {
    runs: Vec<Run>,
    bytes: usize,
    /// Failures that nobody has been told of for good.
    failed: Vec<(Group, Failure)>,
    /// Whose log was written to without waiting for the end.
    late: Option<Group>,
    /// A buffer to use again.
    spare: Vec<u8>,
}

impl Writes {
    /// Gathers a write; says whether there is enough to send.
    pub(super) fn push(
        &mut self,
        group: Group,
        (file, kind): (FileId, FileKind),
        offset: u64,
        data: &[u8],
    ) -> bool {
        self.bytes += data.len();
        match self.runs.last_mut() {
            Some(run) if run.file == file && run.end() == offset => run.data.extend_from_slice(data),
            _ => {
                let mut buffer = std::mem::take(&mut self.spare);
                buffer.clear();
                buffer.extend_from_slice(data);
                let log = kind == FileKind::Wal;
                self.runs.push(Run { group, file, log, offset, data: buffer });
            }
        }
        self.bytes >= MOST
    }

    /// Whether some of these bytes are not in the file yet.
    pub(super) fn overlaps(&self, file: FileId, offset: u64, len: usize) -> bool {
        let end = offset + len as u64;
        self.runs.iter().any(|run| run.file == file && run.offset < end && offset < run.end())
    }

    /// Whether everything was sent, and its end is known.
    pub(super) fn is_settled(&self) -> bool {
        self.runs.is_empty() && self.late.is_none()
    }

    /// Whether the end of some writes is not known.
    pub(super) fn is_ahead(&self) -> bool {
        self.late.is_some()
    }

    /// Sends everything, in order, and knows how it went.
    pub(super) fn send(&mut self, client: &OpfsClient) {
        self.hear(client);
        self.send_all(client, false);
    }

    /// The same, but what goes to a log is not waited for.
    pub(super) fn send_ahead(&mut self, client: &OpfsClient) {
        if self.runs.iter().any(|run| !run.log || self.late.is_some_and(|group| group != run.group)) {
            return self.send(client);
        }
        self.send_all(client, true);
    }

    /// Hears how the writes went that were not waited for.
    fn hear(&mut self, client: &OpfsClient) {
        if let Some(group) = self.late.take() {
            // A call that does nothing, and brings the error of those before it.
            if let Err(error) = client.full_pathname("any") {
                self.fail(group, error.into());
            }
        }
    }

    fn fail(&mut self, group: Group, failure: Failure) {
        if self.failure(group).is_none() {
            self.failed.push((group, failure));
        }
    }

    fn send_all(&mut self, client: &OpfsClient, ahead: bool) {
        self.bytes = 0;
        let mut over = false;
        for run in std::mem::take(&mut self.runs) {
            // The failure may be one that was heard of just now.
            let sent = match (over || self.failure(run.group).is_some(), ahead) {
                (true, _) => Err(Failure::Misuse("a write before this one failed")),
                (false, true) => {
                    self.late = Some(run.group);
                    client.write_ahead(run.file, &run.data, run.offset).map_err(Failure::from)
                }
                (false, false) => client.write(run.file, &run.data, run.offset).map_err(Failure::from),
            };
            if let Err(failure) = sent {
                over = true;
                self.fail(run.group, failure);
            }
            if run.data.capacity() > self.spare.capacity() && run.data.capacity() <= 2 * MOST {
                self.spare = run.data;
            }
        }
    }

    /// Sends everything, in order, and makes what is in `file` last; the newest write to it goes with the sync.
    pub(super) fn send_and_sync(&mut self, client: &OpfsClient, file: FileId) -> Result<(), Failure> {
        let last = self.runs.pop_if(|run| run.file == file);
        self.send(client);
        match last {
            None => client.sync(file)?,
            // Like every write after one that has failed.
            Some(run) if self.failure(run.group).is_some() => {}
            Some(run) => {
                client.write_sync(file, &run.data, run.offset)?;
                self.spare = run.data;
            }
        }
        Ok(())
    }

    /// How a write to one of these files has failed.
    pub(super) fn failure(&self, group: Group) -> Option<&Failure> {
        self.failed.iter().find(|(other, _)| *other == group).map(|(_, failure)| failure)
    }

    /// The failure, told for good.
    pub(super) fn take_failure(&mut self, group: Group) -> Option<Failure> {
        let at = self.failed.iter().position(|(other, _)| *other == group)?;
        Some(self.failed.swap_remove(at).1)
    }
}
