trait Smallest {
    fn get(&self) -> u32;
}
/// The operations of [`Smallest`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
enum SmallestOp {
    /// The operation `get`.
    Get = 0,
}
#[automatically_derived]
impl ::core::cmp::Eq for SmallestOp {}
#[allow(dead_code)]
impl SmallestOp {
    /// Every operation, in the order of the trait.
    const ALL: &'static [Self] = &[Self::Get];
    /// The service as both sides compare it when they meet.
    const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Smallest",
        const { &[*Self::Get.info()] },
    );
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
            Self::Get => {
                const {
                    &::sabrpc::OpInfo {
                        id: 0,
                        name: "get",
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
        }
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<u32> for SmallestOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Get),
            _ => {
                ::core::result::Result::Err(
                    ::sabrpc::__private::unknown_op("Smallest", id),
                )
            }
        }
    }
}
/// Calls a [`Smallest`] service and waits for the answers.
#[allow(dead_code)]
struct SmallestClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> SmallestClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, SmallestOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// Calls [`Smallest::get`].
    fn get(&self) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(SmallestOp::Get.info(), &(), &[], &mut [])
    }
}
/// Calls a [`Smallest`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
struct SmallestAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> SmallestAsyncClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, SmallestOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// Calls [`Smallest::get`].
    async fn get(&self) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(SmallestOp::Get.info(), &(), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Smallest`].
#[allow(dead_code)]
struct SmallestServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Smallest + 'static> SmallestServer<T> {
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
impl<T> ::core::clone::Clone for SmallestServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Smallest + 'static> ::sabrpc::Dispatch for SmallestServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        SmallestOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <SmallestOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            SmallestOp::Get => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(Smallest::get(&*self.service))
                    })
            }
        }
    }
}
