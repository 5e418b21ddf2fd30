//! The one path type. Owns the rules for file names: everything that reaches a store has passed [`VfsPath::parse`], so no
//! store ever sees `..`, an empty segment or a name too long for a file system. What a path means is the store's affair.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest path in bytes, the leading `/` included; also what the VFS tells SQLite as `mxPathname`.
pub const MAX_PATH: usize = 1024;

/// Longest single name in bytes: the limit of the file systems that browsers and folders stand on.
pub const MAX_SEGMENT: usize = 255;

/// A checked, absolute, normalised path such as `/notes/app.db`.
///
/// ```
/// use opfs_vfs::VfsPath;
///
/// let path = VfsPath::parse("notes/app.db")?;
/// assert_eq!(path.as_str(), "/notes/app.db");
/// assert_eq!(path.file_name(), "app.db");
/// assert!(VfsPath::parse("notes/../app.db").is_err());
/// # Ok::<(), opfs_vfs::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VfsPath(String);

impl VfsPath {
    /// Checks `text`; a path without a leading `/` is taken from the root.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let relative = text.strip_prefix('/').unwrap_or(text);
        if relative.is_empty() {
            return Err(PathError::Empty);
        }
        // The length comes first, so that a message never carries an overlong name around.
        let bytes = relative.len() + 1;
        if bytes > MAX_PATH {
            return Err(PathError::TooLong { bytes });
        }
        for segment in relative.split('/') {
            check_segment(segment)?;
        }
        Ok(Self(format!("/{relative}")))
    }

    /// The path, with its leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the root down; the last one is the file's.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    /// The names of the folders above the file, from the root down.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let count = self.segments().count();
        self.segments().take(count.saturating_sub(1))
    }

    /// The file's own name.
    pub fn file_name(&self) -> &str {
        self.segments().last().unwrap_or_default()
    }

    /// The path with `suffix` added to the file's name, as SQLite names its journals (`-journal`, `-wal`).
    pub fn with_suffix(&self, suffix: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}{suffix}", self.0))
    }
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    if segment.is_empty() {
        return Err(PathError::EmptySegment);
    }
    if segment == "." || segment == ".." {
        return Err(PathError::DotSegment);
    }
    if segment.len() > MAX_SEGMENT {
        return Err(PathError::SegmentTooLong { bytes: segment.len() });
    }
    // A backslash is a separator for a browser on Windows, and NUL ends a name for the operating system: either would
    // let one name mean two files.
    if let Some(character) = segment.chars().find(|c| matches!(c, '\0' | '\\')) {
        return Err(PathError::Forbidden { character });
    }
    Ok(())
}

impl fmt::Display for VfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for VfsPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<VfsPath> for String {
    fn from(path: VfsPath) -> Self {
        path.0
    }
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing there, or only `/`.
    #[error("the path is empty; name a file, for example \"app.db\"")]
    Empty,
    /// Longer than [`MAX_PATH`].
    #[error("the path has {bytes} bytes; at most {MAX_PATH} are possible")]
    TooLong {
        /// Length of the path.
        bytes: usize,
    },
    /// One name longer than [`MAX_SEGMENT`].
    #[error("a name in the path has {bytes} bytes; at most {MAX_SEGMENT} are possible")]
    SegmentTooLong {
        /// Length of the name.
        bytes: usize,
    },
    /// `//` or a trailing `/`.
    #[error("the path has an empty segment; remove the doubled or trailing \"/\"")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path has a \".\" or \"..\" segment; write the path out from the root")]
    DotSegment,
    /// A character that no store can hold.
    #[error("the path has the character {character:?}, which no file name can hold")]
    Forbidden {
        /// The character.
        character: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_starts_at_the_root() {
        assert_eq!(VfsPath::parse("a.db").unwrap(), VfsPath::parse("/a.db").unwrap());
        assert_eq!(VfsPath::parse("x/y/a.db").unwrap().as_str(), "/x/y/a.db");
    }

    #[test]
    fn names_come_apart_from_folders() {
        let path = VfsPath::parse("/x/y/a.db").unwrap();
        assert_eq!(path.folders().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(path.file_name(), "a.db");
        assert_eq!(path.with_suffix("-journal").unwrap().as_str(), "/x/y/a.db-journal");
        assert_eq!(VfsPath::parse("a").unwrap().folders().count(), 0);
    }

    #[test]
    fn what_is_no_path_is_refused_by_its_reason() {
        for (text, reason) in [
            ("", PathError::Empty),
            ("/", PathError::Empty),
            ("//a", PathError::EmptySegment),
            ("a//b", PathError::EmptySegment),
            ("a/", PathError::EmptySegment),
            ("..", PathError::DotSegment),
            ("a/../b", PathError::DotSegment),
            ("./a", PathError::DotSegment),
            ("a\0b", PathError::Forbidden { character: '\0' }),
            ("a\\b", PathError::Forbidden { character: '\\' }),
        ] {
            assert_eq!(VfsPath::parse(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn length_limits_are_exact() {
        let segment = "s".repeat(MAX_SEGMENT);
        assert!(VfsPath::parse(&segment).is_ok());
        assert_eq!(VfsPath::parse(&format!("{segment}s")), Err(PathError::SegmentTooLong { bytes: 256 }));
        let long = ["ab"; 400].join("/");
        assert_eq!(VfsPath::parse(&long), Err(PathError::TooLong { bytes: 1200 }));
        assert_eq!(VfsPath::parse(&"x".repeat(5000)), Err(PathError::TooLong { bytes: 5001 }));
        let full = format!("/{}", [&*"p".repeat(250); 5].join("/").split_at(MAX_PATH - 1).0);
        assert_eq!(VfsPath::parse(&full).unwrap().as_str().len(), MAX_PATH);
    }

    #[test]
    fn dots_inside_names_are_names() {
        for text in ["...", "a..b", ".hidden", "a.", "..a"] {
            assert!(VfsPath::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_hostile_path_does_not_decode() {
        assert!(VfsPath::try_from(String::from("a/../b")).is_err());
    }
}
