#[allow(async_fn_in_trait)]
pub(crate) trait Args {
    fn owned(&self, name: String, list: Vec<u8>) -> io::Result<String>;
    fn borrowed(&self, text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<'_, str>);
    fn lent(&self, config: &Config, numbers: &[u32], _unused: &(u8, u8)) -> Config;
    async fn bulk(
        &self,
        first: BulkIn<'_>,
        second: sabrpc::BulkIn<'_>,
        one: BulkOut<'_>,
        two: BulkOut<'_>,
        n: u8,
    );
    fn clash(&self, frame: R, args: T, service: u8) -> Result<R, T>;
}
/// The operations of [`Args`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub(crate) enum ArgsOp {
    /// The operation `owned`.
    Owned = 0,
    /// The operation `borrowed`.
    Borrowed = 1,
    /// The operation `lent`.
    Lent = 2,
    /// The operation `bulk`.
    Bulk = 3,
    /// The operation `clash`.
    Clash = 4,
}
#[automatically_derived]
impl ::core::cmp::Eq for ArgsOp {}
#[allow(dead_code)]
impl ArgsOp {
    /// Every operation, in the order of the trait.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Owned,
        Self::Borrowed,
        Self::Lent,
        Self::Bulk,
        Self::Clash,
    ];
    /// The service as both sides compare it when they meet.
    pub(crate) const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Args",
        const {
            &[
                *Self::Owned.info(),
                *Self::Borrowed.info(),
                *Self::Lent.info(),
                *Self::Bulk.info(),
                *Self::Clash.info(),
            ]
        },
    );
    /// The number on the wire.
    #[inline]
    #[must_use]
    pub(crate) const fn id(self) -> u32 {
        self as u32
    }
    /// The name in tables, metrics and messages.
    #[inline]
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        self.info().name
    }
    /// All that is known of the operation.
    #[inline]
    #[must_use]
    pub(crate) const fn info(self) -> &'static ::sabrpc::OpInfo {
        match self {
            Self::Owned => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "owned",
                        signature: "(name: String, list: Vec<u8>) -> io::Result<String>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(String, Vec<u8>) -> io::Result<String>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Borrowed => {
                const {
                    &::sabrpc::OpInfo {
                        id: 1,
                        name: "borrowed",
                        signature: "(text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<str>)",
                        wire: ::sabrpc::__private::wire_hash(
                            "(String, Vec<u8>, Option<String>, String)",
                        ),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Lent => {
                const {
                    &::sabrpc::OpInfo {
                        id: 2,
                        name: "lent",
                        signature: "(config: &Config, numbers: &[u32], _unused: &(u8, u8)) -> Config",
                        wire: ::sabrpc::__private::wire_hash(
                            "(Config, Vec<u32>, (u8, u8)) -> Config",
                        ),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Bulk => {
                const {
                    &::sabrpc::OpInfo {
                        id: 3,
                        name: "bulk",
                        signature: "(first: BulkIn, second: BulkIn, one: BulkOut, two: BulkOut, n: u8)",
                        wire: ::sabrpc::__private::wire_hash("(u8)"),
                        flags: ::sabrpc::OpFlags::ASYNC,
                        bulk_in: 2,
                        bulk_out: 2,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Clash => {
                const {
                    &::sabrpc::OpInfo {
                        id: 4,
                        name: "clash",
                        signature: "(frame: R, args: T, service: u8) -> Result<R, T>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(R, T, u8) -> Result<R, T>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
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
impl ::core::convert::TryFrom<u32> for ArgsOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Owned),
            1 => ::core::result::Result::Ok(Self::Borrowed),
            2 => ::core::result::Result::Ok(Self::Lent),
            3 => ::core::result::Result::Ok(Self::Bulk),
            4 => ::core::result::Result::Ok(Self::Clash),
            _ => ::core::result::Result::Err(::sabrpc::__private::unknown_op("Args", id)),
        }
    }
}
/// Calls a [`Args`] service and waits for the answers.
#[allow(dead_code)]
pub(crate) struct ArgsClient<_R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<_R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<_R: ::sabrpc::Region> ArgsClient<_R> {
    /// Connects to the server of `channel`.
    pub(crate) fn attach(
        channel: &::sabrpc::Channel<_R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, ArgsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub(crate) fn caller(&self) -> &::sabrpc::Caller<_R> {
        &self.caller
    }
    /// Calls [`Args::owned`].
    pub(crate) fn owned(
        &self,
        name: String,
        list: Vec<u8>,
    ) -> ::core::result::Result<
        <io::Result<String> as ::sabrpc::__private::Fallible>::Ok,
        ::sabrpc::CallError<<io::Result<String> as ::sabrpc::__private::Fallible>::Err>,
    > {
        <<io::Result<
            String,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .call_fallible(ArgsOp::Owned.info(), &(name, list), &[], &mut [])
    }
    /// Calls [`Args::borrowed`].
    pub(crate) fn borrowed(
        &self,
        text: &str,
        bytes: &[u8],
        maybe: Option<&str>,
        cow: Cow<'_, str>,
    ) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller
            .call_plain(
                ArgsOp::Borrowed.info(),
                &(text, bytes, maybe, cow),
                &[],
                &mut [],
            )
    }
    /// Calls [`Args::lent`].
    pub(crate) fn lent(
        &self,
        config: &Config,
        numbers: &[u32],
        _unused: &(u8, u8),
    ) -> ::core::result::Result<Config, ::sabrpc::RpcError> {
        <Config as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_plain(ArgsOp::Lent.info(), &(config, numbers, _unused), &[], &mut [])
    }
    /// Calls [`Args::bulk`].
    pub(crate) fn bulk(
        &self,
        first: &[u8],
        second: &[u8],
        one: &mut [u8],
        two: &mut [u8],
        n: u8,
    ) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller
            .call_plain(ArgsOp::Bulk.info(), &(n,), &[first, second], &mut [one, two])
    }
    /// Calls [`Args::clash`].
    pub(crate) fn clash(
        &self,
        frame: R,
        args: T,
        service: u8,
    ) -> ::core::result::Result<R, ::sabrpc::CallError<T>> {
        <T as ::sabrpc::__private::Sent>::over(
                <R as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .call_fallible(ArgsOp::Clash.info(), &(frame, args, service), &[], &mut [])
    }
}
/// Calls a [`Args`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub(crate) struct ArgsAsyncClient<_R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<_R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<_R: ::sabrpc::Region> ArgsAsyncClient<_R> {
    /// Connects to the server of `channel`.
    pub(crate) fn attach(
        channel: &::sabrpc::Channel<_R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, ArgsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub(crate) fn caller(&self) -> &::sabrpc::AsyncCaller<_R> {
        &self.caller
    }
    /// Calls [`Args::owned`].
    pub(crate) async fn owned(
        &self,
        name: String,
        list: Vec<u8>,
    ) -> ::core::result::Result<
        <io::Result<String> as ::sabrpc::__private::Fallible>::Ok,
        ::sabrpc::CallError<<io::Result<String> as ::sabrpc::__private::Fallible>::Err>,
    > {
        <<io::Result<
            String,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .call_fallible(ArgsOp::Owned.info(), &(name, list), &[], &mut [])
            .await
    }
    /// Calls [`Args::borrowed`].
    pub(crate) async fn borrowed(
        &self,
        text: &str,
        bytes: &[u8],
        maybe: Option<&str>,
        cow: Cow<'_, str>,
    ) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller
            .call_plain(
                ArgsOp::Borrowed.info(),
                &(text, bytes, maybe, cow),
                &[],
                &mut [],
            )
            .await
    }
    /// Calls [`Args::lent`].
    pub(crate) async fn lent(
        &self,
        config: &Config,
        numbers: &[u32],
        _unused: &(u8, u8),
    ) -> ::core::result::Result<Config, ::sabrpc::RpcError> {
        <Config as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_plain(ArgsOp::Lent.info(), &(config, numbers, _unused), &[], &mut [])
            .await
    }
    /// Calls [`Args::bulk`].
    pub(crate) async fn bulk(
        &self,
        first: &[u8],
        second: &[u8],
        one: &mut [u8],
        two: &mut [u8],
        n: u8,
    ) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller
            .call_plain(ArgsOp::Bulk.info(), &(n,), &[first, second], &mut [one, two])
            .await
    }
    /// Calls [`Args::clash`].
    pub(crate) async fn clash(
        &self,
        frame: R,
        args: T,
        service: u8,
    ) -> ::core::result::Result<R, ::sabrpc::CallError<T>> {
        <T as ::sabrpc::__private::Sent>::over(
                <R as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .call_fallible(ArgsOp::Clash.info(), &(frame, args, service), &[], &mut [])
            .await
    }
}
/// Answers calls with an implementation of [`Args`].
#[allow(dead_code)]
pub(crate) struct ArgsServer<_T> {
    service: ::std::rc::Rc<_T>,
}
#[allow(dead_code)]
impl<_T: Args + 'static> ArgsServer<_T> {
    /// Makes a server of an implementation.
    #[must_use]
    pub(crate) fn new(service: _T) -> Self {
        Self {
            service: ::std::rc::Rc::new(service),
        }
    }
    /// The implementation.
    #[must_use]
    pub(crate) fn service(&self) -> &_T {
        &self.service
    }
}
#[automatically_derived]
impl<_T> ::core::clone::Clone for ArgsServer<_T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<_T: Args + 'static> ::sabrpc::Dispatch for ArgsServer<_T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        ArgsOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <ArgsOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            ArgsOp::Owned => {
                frame
                    .serve(|frame| {
                        let frame = <<io::Result<
                            String,
                        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                            frame,
                        );
                        let args: (String, Vec<u8>) = frame.args()?;
                        frame.reply_fallible(Args::owned(&*self.service, args.0, args.1))
                    })
            }
            ArgsOp::Borrowed => {
                frame
                    .serve(|frame| {
                        let args: (&str, &[u8], Option<&str>, Cow<'_, str>) = frame
                            .args()?;
                        frame
                            .reply_plain(
                                Args::borrowed(
                                    &*self.service,
                                    args.0,
                                    args.1,
                                    args.2,
                                    args.3,
                                ),
                            )
                    })
            }
            ArgsOp::Lent => {
                frame
                    .serve(|frame| {
                        let frame = <Config as ::sabrpc::__private::Sent>::over(frame);
                        let args: (Config, ::std::vec::Vec<u32>, (u8, u8)) = frame
                            .args()?;
                        frame
                            .reply_plain(
                                Args::lent(&*self.service, &args.0, &args.1, &args.2),
                            )
                    })
            }
            ArgsOp::Bulk => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let args: (u8,) = frame.args()?;
                        frame
                            .reply_plain(
                                Args::bulk(
                                        &*service,
                                        frame.bulk_in(0)?,
                                        frame.bulk_in(1)?,
                                        frame.bulk_out(0)?,
                                        frame.bulk_out(1)?,
                                        args.0,
                                    )
                                    .await,
                            )
                    })
            }
            ArgsOp::Clash => {
                frame
                    .serve(|frame| {
                        let frame = <T as ::sabrpc::__private::Sent>::over(
                            <R as ::sabrpc::__private::Sent>::over(frame),
                        );
                        let args: (R, T, u8) = frame.args()?;
                        frame
                            .reply_fallible(
                                Args::clash(&*self.service, args.0, args.1, args.2),
                            )
                    })
            }
        }
    }
}
