//! The sanity check: one scratch file through every kind of operation, before an application trusts its data to a browser
//! that may lack something. It leaves nothing behind.

use sabrpc::{CallError, Region, RpcError};

use crate::error::VfsError;
use crate::platform;
use crate::service::OpfsClient;
use crate::wire::{Access, LockLevel, OpenFlags};

/// Folder of the scratch file.
const FOLDER: &str = "/sanity/check";

/// What is written and read back.
const WORD: &[u8] = b"sanity";

/// Size that the scratch file is given.
const SIZE: u64 = 1024;

/// What went wrong, and at which step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SanityError {
    /// The operation failed.
    #[error("sanity check, {step}: {error}")]
    Failed {
        /// The step.
        step: &'static str,
        /// What the file service said.
        #[source]
        error: Box<CallError<VfsError>>,
    },
    /// The operation answered, and the answer is wrong: the browser's file system does not do what it must.
    #[error(
        "sanity check, {step}: expected {expected}, got {got}; this browser cannot hold a database safely"
    )]
    Wrong {
        /// The step.
        step: &'static str,
        /// What must come out.
        expected: String,
        /// What came out.
        got: String,
    },
}

/// Tries the whole path on a scratch file under `/sanity/check/` and names the steps that passed.
pub fn check<R: Region>(client: &OpfsClient<R>) -> Result<Vec<&'static str>, SanityError> {
    let mut check = Check { client, passed: Vec::new() };
    check.run(&scratch_path())?;
    Ok(check.passed)
}

/// Two tabs may check at the same time, so each has a file of its own.
fn scratch_path() -> String {
    let mut tag = [0; 8];
    platform::random(&mut tag);
    format!("{FOLDER}/scratch-{:016x}", u64::from_le_bytes(tag))
}

struct Check<'a, R: Region> {
    client: &'a OpfsClient<R>,
    passed: Vec<&'static str>,
}

impl<R: Region> Check<'_, R> {
    fn run(&mut self, path: &str) -> Result<(), SanityError> {
        let client = self.client;
        // A text beyond ASCII comes back as it went.
        let odd = format!("{path}-Größe-寸法-📏");
        self.expect("serialization round trip", client.full_pathname(&odd), &odd)?;
        self.expect("access before open", client.access(path, Access::Exists), &false)?;
        let file = self.step("open with create", client.open(path, OpenFlags::MAIN_DB.create()))?.file;
        let worked = self.on_file(path, file);
        // Whatever happened, the scratch file goes; the first failure is the one worth telling.
        let closed = self.step("close", client.close(file));
        let deleted = self.step("delete", client.delete(path, false));
        worked.and(closed).and(deleted)?;
        self.expect("access after delete", client.access(path, Access::Exists), &false)
    }

    fn on_file(&mut self, path: &str, file: crate::wire::FileId) -> Result<(), SanityError> {
        let client = self.client;
        self.expect("access after open", client.access(path, Access::ReadWrite), &true)?;
        self.step("lock for reading", client.lock(file, LockLevel::Shared))?;
        self.step("lock for writing", client.lock(file, LockLevel::Exclusive))?;
        self.step("sync", client.sync(file))?;
        self.step("truncate", client.truncate(file, SIZE))?;
        self.expect("size", client.file_size(file), &SIZE)?;
        self.step("write", client.write(file, WORD, SIZE))?;
        let mut back = [0; WORD.len() + 2];
        self.expect("read", client.read(file, &mut back, SIZE), &(WORD.len() as u32))?;
        self.same("bytes read", &String::from_utf8_lossy(&back), &"sanity\0\0".into())?;
        self.step("unlock", client.unlock(file, LockLevel::None))?;
        self.step("sleep", client.sleep(1000).map_err(rpc))
    }

    fn step<T>(
        &mut self,
        step: &'static str,
        answer: Result<T, CallError<VfsError>>,
    ) -> Result<T, SanityError> {
        let value = answer.map_err(|error| SanityError::Failed { step, error: Box::new(error) })?;
        self.passed.push(step);
        Ok(value)
    }

    fn expect<T: PartialEq + std::fmt::Debug>(
        &mut self,
        step: &'static str,
        answer: Result<T, CallError<VfsError>>,
        expected: &T,
    ) -> Result<(), SanityError> {
        let got = answer.map_err(|error| SanityError::Failed { step, error: Box::new(error) })?;
        self.same(step, &got, expected)
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        step: &'static str,
        got: &T,
        expected: &T,
    ) -> Result<(), SanityError> {
        if got != expected {
            let (expected, got) = (format!("{expected:?}"), format!("{got:?}"));
            return Err(SanityError::Wrong { step, expected, got });
        }
        self.passed.push(step);
        Ok(())
    }
}

fn rpc(error: RpcError) -> CallError<VfsError> {
    CallError::Rpc(error)
}
