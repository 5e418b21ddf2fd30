#[allow(async_fn_in_trait)]
/// Answers in many parts.
pub trait Feed {
    /// The changes from now on.
    fn changes(&self) -> Stream<Change>;
    /// The rows of a query.
    async fn rows(&self, query: &str, blob: BulkIn<'_>) -> Result<Stream<Row>, SqlError>;
    fn lines(&self, from: u64) -> io::Result<sabrpc::Stream<String>>;
}
/// The operations of [`Feed`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub enum FeedOp {
    /// The operation `changes`.
    Changes = 0,
    /// The operation `rows`.
    Rows = 1,
    /// The operation `lines`.
    Lines = 2,
}
#[automatically_derived]
impl ::core::cmp::Eq for FeedOp {}
#[allow(dead_code)]
impl FeedOp {
    /// Every operation, in the order of the trait.
    pub const ALL: &'static [Self] = &[Self::Changes, Self::Rows, Self::Lines];
    /// The service as both sides compare it when they meet.
    pub const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Feed",
        const { &[*Self::Changes.info(), *Self::Rows.info(), *Self::Lines.info()] },
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
            Self::Changes => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "changes",
                        signature: "() -> Stream<Change>",
                        wire: ::sabrpc::__private::wire_hash("() -> Stream<Change>"),
                        flags: ::sabrpc::OpFlags::STREAM,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "The changes from now on.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Rows => {
                const {
                    &::sabrpc::OpInfo {
                        id: 1,
                        name: "rows",
                        signature: "(query: &str, blob: BulkIn) -> Result<Stream<Row>, SqlError>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(String) -> Result<Stream<Row>, SqlError>",
                        ),
                        flags: ::sabrpc::OpFlags::ASYNC
                            .union(::sabrpc::OpFlags::FALLIBLE)
                            .union(::sabrpc::OpFlags::STREAM),
                        bulk_in: 1,
                        bulk_out: 0,
                        doc: "The rows of a query.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Lines => {
                const {
                    &::sabrpc::OpInfo {
                        id: 2,
                        name: "lines",
                        signature: "(from: u64) -> io::Result<sabrpc::Stream<String>>",
                        wire: ::sabrpc::__private::wire_hash(
                            "(u64) -> io::Result<Stream<String>>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE
                            .union(::sabrpc::OpFlags::STREAM),
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
impl ::core::convert::TryFrom<u32> for FeedOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Changes),
            1 => ::core::result::Result::Ok(Self::Rows),
            2 => ::core::result::Result::Ok(Self::Lines),
            _ => ::core::result::Result::Err(::sabrpc::__private::unknown_op("Feed", id)),
        }
    }
}
/// Calls a [`Feed`] service and waits for the answers.
#[allow(dead_code)]
pub struct FeedClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> FeedClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, FeedOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// The changes from now on.
    pub fn changes(
        &self,
    ) -> ::core::result::Result<::sabrpc::Items<'_, Change, R>, ::sabrpc::RpcError> {
        <Change as ::sabrpc::__private::Sent>::over(&self.caller)
            .stream_plain(FeedOp::Changes.info(), &(), &[])
    }
    /// The rows of a query.
    pub fn rows(
        &self,
        query: &str,
        blob: &[u8],
    ) -> ::core::result::Result<
        ::sabrpc::Items<'_, Row, R>,
        ::sabrpc::CallError<SqlError>,
    > {
        <SqlError as ::sabrpc::__private::Sent>::over(
                <Row as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .stream_fallible(FeedOp::Rows.info(), &(query,), &[blob])
    }
    /// Calls [`Feed::lines`].
    pub fn lines(
        &self,
        from: u64,
    ) -> ::core::result::Result<
        ::sabrpc::Items<'_, String, R>,
        ::sabrpc::CallError<
            <io::Result<sabrpc::Stream<String>> as ::sabrpc::__private::Fallible>::Err,
        >,
    > {
        <<io::Result<
            sabrpc::Stream<String>,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .stream_fallible(FeedOp::Lines.info(), &(from,), &[])
    }
}
/// Calls a [`Feed`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub struct FeedAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> FeedAsyncClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, FeedOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// The changes from now on.
    pub async fn changes(
        &self,
    ) -> ::core::result::Result<
        ::sabrpc::AsyncItems<'_, Change, R>,
        ::sabrpc::RpcError,
    > {
        <Change as ::sabrpc::__private::Sent>::over(&self.caller)
            .stream_plain(FeedOp::Changes.info(), &(), &[])
            .await
    }
    /// The rows of a query.
    pub async fn rows(
        &self,
        query: &str,
        blob: &[u8],
    ) -> ::core::result::Result<
        ::sabrpc::AsyncItems<'_, Row, R>,
        ::sabrpc::CallError<SqlError>,
    > {
        <SqlError as ::sabrpc::__private::Sent>::over(
                <Row as ::sabrpc::__private::Sent>::over(&self.caller),
            )
            .stream_fallible(FeedOp::Rows.info(), &(query,), &[blob])
            .await
    }
    /// Calls [`Feed::lines`].
    pub async fn lines(
        &self,
        from: u64,
    ) -> ::core::result::Result<
        ::sabrpc::AsyncItems<'_, String, R>,
        ::sabrpc::CallError<
            <io::Result<sabrpc::Stream<String>> as ::sabrpc::__private::Fallible>::Err,
        >,
    > {
        <<io::Result<
            sabrpc::Stream<String>,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .stream_fallible(FeedOp::Lines.info(), &(from,), &[])
            .await
    }
}
/// Answers calls with an implementation of [`Feed`].
#[allow(dead_code)]
pub struct FeedServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Feed + 'static> FeedServer<T> {
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
impl<T> ::core::clone::Clone for FeedServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Feed + 'static> ::sabrpc::Dispatch for FeedServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        FeedOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <FeedOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            FeedOp::Changes => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <Change as ::sabrpc::__private::Sent>::over(frame);
                        let ::core::option::Option::Some(opening) = frame
                            .opening::<()>()
                            .await? else {
                            return ::core::result::Result::Ok(());
                        };
                        frame
                            .reply_stream(opening.stream, Feed::changes(&*service))
                            .await
                    })
            }
            FeedOp::Rows => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <SqlError as ::sabrpc::__private::Sent>::over(
                            <Row as ::sabrpc::__private::Sent>::over(frame),
                        );
                        let ::core::option::Option::Some(opening) = frame
                            .opening::<(&str,)>()
                            .await? else {
                            return ::core::result::Result::Ok(());
                        };
                        let args = opening.args;
                        frame
                            .reply_stream_fallible(
                                opening.stream,
                                Feed::rows(&*service, args.0, frame.bulk_in(0)?).await,
                            )
                            .await
                    })
            }
            FeedOp::Lines => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <<io::Result<
                            sabrpc::Stream<String>,
                        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                            frame,
                        );
                        let ::core::option::Option::Some(opening) = frame
                            .opening::<(u64,)>()
                            .await? else {
                            return ::core::result::Result::Ok(());
                        };
                        let args = opening.args;
                        frame
                            .reply_stream_fallible(
                                opening.stream,
                                Feed::lines(&*service, args.0),
                            )
                            .await
                    })
            }
        }
    }
}
