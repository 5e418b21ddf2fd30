#[allow(async_fn_in_trait)]
pub trait Log {
    /// Adds a line.
    fn line(&self, text: &str);
    async fn flush(&self) -> Result<(), Error>;
}
/// The operations of [`Log`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub enum LogOp {
    /// The operation `line`.
    Line = 0,
    /// The operation `flushAll`.
    Flush = 16,
}
#[automatically_derived]
impl ::core::cmp::Eq for LogOp {}
#[allow(dead_code)]
impl LogOp {
    /// Every operation, in the order of the trait.
    pub const ALL: &'static [Self] = &[Self::Line, Self::Flush];
    /// The service as both sides compare it when they meet.
    pub const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Log",
        const { &[*Self::Line.info(), *Self::Flush.info()] },
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
            Self::Line => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "line",
                        signature: "(text: &str)",
                        wire: ::sabrpc::__private::wire_hash("(String)"),
                        flags: ::sabrpc::OpFlags::ONEWAY,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "Adds a line.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Flush => {
                const {
                    &::sabrpc::OpInfo {
                        id: 16,
                        name: "flushAll",
                        signature: "() -> Result<(), Error>",
                        wire: ::sabrpc::__private::wire_hash("() -> Result<(), Error>"),
                        flags: ::sabrpc::OpFlags::ONEWAY
                            .union(::sabrpc::OpFlags::ASYNC)
                            .union(::sabrpc::OpFlags::FALLIBLE),
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
impl ::core::convert::TryFrom<u32> for LogOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Line),
            16 => ::core::result::Result::Ok(Self::Flush),
            _ => ::core::result::Result::Err(::sabrpc::__private::unknown_op("Log", id)),
        }
    }
}
/// Calls a [`Log`] service and waits for the answers.
#[allow(dead_code)]
pub struct LogClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> LogClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, LogOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// Adds a line.
    pub fn line(&self, text: &str) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.send_plain(LogOp::Line.info(), &(text,), &[])
    }
    /// Calls [`Log::flush`].
    pub fn flush(&self) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .send_fallible(LogOp::Flush.info(), &(), &[])
    }
}
/// Calls a [`Log`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub struct LogAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> LogAsyncClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, LogOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// Adds a line.
    pub async fn line(
        &self,
        text: &str,
    ) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.send_plain(LogOp::Line.info(), &(text,), &[]).await
    }
    /// Calls [`Log::flush`].
    pub async fn flush(&self) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .send_fallible(LogOp::Flush.info(), &(), &[])
            .await
    }
}
/// Answers calls with an implementation of [`Log`].
#[allow(dead_code)]
pub struct LogServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Log + 'static> LogServer<T> {
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
impl<T> ::core::clone::Clone for LogServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Log + 'static> ::sabrpc::Dispatch for LogServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        LogOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <LogOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            LogOp::Line => {
                frame
                    .serve(|frame| {
                        let args: (&str,) = frame.args()?;
                        frame.reply_plain(Log::line(&*self.service, args.0))
                    })
            }
            LogOp::Flush => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let frame = <Error as ::sabrpc::__private::Sent>::over(frame);
                        frame.args::<()>()?;
                        frame.reply_fallible(Log::flush(&*service).await)
                    })
            }
        }
    }
}
