#[allow(async_fn_in_trait)]
trait Options {
    fn read_all(&self) -> Vec<u8>;
    fn ping_fast(&self);
    async fn sync_all(&self) -> Result<(), Error>;
    fn close_all(&self);
}
/// The operations of [`Options`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
enum OptionsOp {
    /// The operation `readAll`.
    ReadAll = 0,
    /// The operation `pingFast`.
    PingFast = 1,
    /// The operation `xSync`.
    SyncAll = 40,
    /// The operation `closeAll`.
    CloseAll = 41,
}
#[automatically_derived]
impl ::core::cmp::Eq for OptionsOp {}
#[allow(dead_code)]
impl OptionsOp {
    /// Every operation, in the order of the trait.
    const ALL: &'static [Self] = &[
        Self::ReadAll,
        Self::PingFast,
        Self::SyncAll,
        Self::CloseAll,
    ];
    /// The service as both sides compare it when they meet.
    const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
            "Options",
            const {
                &[
                    *Self::ReadAll.info(),
                    *Self::PingFast.info(),
                    *Self::SyncAll.info(),
                    *Self::CloseAll.info(),
                ]
            },
        )
        .with_version(2)
        .with_deadline(::core::time::Duration::from_secs(5));
    /// The number on the wire.
    #[inline]
    #[must_use]
    const fn id(self) -> u32 {
        self as u32
    }
    /// The name in tables, metrics and messages.
    #[inline]
    #[must_use]
    const fn name(self) -> &'static str {
        self.info().name
    }
    /// All that is known of the operation.
    #[inline]
    #[must_use]
    const fn info(self) -> &'static ::sabrpc::OpInfo {
        match self {
            Self::ReadAll => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "readAll",
                        signature: "() -> Vec<u8>",
                        wire: ::sabrpc::__private::wire_hash("() -> Vec<u8>"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::PingFast => {
                const {
                    &::sabrpc::OpInfo {
                        id: 1,
                        name: "pingFast",
                        signature: "()",
                        wire: ::sabrpc::__private::wire_hash("()"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::Some(
                            ::core::time::Duration::from_millis(500),
                        ),
                    }
                }
            }
            Self::SyncAll => {
                const {
                    &::sabrpc::OpInfo {
                        id: 40,
                        name: "xSync",
                        signature: "() -> Result<(), Error>",
                        wire: ::sabrpc::__private::wire_hash("() -> Result<(), Error>"),
                        flags: ::sabrpc::OpFlags::ASYNC
                            .union(::sabrpc::OpFlags::FALLIBLE),
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::Some(
                            ::core::time::Duration::from_secs(120),
                        ),
                    }
                }
            }
            Self::CloseAll => {
                const {
                    &::sabrpc::OpInfo {
                        id: 41,
                        name: "closeAll",
                        signature: "()",
                        wire: ::sabrpc::__private::wire_hash("()"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
        }
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<u32> for OptionsOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::ReadAll),
            1 => ::core::result::Result::Ok(Self::PingFast),
            40 => ::core::result::Result::Ok(Self::SyncAll),
            41 => ::core::result::Result::Ok(Self::CloseAll),
            _ => {
                ::core::result::Result::Err(
                    ::sabrpc::__private::unknown_op("Options", id),
                )
            }
        }
    }
}
/// Calls a [`Options`] service and waits for the answers.
#[allow(dead_code)]
struct OptionsClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> OptionsClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, OptionsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// Calls [`Options::read_all`].
    fn read_all(&self) -> ::core::result::Result<Vec<u8>, ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::ReadAll.info(), &(), &[], &mut [])
    }
    /// Calls [`Options::ping_fast`].
    fn ping_fast(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::PingFast.info(), &(), &[], &mut [])
    }
    /// Calls [`Options::sync_all`].
    fn sync_all(&self) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(OptionsOp::SyncAll.info(), &(), &[], &mut [])
    }
    /// Calls [`Options::close_all`].
    fn close_all(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::CloseAll.info(), &(), &[], &mut [])
    }
}
/// Calls a [`Options`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
struct OptionsAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> OptionsAsyncClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, OptionsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// Calls [`Options::read_all`].
    async fn read_all(&self) -> ::core::result::Result<Vec<u8>, ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::ReadAll.info(), &(), &[], &mut []).await
    }
    /// Calls [`Options::ping_fast`].
    async fn ping_fast(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::PingFast.info(), &(), &[], &mut []).await
    }
    /// Calls [`Options::sync_all`].
    async fn sync_all(&self) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(OptionsOp::SyncAll.info(), &(), &[], &mut [])
            .await
    }
    /// Calls [`Options::close_all`].
    async fn close_all(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(OptionsOp::CloseAll.info(), &(), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Options`].
#[allow(dead_code)]
struct OptionsServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Options + 'static> OptionsServer<T> {
    /// Makes a server of an implementation.
    #[must_use]
    fn new(service: T) -> Self {
        Self {
            service: ::std::rc::Rc::new(service),
        }
    }
    /// The implementation.
    #[must_use]
    fn service(&self) -> &T {
        &self.service
    }
}
#[automatically_derived]
impl<T> ::core::clone::Clone for OptionsServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Options + 'static> ::sabrpc::Dispatch for OptionsServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        OptionsOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <OptionsOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            OptionsOp::ReadAll => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Options::read_all(&*self.service))
                    })
            }
            OptionsOp::PingFast => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Options::ping_fast(&*self.service))
                    })
            }
            OptionsOp::SyncAll => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <Error as ::sabrpc::__private::Sent>::over(frame);
                        frame.args::<()>()?;
                        frame.reply_fallible(Options::sync_all(&*service).await)
                    })
            }
            OptionsOp::CloseAll => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Options::close_all(&*self.service))
                    })
            }
        }
    }
}
