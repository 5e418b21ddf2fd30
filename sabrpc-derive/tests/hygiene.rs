//! Generated code in hostile surroundings: without a prelude, under another crate name, beside names like its own,
//! with raw identifiers and conditional methods, and with every lint denied that a careful crate denies.
#![deny(
    warnings,
    future_incompatible,
    missing_debug_implementations,
    nonstandard_style,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused,
    unused_lifetimes,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]

use sabrpc::{Channel, ChannelConfig, native};

/// Every form of method, so that all that can be generated meets these lints.
pub mod lints {
    use sabrpc::{BulkIn, BulkOut, Stream, sab_service};

    /// A service.
    #[sab_service(rename_all = "camelCase", version = 3, deadline = "5s")]
    pub trait Linted {
        /// Does nothing.
        fn ping(&self);
        /// Answers.
        fn plain(&self, text: &str, number: u32) -> u32;
        /// Fails.
        ///
        /// # Errors
        /// For a reason of its own.
        fn fallible(&self, text: String, _unused: &[u32]) -> Result<u32, String>;
        /// Waits.
        ///
        /// # Errors
        /// For a reason of its own.
        async fn later(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<(), String>;
        /// Is not waited for.
        ///
        /// # Errors
        /// For a reason of its own.
        #[op(oneway)]
        fn send(&self, list: Vec<u8>) -> Result<(), String>;
        /// Is not either.
        #[op(oneway)]
        async fn tell(&self);
        /// Answers in many parts.
        #[op(deadline = "1s")]
        fn stream(&self, text: &str, data: BulkIn<'_>) -> Stream<u32>;
        /// Likewise, or fails.
        ///
        /// # Errors
        /// For a reason of its own.
        async fn stream_fallible(&self) -> Result<Stream<String>, String>;
    }
}

/// No item is in scope but what is named here.
#[no_implicit_prelude]
pub mod no_prelude {
    /// Names of the prelude mean something else.
    #[derive(::serde::Serialize, ::serde::Deserialize, Debug, PartialEq, Eq)]
    pub struct Some(pub u8);

    use ::std::cmp::{Eq, PartialEq};
    use ::std::fmt::Debug;
    use ::std::prelude::v1::derive;

    /// A service.
    #[::sabrpc::sab_service]
    pub trait Bare {
        /// Fails.
        ///
        /// # Errors
        /// For a reason of its own.
        fn fallible(&self, value: &Some, list: &[u16]) -> ::std::result::Result<Some, u8>;
        /// Waits.
        async fn later(&self, data: ::sabrpc::BulkIn<'_>, out: ::sabrpc::BulkOut<'_>) -> u8;
        /// Is not waited for.
        #[op(oneway, deadline = "1s")]
        fn send(&self, n: u8);
        /// Answers in many parts.
        fn stream(&self, n: u8) -> ::sabrpc::Stream<Some>;
        /// Likewise.
        ///
        /// # Errors
        /// For a reason of its own.
        fn pair(&self) -> ::std::result::Result<::sabrpc::Stream<(u8, Some)>, u8>;
    }
}

/// The crate is found where the attribute says.
pub mod renamed {
    /// What an application re-exports.
    pub mod deps {
        pub use ::sabrpc as rpc;
    }

    /// Hides the crate's own name.
    pub mod sabrpc {}

    /// A service.
    #[deps::rpc::sab_service(crate = "self::deps::rpc")]
    pub trait Renamed {
        /// Answers.
        ///
        /// # Errors
        /// For a reason of its own.
        fn get(&self, key: &str) -> Result<u32, String>;
        /// Waits.
        async fn wait(&self, data: deps::rpc::BulkIn<'_>) -> u32;
    }
}

/// Types of the user's have the names that generated code gives to its own things.
pub mod clashes {
    use serde::{Deserialize, Serialize};

    /// As generic parameters are called.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct R(pub u8);
    /// Likewise.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct T(pub u8);
    /// As in the framework.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub enum RpcError {
        /// Its only one.
        Mine,
    }
    /// Hides the one of the standard library.
    pub type Rc = u8;

    /// A service.
    #[sabrpc::sab_service]
    pub trait Clashing {
        /// Arguments are called like local variables.
        ///
        /// # Errors
        /// For a reason of its own.
        fn all(&self, frame: R, args: T, service: Rc, op: u8, id: u8) -> Result<(R, T, u8), RpcError>;
        /// Methods are called like those of traits in scope.
        async fn clone(&self, error: RpcError) -> RpcError;
        /// Like one of the dispatcher's.
        fn dispatch(&self) -> Rc;
        /// Like another.
        fn info(&self) -> Rc;
        /// Like the server's.
        fn service(&self) -> Rc;
    }
}

/// Services have the names of type parameters.
pub mod parameters {
    /// As in the server.
    #[sabrpc::sab_service]
    pub trait T {
        /// Answers.
        fn get(&self) -> u8;
    }

