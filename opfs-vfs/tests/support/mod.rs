//! What the native tests share: a tab (an I/O thread and a VFS of its own over a shared store), and a scratch folder.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use opfs_vfs::install::native::{Installed, install};
use opfs_vfs::io::IoOptions;
use opfs_vfs::store::Store;
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::{InstallOptions, VfsPath};
use rusqlite::{Connection, OpenFlags};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// One tab of a browser, played by an I/O thread with a VFS of its own.
pub(crate) struct Tab {
    pub(crate) installed: Installed,
    pub(crate) name: String,
}

impl Tab {
    /// A tab over `store`, which shares files and locks with the other tabs over its clones.
    pub(crate) fn new(store: impl Store + Send, tabs: &LocalTabs) -> Self {
        // Tests hand over all the time.
        Self::with(store, tabs, IoOptions { quantum: Duration::from_millis(3), ..IoOptions::default() })
    }

    pub(crate) fn with(store: impl Store + Send, tabs: &LocalTabs, io: IoOptions) -> Self {
        let name = format!("tab-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let options = InstallOptions {
            name: name.clone(),
            make_default: false,
            sanity_check: false,
            io,
            ..Default::default()
        };
        let installed = install(store, tabs.clone(), &options).expect("the VFS installs");
        Self { installed, name }
    }

    /// A connection that waits for others up to a minute.
    pub(crate) fn open(&self, path: &str) -> Connection {
        let db = self.try_open(path, OpenFlags::default()).expect("the database opens");
        db.busy_timeout(Duration::from_secs(60)).expect("a busy timeout can be set");
        db
    }

    pub(crate) fn try_open(&self, path: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
        Connection::open_with_flags_and_vfs(path, flags, self.name.as_str())
    }
}

/// A folder that goes with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("opfs-vfs-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a scratch folder can be made");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn path(text: &str) -> VfsPath {
    VfsPath::parse(text).expect("a valid path")
}

/// What `PRAGMA integrity_check` says.
pub(crate) fn integrity(db: &Connection) -> String {
    db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the integrity check runs")
}

/// The first column of the first row.
pub(crate) fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}
