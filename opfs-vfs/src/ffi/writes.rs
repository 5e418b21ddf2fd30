//! Writes that are not sent yet: gathered, in the order made, and sent before any other call is.
//!
//! SQLite writes in small pieces that follow each other (a journal's page number, page and checksum; page after page of a
//! commit), and asks for no more than that all of them are there when it syncs. So neighbours become one write. What fails
//! is told to the next write, sync or truncation of the same database's files, and until then nothing is read from them: SQLite
//! makes no commit count before one of these has succeeded. What was to be written after it is not written, since the
//! pages of a database must not be changed where its journal could not be.

use crate::service::OpfsClient;
use crate::wire::FileId;

use super::codes::Failure;

/// Bytes that are gathered at most.
const MOST: usize = 256 << 10;

/// Which files belong together: those of one database.
pub(super) type Group = usize;

struct Run {
    group: Group,
    file: FileId,
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
    /// A buffer to use again.
    spare: Vec<u8>,
}

impl Writes {
    /// Gathers a write; says whether there is enough to send.
    pub(super) fn push(&mut self, group: Group, file: FileId, offset: u64, data: &[u8]) -> bool {
        self.bytes += data.len();
        match self.runs.last_mut() {
            Some(run) if run.file == file && run.end() == offset => run.data.extend_from_slice(data),
            _ => {
                let mut buffer = std::mem::take(&mut self.spare);
                buffer.clear();
                buffer.extend_from_slice(data);
                self.runs.push(Run { group, file, offset, data: buffer });
            }
        }
        self.bytes >= MOST
    }

    /// Whether some of these bytes are not in the file yet.
    pub(super) fn overlaps(&self, file: FileId, offset: u64, len: usize) -> bool {
        let end = offset + len as u64;
        self.runs.iter().any(|run| run.file == file && run.offset < end && offset < run.end())
    }

    /// Whether everything was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Sends everything, in order.
    pub(super) fn send(&mut self, client: &OpfsClient) {
        self.bytes = 0;
        let mut over = false;
        for run in self.runs.drain(..) {
            let failure = if over {
                Some(Failure::Misuse("a write before this one failed"))
            } else {
                client.write(run.file, &run.data, run.offset).err().map(Failure::from)
            };
            if let Some(failure) = failure {
                over = true;
                if self.failed.iter().all(|(group, _)| *group != run.group) {
                    self.failed.push((run.group, failure));
                }
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