    /// As in the clients.
    #[sabrpc::sab_service]
    pub trait R {
        /// Answers in many parts.
        fn get(&self) -> sabrpc::Stream<u8>;
    }
}

/// What is raw, conditional, deprecated or oddly written comes back so.
pub mod carried {
    /// A service with a raw name.
    #[allow(non_camel_case_types)]
    #[sabrpc::sab_service]
    pub trait r#move {
        /// Raw.
        fn r#type(&self, r#in: u8) -> u8;
        /// Not there.
        #[cfg(any())]
        fn missing(&self, of: NoSuchType) -> u8;
        /// There.
        #[cfg(test)]
        fn there(&self) -> u8;
        /// Not there in an async client either.
        #[cfg_attr(test, cfg(any()))]
        async fn missing_too(&self);
        /// As C has it.
        #[allow(non_snake_case)]
        #[op(oneway)]
        fn xSync(&self);
        /// Out of use.
        #[deprecated(note = "use `type`")]
        fn old(&self) -> u8;
    }
}

/// A whole service may be conditional or deprecated, with the attribute on either side.
pub mod whole {
    /// Not there.
    #[sabrpc::sab_service]
    #[cfg(any())]
    pub trait Missing {
        /// Nor this.
        fn missing(&self, of: NoSuchType) -> u8;
    }

    /// Out of use.
    #[sabrpc::sab_service]
    #[deprecated(note = "use another")]
    pub trait Old {
        /// Answers.
        fn get(&self) -> u8;
        /// Waits.
        async fn wait(&self);
    }
}

/// Inside a function, nothing can be named by a path.
#[test]
fn services_can_be_local() {
    #[sabrpc::sab_service]
    trait Local {
        fn double(&self, n: u32) -> u32;
    }
    struct Impl;
    impl Local for Impl {
        fn double(&self, n: u32) -> u32 {
            n * 2
        }
    }
    let channel = Channel::native(ChannelConfig::default()).expect("the configuration is the default");
    let _server = native::spawn(&channel, || LocalServer::new(Impl));
    let client = LocalClient::attach(&channel).expect("the server serves");
    assert_eq!(client.double(4), Ok(8));
}

/// The trait is made by a macro, so its tokens have another origin than those of the generated code.
#[test]
fn services_can_be_made_by_macros() {
    macro_rules! service {
        ($name:ident, $method:ident, $arg:ty => $result:ty) => {
            #[sabrpc::sab_service]
            trait $name {
                fn $method(&self, frame: $arg, args: &$arg) -> $result;
                async fn later(&self, frame: $arg) -> $result;
            }
        };
    }
    service!(Made, pair, u8 => Result<(u8, u8), String>);
    struct Impl;
    impl Made for Impl {
        fn pair(&self, frame: u8, args: &u8) -> Result<(u8, u8), String> {
            Ok((frame, *args))
        }
        async fn later(&self, frame: u8) -> Result<(u8, u8), String> {
            Err(frame.to_string())
        }
    }
    let channel = Channel::native(ChannelConfig::default()).expect("the configuration is the default");
    let _server = native::spawn(&channel, || MadeServer::new(Impl));
    let client = MadeClient::attach(&channel).expect("the server serves");
    assert_eq!(client.pair(1, &2), Ok((1, 2)));
    assert_eq!(client.later(7), Err(sabrpc::CallError::Service("7".into())));
}

#[test]
fn users_types_mean_what_they_mean() {
    use clashes::{Clashing, ClashingClient, ClashingServer, R, Rc, RpcError, T};
    struct Impl;
    impl Clashing for Impl {
        fn all(&self, frame: R, args: T, service: Rc, op: u8, id: u8) -> Result<(R, T, u8), RpcError> {
            Ok((frame, args, service + op + id))
        }
        async fn clone(&self, error: RpcError) -> RpcError {
            error
        }
        fn dispatch(&self) -> Rc {
            1
        }
        fn info(&self) -> Rc {
            2
        }
        fn service(&self) -> Rc {
            4
        }
    }
    let channel = Channel::native(ChannelConfig::default()).expect("the configuration is the default");
    let _server = native::spawn(&channel, || ClashingServer::new(Impl));
    let client = ClashingClient::attach(&channel).expect("the server serves");
    assert_eq!(client.all(R(1), T(2), 3, 4, 5), Ok((R(1), T(2), 12)));
    assert_eq!(client.clone(RpcError::Mine), Ok(RpcError::Mine));
    assert_eq!(client.dispatch(), Ok(1));
    assert_eq!(client.info(), Ok(2));
    assert_eq!(client.service(), Ok(4));
}

#[test]
fn services_may_be_called_like_type_parameters() {
    use parameters::{T, TClient, TServer};
    struct Impl;
    impl T for Impl {
        fn get(&self) -> u8 {
            7
        }
    }
    let channel = Channel::native(ChannelConfig::default()).expect("the configuration is the default");
    let _server = native::spawn(&channel, || TServer::new(Impl));
    assert_eq!(TClient::attach(&channel).expect("the server serves").get(), Ok(7));
}

#[test]
fn conditional_methods_keep_the_ids_of_the_others() {
    use carried::moveOp;
    let ids: Vec<(u32, &str)> = moveOp::ALL.iter().map(|op| (op.id(), op.name())).collect();
    assert_eq!(ids, [(0, "type"), (2, "there"), (4, "xSync"), (5, "old")]);
    assert!(moveOp::try_from(1).is_err());
    assert_eq!(moveOp::SERVICE.name, "move");
}
