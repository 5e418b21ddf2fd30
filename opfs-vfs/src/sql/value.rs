//! The five kinds of values that SQLite stores, as they travel between the page and the SQLite worker.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One value of a row, or one parameter of a statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `NULL`.
    #[default]
    Null,
    /// A signed whole number.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// A string.
    Text(String),
    /// Bytes.
    Blob(#[serde(with = "blob")] Vec<u8>),
}

impl Value {
    /// About how many bytes the value takes on its way to another thread; never fewer than it really takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Integer(_) | Self::Real(_) => 11,
            Self::Text(text) => 6 + text.len(),
            Self::Blob(bytes) => 6 + bytes.len(),
        }
    }

    /// The number, where the value is a whole one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The string, where the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, where the value is a blob.
    pub fn as_blob(&self) -> Option<&[u8]> {
        match self {
            Self::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// As the `sqlite3` shell prints a value; a blob by its length.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Blob(bytes) => write!(f, "<{} bytes>", bytes.len()),
        }
    }
}

macro_rules! from {
    ($($source:ty => $value:ident => $result:expr;)+) => {
        $(impl From<$source> for Value {
            fn from($value: $source) -> Self {
                $result
            }
        })+
    };
}

from! {
    bool => value => Self::Integer(value.into());
    i32 => value => Self::Integer(value.into());
    u32 => value => Self::Integer(value.into());
    i64 => value => Self::Integer(value);
    f64 => value => Self::Real(value);
    &str => value => Self::Text(value.to_owned());
    String => value => Self::Text(value);
    &[u8] => value => Self::Blob(value.to_vec());
    Vec<u8> => value => Self::Blob(value);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, from values of different types: `values![1, "two", 3.0]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::sql::Value::from($value)),*]
    };
}

/// Bytes as one piece: a `Vec<u8>` by itself would be written byte by byte.
mod blob {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }

        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_made_from_what_rust_has() {
        let made = crate::values![None::<i64>, true, 7, 1.5, "text", vec![1_u8, 2]];
        let expected = [
            Value::Null,
            Value::Integer(1),
            Value::Integer(7),
            Value::Real(1.5),
            Value::Text("text".to_owned()),
            Value::Blob(vec![1, 2]),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn values_print_as_the_shell_prints_them() {
        let printed: Vec<String> =
            crate::values![None::<i64>, 7, 2.0, "text", vec![0_u8; 3]].iter().map(Value::to_string).collect();
        assert_eq!(printed, ["NULL", "7", "2.0", "text", "<3 bytes>"]);
    }
}
