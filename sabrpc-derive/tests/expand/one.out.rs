#[allow(async_fn_in_trait)]
pub trait Store {
    async fn get(&self, key: &str) -> u32;
}
/// The operations of [`Store`].
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
pub enum StoreOp {
    /// The operation `get`.
    Get = 0,
}
#[automatically_derived]
impl ::core::cmp::Eq for StoreOp {}
#[allow(dead_code)]
impl StoreOp {
    /// Every operation, in the order of the trait.
    pub const ALL: &'static [Self] = &[Self::Get];
    /// The service as both sides compare it when they meet.
    pub const SERVICE: &'static ::sabrpc::ServiceInfo = &::sabrpc::ServiceInfo::new(
        "Store",
        const { &[*Self::Get.info()] },
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
                        signature: "(key: &str) -> u32",
                        wire: ::sabrpc::__private::wire_hash("(String) -> u32"),
                        flags: ::sabrpc::OpFlags::ASYNC,
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
impl ::core::convert::TryFrom<u32> for StoreOp {
    type Error = ::sabrpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            0 => ::core::result::Result::Ok(Self::Get),
            _ => {
                ::core::result::Result::Err(::sabrpc::__private::unknown_op("Store", id))
            }
        }
    }
}
/// Calls a [`Store`] service and waits for the answers.
#[allow(dead_code)]
pub struct StoreClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::Caller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> StoreClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::Caller::attach(channel, StoreOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::Caller<R> {
        &self.caller
    }
    /// Calls [`Store::get`].
    pub fn get(&self, key: &str) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(StoreOp::Get.info(), &(key,), &[], &mut [])
    }
}
/// Calls a [`Store`] service from a thread that may not block, and awaits the answers.
#[allow(dead_code)]
pub struct StoreAsyncClient<R: ::sabrpc::Region = ::sabrpc::DefaultRegion> {
    caller: ::sabrpc::AsyncCaller<R>,
}
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: ::sabrpc::Region> StoreAsyncClient<R> {
    /// Connects to the server of `channel`.
    pub fn attach(
        channel: &::sabrpc::Channel<R>,
    ) -> ::core::result::Result<Self, ::sabrpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: ::sabrpc::AsyncCaller::attach(channel, StoreOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    pub fn caller(&self) -> &::sabrpc::AsyncCaller<R> {
        &self.caller
    }
    /// Calls [`Store::get`].
    pub async fn get(
        &self,
        key: &str,
    ) -> ::core::result::Result<u32, ::sabrpc::RpcError> {
        self.caller.call_plain(StoreOp::Get.info(), &(key,), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Store`].
#[allow(dead_code)]
pub struct StoreServer<T> {
    service: ::std::rc::Rc<T>,
}
#[allow(dead_code)]
impl<T: Store + 'static> StoreServer<T> {
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
impl<T> ::core::clone::Clone for StoreServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[automatically_derived]
impl<T: Store + 'static> ::sabrpc::Dispatch for StoreServer<T> {
    fn info(&self) -> &'static ::sabrpc::ServiceInfo {
        StoreOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: ::sabrpc::Frame) -> ::sabrpc::Dispatched {
        let op = match <StoreOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            StoreOp::Get => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        let args: (&str,) = frame.args()?;
                        frame.reply_plain(Store::get(&*service, args.0).await)
                    })
            }
        }
    }
}
