#[allow(async_fn_in_trait)]
pub(super) trait T {
    fn frame(&self, args: R, op: &str, service: T0, opening: u8) -> R;
    async fn clone(&self, error: R) -> Result<(), R>;
    fn r#move(&self, r#in: u8) -> Stream<R>;
}
/// The operations of [`T`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub(super) enum TOp {
    /// The operation `frame`.
    Frame = 0,
    /// The operation `clone`.
    Clone = 1,
    /// The operation `move`.
    Move = 2,
}
#[automatically_derived]
impl ::core::cmp::Eq for TOp {}
#[allow(dead_code)]
impl TOp {
    /// Every operation, in the order of the trait.
    pub(super) const ALL: &'static [Self] = &[Self::Frame, Self::Clone, Self::Move];
    /// The service as both sides compare it when they meet.
    pub(super) const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "T",
        const { &[*Self::Frame.info(), *Self::Clone.info(), *Self::Move.info()] },
    );
    /// The number on the wire.
    #[inline]
    #[must_use]
    pub(super) const fn id(self) -> u32 {
        self as u32
    }
    /// The name in tables, metrics and messages.
    #[inline]
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        self.info().name
    }
    /// All that is known of the operation.
    #[inline]
    #[must_use]
    pub(super) const fn info(self) -> &'static ::sabrpc::OpInfo {
        match self {
            Self::Frame => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "frame",
                        signature: "(args: R, op: &str, service: T0, opening: u8) -> R",
                        wire: ::sabrpc::__private::wire_hash("(R, String, T0, u8) -> R"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Clone => {
                const {
                    &::sabrpc::OpInfo {
                        id: 1,
                        name: "clone",
                        signature: "(error: R) -> Result<(), R>",
                        wire: ::sabrpc::__private::wire_hash("(R) -> Result<(), R>"),
                        flags: ::sabrpc::OpFlags::ASYNC
                            .union(::sabrpc::OpFlags::FALLIBLE),
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Move => {
                const {
                    &::sabrpc::OpInfo {
                        id: 2,
                        name: "move",
                        signature: "(in: u8) -> Stream<R>",
                        wire: ::sabrpc::__private::wire_hash("(u8) -> Stream<R>"),
                        flags: ::sabrpc::OpFlags::STREAM,
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
impl ::core::convert::TryFrom<u32> for TOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Frame),
            1 => ::core::result::Result::Ok(Self::Clone),
            2 => ::core::result::Result::Ok(Self::Move),
            _ => ::core::result::Result::Err(::sabrpc::__private::unknown_op("T", id)),
        }
    }
}
/// Calls a [`T`] service and waits for the answers.
#[allow(dead_code)]
pub(super) struct TClient<_R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<_R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<_R: ::sabrpc::Region> TClient<_R> {
    /// Connects to the server of `channel`.
    pub(super) fn attach(
        channel: &::sabrpc::Channel<_R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, TOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub(super) fn caller(&self) -> &::sabrpc::Caller<_R> {
        &self.caller
    }
    /// Calls [`T::frame`].
    pub(super) fn frame(
        &self,
        args: R,
        op: &str,
        service: T0,
        opening: u8,
    ) -> ::core::result::Result<R, ::sabrpc::RpcError> {
        <T0 as ::sabrpc::__private::Sent>::over(
                <R as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .call_plain(TOp::Frame.info(), &(args, op, service, opening), &[], &mut [])
    }
    /// Calls [`T::clone`].
    pub(super) fn clone(
        &self,
        error: R,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<R>> {
        <R as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(TOp::Clone.info(), &(error,), &[], &mut [])
    }
    /// Calls [`T::move`].
    pub(super) fn r#move(
        &self,
        r#in: u8,
    ) -> ::core::result::Result<::sabrpc::Items<'_, R, _R>, ::sabrpc::RpcError> {
        <R as ::sabrpc::__private::Sent>::over(&self.caller)
            .stream_plain(TOp::Move.info(), &(r#in,), &[])
    }
}
/// Calls a [`T`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub(super) struct TAsyncClient<_R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<_R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<_R: ::sabrpc::Region> TAsyncClient<_R> {
    /// Connects to the server of `channel`.
    pub(super) fn attach(
        channel: &::sabrpc::Channel<_R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, TOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub(super) fn caller(&self) -> &::sabrpc::AsyncCaller<_R> {
        &self.caller
    }
    /// Calls [`T::frame`].
    pub(super) async fn frame(
        &self,
        args: R,
        op: &str,
        service: T0,
        opening: u8,
    ) -> ::core::result::Result<R, ::sabrpc::RpcError> {
        <T0 as ::sabrpc::__private::Sent>::over(
                <R as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .call_plain(TOp::Frame.info(), &(args, op, service, opening), &[], &mut [])
            .await
    }
    /// Calls [`T::clone`].
    pub(super) async fn clone(
        &self,
        error: R,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<R>> {
        <R as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(TOp::Clone.info(), &(error,), &[], &mut [])
            .await
    }
    /// Calls [`T::move`].
    pub(super) async fn r#move(
        &self,
        r#in: u8,
    ) -> ::core::result::Result<::sabrpc::AsyncItems<'_, R, _R>, ::sabrpc::RpcError> {
        <R as ::sabrpc::__private::Sent>::over(&self.caller)
            .stream_plain(TOp::Move.info(), &(r#in,), &[])
            .await
    }
}
/// Answers calls with an implementation of [`T`].
#[allow(dead_code)]
pub(super) struct TServer<_T> {
    service: ::std::rc::Rc<_T>,
}
#[allow(dead_code)]
impl<_T: T + 'static> TServer<_T> {
    /// Makes a server of an implementation.
    #[must_use]
    pub(super) fn new(service: _T) -> Self {
        Self {
            service: ::std::rc::Rc::new(service),
        }
    }
    /// The implementation.
    #[must_use]
    pub(super) fn service(&self) -> &_T {
        &self.service
    }
}
#[automatically_derived]
impl<_T> ::core::clone::Clone for TServer<_T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<_T: T + 'static> ::sabrpc::Dispatch for TServer<_T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        TOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <TOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            TOp::Frame => {
                frame
                    .serve(|frame| {
                        let frame = <T0 as ::sabrpc::__private::Sent>::over(
                            <R as ::sabrpc::__private::Sent>::over(frame),
                        );
                        let args: (R, &str, T0, u8) = frame.args()?;
                        frame
                            .reply_plain(
                                T::frame(&*self.service, args.0, args.1, args.2, args.3),
                            )
                    })
            }
            TOp::Clone => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <R as ::sabrpc::__private::Sent>::over(frame);
                        let args: (R,) = frame.args()?;
                        frame.reply_fallible(T::clone(&*service, args.0).await)
                    })
            }
            TOp::Move => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <R as ::sabrpc::__private::Sent>::over(frame);
                        let ::core::option::Option::Some(opening) = frame
                            .opening::<(u8,)>()
                            .await? else {
                            return ::core::result::Result::Ok(());
                        };
                        let args = opening.args;
                        frame
                            .reply_stream(opening.stream, T::r#move(&*service, args.0))
                            .await
                    })
            }
        }
    }
}
