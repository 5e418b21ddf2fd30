//! Whether a type can cross, asked in words of ours: so that the compiler says once, and at the type, that it cannot.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that is encoded on one side and decoded on the other.
///
/// Generated code takes its caller or its frame through [`over`](Sent::over), for each type of the user's that crosses.
/// If one is not `Sent`, the compiler says so there, does not know what came back, and is therefore silent about what is
/// done with it. Otherwise each client and the server would report the type again, for each trait of serde's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` crosses between threads, so it has to be encoded and decoded",
    label = "derive `serde::Serialize` and `serde::Deserialize` for it, and for what is in it",
    note = "a type of another crate may have them behind its feature `serde`; otherwise send a type of yours"
)]
pub trait Sent {
    /// What carries it.
    type Over<C>;

    /// Gives the carrier back.
    fn over<C>(carrier: C) -> Self::Over<C>;
}

impl<T: Serialize + DeserializeOwned> Sent for T {
    type Over<C> = C;

    #[inline(always)]
    fn over<C>(carrier: C) -> C {
        carrier
    }
}

/// For no type at all. If there were one implementation only, the compiler would take it for granted, and report instead
/// what its bounds ask for.
impl<T> Sent for T
where
    Nothing<T>: Never,
{
    type Over<C> = C;

    fn over<C>(carrier: C) -> C {
        carrier
    }
}

/// Nothing implements it.
pub trait Never {}

/// Makes a bound of what is never true: one without a parameter would be refused.
pub struct Nothing<T>(T);
