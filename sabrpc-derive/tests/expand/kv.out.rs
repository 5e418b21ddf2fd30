#[allow(async_fn_in_trait)]
/// A store of values under keys.
pub trait Kv {
    /// The value under `key`.
    ///
    /// It is a copy.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    async fn open(&self, path: &str, flags: u32) -> Result<u32, KvError>;
    fn read(&self, file: u32, out: BulkOut<'_>, offset: u64) -> Result<u32, KvError>;
    fn write(&self, file: u32, data: BulkIn<'_>, offset: u64) -> Result<(), KvError>;
    fn count(&self) -> u32;
    fn ping(&self);
}
/// The operations of [`Kv`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub enum KvOp {
    /// The operation `get`.
    Get = 0,
    /// The operation `xOpen`.
    Open = 7,
    /// The operation `read`.
    Read = 8,
    /// The operation `write`.
    Write = 9,
    /// The operation `count`.
    Count = 10,
    /// The operation `ping`.
    Ping = 11,
}
#[automatically_derived]
impl ::core::cmp::Eq for KvOp {}
#[allow(dead_code)]
impl KvOp {
    /// Every operation, in the order of the trait.
    pub const ALL: &'static [Self] = &[
        Self::Get,
        Self::Open,
        Self::Read,
        Self::Write,
        Self::Count,
        Self::Ping,
    ];
    /// The service as both sides compare it when they meet.
    pub const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Kv",
        const {
            &[
                *Self::Get.info(),
                *Self::Open.info(),
                *Self::Read.info(),
                *Self::Write.info(),
                *Self::Count.info(),
                *Self::Ping.info(),
            ]
        },
    );
    /// The number on the wire.
    #[inline]
    #[must_use]
    pub const fn id(self) -> u32 {
        self as u32
    }
    /// The name in tables, metrics and messages.
    #[inline]
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }
    /// All that is known of the operation.
    #[inline]
    #[must_use]
    pub const fn info(self) -> &'static ::sabrpc::OpInfo {
        match self {
            Self::Get => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "get",
                        signature: "(key: &str) -> Result<Option<Vec<u8>>, KvError>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(String) -> Result<Option<Vec<u8>>, KvError>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "The value under `key`.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Open => {
                const {
                    &::sabrpc::OpInfo {
                        id: 7,
                        name: "xOpen",
                        signature: "(path: &str, flags: u32) -> Result<u32, KvError>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(String, u32) -> Result<u32, KvError>",
                        ),
                        flags: ::sabrpc::OpFlags::ASYNC
                            .union(::sabrpc::OpFlags::FALLIBLE),
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Read => {
                const {
                    &::sabrpc::OpInfo {
                        id: 8,
                        name: "read",
                        signature: "(file: u32, out: BulkOut, offset: u64) -> Result<u32, KvError>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(u32, u64) -> Result<u32, KvError>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 1,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Write => {
                const {
                    &::sabrpc::OpInfo {
                        id: 9,
                        name: "write",
                        signature: "(file: u32, data: BulkIn, offset: u64) -> Result<(), KvError>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(u32, u64) -> Result<(), KvError>",
                        ),
                        flags: ::sabrpc::OpFlags::ONEWAY
                            .union(::sabrpc::OpFlags::FALLIBLE),
                        bulk_in: 1,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Count => {
                const {
                    &::sabrpc::OpInfo {
                        id: 10,
                        name: "count",
                        signature: "() -> u32",
                        wire: ::sabrpc::__private::wire_hash("() -> u32"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Ping => {
                const {
                    &::sabrpc::OpInfo {
                        id: 11,
                        name: "ping",
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
impl ::core::convert::TryFrom<u32> for KvOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Get),
            7 => ::core::result::Result::Ok(Self::Open),
            8 => ::core::result::Result::Ok(Self::Read),
            9 => ::core::result::Result::Ok(Self::Write),
            10 => ::core::result::Result::Ok(Self::Count),
            11 => ::core::result::Result::Ok(Self::Ping),
            _ => ::core::result::Result::Err(::sabrpc::__private::unknown_op("Kv", id)),
        }
    }
}
/// Calls a [`Kv`] service and waits for the answers.
#[allow(dead_code)]
pub struct KvClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> KvClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, KvOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// The value under `key`.
    ///
    /// It is a copy.
    pub fn get(
        &self,
        key: &str,
    ) -> ::core::result::Result<Option<Vec<u8>>, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Get.info(), &(key,), &[], &mut [])
    }
    /// Calls [`Kv::open`].
    pub fn open(
        &self,
        path: &str,
        flags: u32,
    ) -> ::core::result::Result<u32, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Open.info(), &(path, flags), &[], &mut [])
    }
    /// Calls [`Kv::read`].
    pub fn read(
        &self,
        file: u32,
        out: &mut [u8],
        offset: u64,
    ) -> ::core::result::Result<u32, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Read.info(), &(file, offset), &[], &mut [out])
    }
    /// Calls [`Kv::write`].
    pub fn write(
        &self,
        file: u32,
        data: &[u8],
        offset: u64,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .send_fallible(KvOp::Write.info(), &(file, offset), &[data])
    }
    /// Calls [`Kv::count`].
    pub fn count(&self) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(KvOp::Count.info(), &(), &[], &mut [])
    }
    /// Calls [`Kv::ping`].
    pub fn ping(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(KvOp::Ping.info(), &(), &[], &mut [])
    }
}
/// Calls a [`Kv`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub struct KvAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> KvAsyncClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, KvOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// The value under `key`.
    ///
    /// It is a copy.
    pub async fn get(
        &self,
        key: &str,
    ) -> ::core::result::Result<Option<Vec<u8>>, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Get.info(), &(key,), &[], &mut [])
            .await
    }
    /// Calls [`Kv::open`].
    pub async fn open(
        &self,
        path: &str,
        flags: u32,
    ) -> ::core::result::Result<u32, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Open.info(), &(path, flags), &[], &mut [])
            .await
    }
    /// Calls [`Kv::read`].
    pub async fn read(
        &self,
        file: u32,
        out: &mut [u8],
        offset: u64,
    ) -> ::core::result::Result<u32, ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(KvOp::Read.info(), &(file, offset), &[], &mut [out])
            .await
    }
    /// Calls [`Kv::write`].
    pub async fn write(
        &self,
        file: u32,
        data: &[u8],
        offset: u64,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<KvError>> {
        <KvError as ::sabrpc::__private::Sent>::over(&self.caller)
            .send_fallible(KvOp::Write.info(), &(file, offset), &[data])
            .await
    }
    /// Calls [`Kv::count`].
    pub async fn count(&self) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(KvOp::Count.info(), &(), &[], &mut []).await
    }
    /// Calls [`Kv::ping`].
    pub async fn ping(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(KvOp::Ping.info(), &(), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Kv`].
#[allow(dead_code)]
pub struct KvServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Kv + 'static> KvServer<T> {
    /// Makes a server of an implementation.
    #[must_use]
    pub fn new(service: T) -> Self {
        Self {
            service: ::std::rc::Rc::new(service),
        }
    }
    /// The implementation.
    #[must_use]
    pub fn service(&self) -> &T {
        &self.service
    }
}
#[automatically_derived]
impl<T> ::core::clone::Clone for KvServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Kv + 'static> ::sabrpc::Dispatch for KvServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        KvOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <KvOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            KvOp::Get => {
                frame
                    .serve(|frame| {
                        let frame = <KvError as ::sabrpc::__private::Sent>::over(frame);
                        let args: (&str,) = frame.args()?;
                        frame.reply_fallible(Kv::get(&*self.service, args.0))
                    })
            }
            KvOp::Open => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <KvError as ::sabrpc::__private::Sent>::over(frame);
                        let args: (&str, u32) = frame.args()?;
                        frame.reply_fallible(Kv::open(&*service, args.0, args.1).await)
                    })
            }
            KvOp::Read => {
                frame
                    .serve(|frame| {
                        let frame = <KvError as ::sabrpc::__private::Sent>::over(frame);
                        let args: (u32, u64) = frame.args()?;
                        frame
                            .reply_fallible(
                                Kv::read(&*self.service, args.0, frame.bulk_out(0)?, args.1),
                            )
                    })
            }
            KvOp::Write => {
                frame
                    .serve(|frame| {
                        let frame = <KvError as ::sabrpc::__private::Sent>::over(frame);
                        let args: (u32, u64) = frame.args()?;
                        frame
                            .reply_fallible(
                                Kv::write(&*self.service, args.0, frame.bulk_in(0)?, args.1),
                            )
                    })
            }
            KvOp::Count => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Kv::count(&*self.service))
                    })
            }
            KvOp::Ping => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Kv::ping(&*self.service))
                    })
            }
        }
    }
}
