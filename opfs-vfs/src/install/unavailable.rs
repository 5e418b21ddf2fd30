//! Why a place has no such VFS, in words that say what to do.

/// Why a place has no such VFS. Nothing of an installation is left behind then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// No `SharedArrayBuffer`.
    #[error(
        "SharedArrayBuffer is missing, because the page is not cross-origin isolated; serve it from https or localhost \
         with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
    )]
    NotCrossOriginIsolated,
    /// The calling thread may not block, or is no dedicated worker.
    #[error(
        "the VFS works in a dedicated worker only, where a thread may block; install it from one, or have \
         sql::SqlWorker start one"
    )]
    NotInWorker,
    /// No origin private file system with synchronous access, or none for this page.
    #[error(
        "the origin private file system cannot be used: {cause}; it needs a page from https or localhost, no private \
         window, and a browser of 2023 or later"
    )]
    NoOpfs {
        /// What is missing, or what the browser said.
        cause: String,
    },
    /// The folder of the options cannot be had.
    #[error("the folder of the installation cannot be used: {cause}")]
    NoFolder {
        /// What is wrong with it.
        cause: String,
    },
    /// No Web Locks.
    #[error(
        "navigator.locks is missing, without which two tabs would damage a database; it needs a page from https or \
         localhost and a browser of 2022 or later"
    )]
    NoWebLocks,
    /// A file operation does not do what it must, as the sanity check in a worker found.
    #[error("{cause}")]
    SanityFailed {
        /// The step, and what came out.
        cause: String,
    },
}

#[cfg_attr(
    not(any(test, target_arch = "wasm32")),
    expect(dead_code, reason = "reasons cross between the workers of a page")
)]
impl Unavailable {
    /// The reason as one word, as it travels from a worker to the thread that started it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotCrossOriginIsolated => "not-isolated",
            Self::NotInWorker => "not-in-worker",
            Self::NoOpfs { .. } => "no-opfs",
            Self::NoFolder { .. } => "no-folder",
            Self::NoWebLocks => "no-web-locks",
            Self::SanityFailed { .. } => "sanity-failed",
        }
    }

    /// What varies within a reason.
    pub(crate) fn cause(&self) -> &str {
        match self {
            Self::NotCrossOriginIsolated | Self::NotInWorker | Self::NoWebLocks => "",
            Self::NoOpfs { cause } | Self::NoFolder { cause } | Self::SanityFailed { cause } => cause,
        }
    }

    /// The reason with this code.
    pub(crate) fn from_code(code: &str, cause: &str) -> Option<Self> {
        let cause = cause.to_owned();
        Some(match code {
            "not-isolated" => Self::NotCrossOriginIsolated,
            "not-in-worker" => Self::NotInWorker,
            "no-opfs" => Self::NoOpfs { cause },
            "no-folder" => Self::NoFolder { cause },
            "no-web-locks" => Self::NoWebLocks,
            "sanity-failed" => Self::SanityFailed { cause },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_way_from_a_worker() {
        let cause = || "because".to_owned();
        for reason in [
            Unavailable::NotCrossOriginIsolated,
            Unavailable::NotInWorker,
            Unavailable::NoOpfs { cause: cause() },
            Unavailable::NoFolder { cause: cause() },
            Unavailable::NoWebLocks,
            Unavailable::SanityFailed { cause: cause() },
        ] {
            assert_eq!(Unavailable::from_code(reason.code(), reason.cause()), Some(reason));
        }
        assert_eq!(Unavailable::from_code("other", ""), None);
    }

    #[test]
    fn a_page_without_isolation_is_told_which_headers_it_needs() {
        let said = Unavailable::NotCrossOriginIsolated.to_string();
        assert!(said.contains("Cross-Origin-Opener-Policy: same-origin"), "{said}");
        assert!(said.contains("Cross-Origin-Embedder-Policy: require-corp"), "{said}");
    }
}
