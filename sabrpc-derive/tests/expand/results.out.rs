pub trait Results {
    fn nothing(&self);
    fn unit(&self) -> ();
    fn plain(&self) -> (u8, Option<String>);
    fn cow(&self) -> Cow<'static, str>;
    fn fallible(&self) -> Result<Vec<u8>, Error>;
    fn fallible_unit(&self) -> std::result::Result<(), Error>;
    fn alias(&self) -> io::Result<u64>;
    /// The body stays in the trait; clients ask the server.
    fn with_body(&self, n: u32) -> u32 {
        n + 1
    }
}
/// The operations of [`Results`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub enum ResultsOp {
    /// The operation `nothing`.
    Nothing = 0,
    /// The operation `unit`.
    Unit = 1,
    /// The operation `plain`.
    Plain = 2,
    /// The operation `cow`.
    Cow = 3,
    /// The operation `fallible`.
    Fallible = 4,
    /// The operation `fallible_unit`.
    FallibleUnit = 5,
    /// The operation `alias`.
    Alias = 6,
    /// The operation `with_body`.
    WithBody = 7,
}
#[automatically_derived]
impl ::core::cmp::Eq for ResultsOp {}
#[allow(dead_code)]
impl ResultsOp {
    /// Every operation, in the order of the trait.
    pub const ALL: &'static [Self] = &[
        Self::Nothing,
        Self::Unit,
        Self::Plain,
        Self::Cow,
        Self::Fallible,
        Self::FallibleUnit,
        Self::Alias,
        Self::WithBody,
    ];
    /// The service as both sides compare it when they meet.
    pub const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Results",
        const {
            &[
                *Self::Nothing.info(),
                *Self::Unit.info(),
                *Self::Plain.info(),
                *Self::Cow.info(),
                *Self::Fallible.info(),
                *Self::FallibleUnit.info(),
                *Self::Alias.info(),
                *Self::WithBody.info(),
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
            Self::Nothing => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "nothing",
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
            Self::Unit => {
                const {
                    &::sabrpc::OpInfo {
                        id: 1,
                        name: "unit",
                        signature: "() -> ()",
                        wire: ::sabrpc::__private::wire_hash("()"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Plain => {
                const {
                    &::sabrpc::OpInfo {
                        id: 2,
                        name: "plain",
                        signature: "() -> (u8, Option<String>)",
                        wire: ::sabrpc::__private::wire_hash(
                            "() -> (u8, Option<String>)",
                        ),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Cow => {
                const {
                    &::sabrpc::OpInfo {
                        id: 3,
                        name: "cow",
                        signature: "() -> Cow<str>",
                        wire: ::sabrpc::__private::wire_hash("() -> String"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Fallible => {
                const {
                    &::sabrpc::OpInfo {
                        id: 4,
                        name: "fallible",
                        signature: "() -> Result<Vec<u8>, Error>",
                        wire: ::sabrpc::__private::wire_hash(
                            "() -> Result<Vec<u8>, Error>",
                        ),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::FallibleUnit => {
                const {
                    &::sabrpc::OpInfo {
                        id: 5,
                        name: "fallible_unit",
                        signature: "() -> std::result::Result<(), Error>",
                        wire: ::sabrpc::__private::wire_hash("() -> Result<(), Error>"),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::Alias => {
                const {
                    &::sabrpc::OpInfo {
                        id: 6,
                        name: "alias",
                        signature: "() -> io::Result<u64>",
                        wire: ::sabrpc::__private::wire_hash("() -> io::Result<u64>"),
                        flags: ::sabrpc::OpFlags::FALLIBLE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::WithBody => {
                const {
                    &::sabrpc::OpInfo {
                        id: 7,
                        name: "with_body",
                        signature: "(n: u32) -> u32",
                        wire: ::sabrpc::__private::wire_hash("(u32) -> u32"),
                        flags: ::sabrpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "The body stays in the trait; clients ask the server.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
        }
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<u32> for ResultsOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Nothing),
            1 => ::core::result::Result::Ok(Self::Unit),
            2 => ::core::result::Result::Ok(Self::Plain),
            3 => ::core::result::Result::Ok(Self::Cow),
            4 => ::core::result::Result::Ok(Self::Fallible),
            5 => ::core::result::Result::Ok(Self::FallibleUnit),
            6 => ::core::result::Result::Ok(Self::Alias),
            7 => ::core::result::Result::Ok(Self::WithBody),
            _ => {
                ::core::result::Result::Err(
                    ::sabrpc::__private::unknown_op("Results", id),
                )
            }
        }
    }
}
/// Calls a [`Results`] service and waits for the answers.
#[allow(dead_code)]
pub struct ResultsClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> ResultsClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, ResultsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// Calls [`Results::nothing`].
    pub fn nothing(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Nothing.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::unit`].
    pub fn unit(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Unit.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::plain`].
    pub fn plain(
        &self,
    ) -> ::core::result::Result<(u8, Option<String>), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Plain.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::cow`].
    pub fn cow(&self) -> ::core::result::Result<Cow<'static, str>, ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Cow.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::fallible`].
    pub fn fallible(
        &self,
    ) -> ::core::result::Result<Vec<u8>, ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(ResultsOp::Fallible.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::fallible_unit`].
    pub fn fallible_unit(
        &self,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(ResultsOp::FallibleUnit.info(), &(), &[], &mut [])
    }
    /// Calls [`Results::alias`].
    pub fn alias(
        &self,
    ) -> ::core::result::Result<
        <io::Result<u64> as ::sabrpc::__private::Fallible>::Ok,
        ::sabrpc::CallError<<io::Result<u64> as ::sabrpc::__private::Fallible>::Err>,
    > {
        <<io::Result<
            u64,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .call_fallible(ResultsOp::Alias.info(), &(), &[], &mut [])
    }
    /// The body stays in the trait; clients ask the server.
    pub fn with_body(&self, n: u32) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::WithBody.info(), &(n,), &[], &mut [])
    }
}
/// Calls a [`Results`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub struct ResultsAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> ResultsAsyncClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, ResultsOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// Calls [`Results::nothing`].
    pub async fn nothing(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Nothing.info(), &(), &[], &mut []).await
    }
    /// Calls [`Results::unit`].
    pub async fn unit(&self) -> ::core::result::Result<(), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Unit.info(), &(), &[], &mut []).await
    }
    /// Calls [`Results::plain`].
    pub async fn plain(
        &self,
    ) -> ::core::result::Result<(u8, Option<String>), ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Plain.info(), &(), &[], &mut []).await
    }
    /// Calls [`Results::cow`].
    pub async fn cow(
        &self,
    ) -> ::core::result::Result<Cow<'static, str>, ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::Cow.info(), &(), &[], &mut []).await
    }
    /// Calls [`Results::fallible`].
    pub async fn fallible(
        &self,
    ) -> ::core::result::Result<Vec<u8>, ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(ResultsOp::Fallible.info(), &(), &[], &mut [])
            .await
    }
    /// Calls [`Results::fallible_unit`].
    pub async fn fallible_unit(
        &self,
    ) -> ::core::result::Result<(), ::sabrpc::CallError<Error>> {
        <Error as ::sabrpc::__private::Sent>::over(&self.caller)
            .call_fallible(ResultsOp::FallibleUnit.info(), &(), &[], &mut [])
            .await
    }
    /// Calls [`Results::alias`].
    pub async fn alias(
        &self,
    ) -> ::core::result::Result<
        <io::Result<u64> as ::sabrpc::__private::Fallible>::Ok,
        ::sabrpc::CallError<<io::Result<u64> as ::sabrpc::__private::Fallible>::Err>,
    > {
        <<io::Result<
            u64,
        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                &self.caller,
            )
            .call_fallible(ResultsOp::Alias.info(), &(), &[], &mut [])
            .await
    }
    /// The body stays in the trait; clients ask the server.
    pub async fn with_body(
        &self,
        n: u32,
    ) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(ResultsOp::WithBody.info(), &(n,), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Results`].
#[allow(dead_code)]
pub struct ResultsServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Results + 'static> ResultsServer<T> {
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
impl<T> ::core::clone::Clone for ResultsServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Results + 'static> ::sabrpc::Dispatch for ResultsServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        ResultsOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <ResultsOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            ResultsOp::Nothing => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Results::nothing(&*self.service))
                    })
            }
            ResultsOp::Unit => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Results::unit(&*self.service))
                    })
            }
            ResultsOp::Plain => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Results::plain(&*self.service))
                    })
            }
            ResultsOp::Cow => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Results::cow(&*self.service))
                    })
            }
            ResultsOp::Fallible => {
                frame
                    .serve(|frame| {
                        let frame = <Error as ::sabrpc::__private::Sent>::over(frame);
                        frame.args::<()>()?;
                        frame.reply_fallible(Results::fallible(&*self.service))
                    })
            }
            ResultsOp::FallibleUnit => {
                frame
                    .serve(|frame| {
                        let frame = <Error as ::sabrpc::__private::Sent>::over(frame);
                        frame.args::<()>()?;
                        frame.reply_fallible(Results::fallible_unit(&*self.service))
                    })
            }
            ResultsOp::Alias => {
                frame
                    .serve(|frame| {
                        let frame = <<io::Result<
                            u64,
                        > as ::sabrpc::__private::Fallible>::Err as ::sabrpc::__private::Sent>::over(
                            frame,
                        );
                        frame.args::<()>()?;
                        frame.reply_fallible(Results::alias(&*self.service))
                    })
            }
            ResultsOp::WithBody => {
                frame
                    .serve(|frame| {
                        let args: (u32,) = frame.args()?;
                        frame.reply_plain(Results::with_body(&*self.service, args.0))
                    })
            }
        }
    }
}
