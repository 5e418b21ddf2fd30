#[allow(async_fn_in_trait)]
/// Attributes and names are carried over.
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
trait r#Carried {
    /// Reads.
    #[cfg(unix)]
    #[inline]
    fn r#type(&self, r#in: u32) -> u32;
    #[deprecated(note = "use `type`")]
    #[cfg_attr(unix, doc = "On Unix.")]
    fn xOld(&self) -> u32 {
        1
    }
    #[cfg(not(unix))]
    #[expect(non_snake_case)]
    async fn xNew(&self);
}
/// The operations of [`Carried`].
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
#[allow(dead_code)]
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::hash::Hash,
)]
#[repr(u32)]
enum CarriedOp {
    #[cfg(unix)]
    /// The operation `type`.
    Type = 0,
    /// The operation `xOld`.
    XOld = 1,
    #[cfg(not(unix))]
    /// The operation `xNew`.
    XNew = 9,
}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[automatically_derived]
impl ::core::cmp::Eq for CarriedOp {}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[allow(dead_code)]
impl CarriedOp {
    /// Every operation, in the order of the trait.
    const ALL: &'static [Self] = &[
        #[cfg(unix)]
        Self::Type,
        Self::XOld,
        #[cfg(not(unix))]
        Self::XNew,
    ];
    /// The service as both sides compare it when they meet.
    const SERVICE: &'static my_app::rpc::ServiceInfo = &my_app::rpc::ServiceInfo::new(
        "Carried",
        const {
            &[
                #[cfg(unix)]
                *Self::Type.info(),
                *Self::XOld.info(),
                #[cfg(not(unix))]
                *Self::XNew.info(),
            ]
        },
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
    const fn info(self) -> &'static my_app::rpc::OpInfo {
        match self {
            #[cfg(unix)]
            Self::Type => {
                const {
                    &my_app::rpc::OpInfo {
                        id: 0,
                        name: "type",
                        signature: "(in: u32) -> u32",
                        wire: my_app::rpc::__private::wire_hash("(u32) -> u32"),
                        flags: my_app::rpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "Reads.",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            Self::XOld => {
                const {
                    &my_app::rpc::OpInfo {
                        id: 1,
                        name: "xOld",
                        signature: "() -> u32",
                        wire: my_app::rpc::__private::wire_hash("() -> u32"),
                        flags: my_app::rpc::OpFlags::NONE,
                        bulk_in: 0,
                        bulk_out: 0,
                        doc: "",
                        deadline: ::core::option::Option::None,
                    }
                }
            }
            #[cfg(not(unix))]
            Self::XNew => {
                const {
                    &my_app::rpc::OpInfo {
                        id: 9,
                        name: "xNew",
                        signature: "()",
                        wire: my_app::rpc::__private::wire_hash("()"),
                        flags: my_app::rpc::OpFlags::ASYNC,
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
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[automatically_derived]
impl ::core::convert::TryFrom<u32> for CarriedOp {
    type Error = my_app::rpc::RpcError;
    #[inline]
    fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
        match id {
            #[cfg(unix)]
            0 => ::core::result::Result::Ok(Self::Type),
            1 => ::core::result::Result::Ok(Self::XOld),
            #[cfg(not(unix))]
            9 => ::core::result::Result::Ok(Self::XNew),
            _ => {
                ::core::result::Result::Err(
                    my_app::rpc::__private::unknown_op("Carried", id),
                )
            }
        }
    }
}
/// Calls a [`Carried`] service and waits for the answers.
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
#[allow(dead_code)]
struct CarriedClient<R: my_app::rpc::Region = my_app::rpc::DefaultRegion> {
    caller: my_app::rpc::Caller<R>,
}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: my_app::rpc::Region> CarriedClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &my_app::rpc::Channel<R>,
    ) -> ::core::result::Result<Self, my_app::rpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: my_app::rpc::Caller::attach(channel, CarriedOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &my_app::rpc::Caller<R> {
        &self.caller
    }
    #[cfg(unix)]
    /// Reads.
    fn r#type(&self, r#in: u32) -> ::core::result::Result<u32, my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::Type.info(), &(r#in,), &[], &mut [])
    }
    /// Calls [`Carried::xOld`].
    #[cfg_attr(unix, doc = "On Unix.")]
    #[deprecated(note = "use `type`")]
    fn xOld(&self) -> ::core::result::Result<u32, my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::XOld.info(), &(), &[], &mut [])
    }
    #[cfg(not(unix))]
    /// Calls [`Carried::xNew`].
    #[allow(non_snake_case)]
    fn xNew(&self) -> ::core::result::Result<(), my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::XNew.info(), &(), &[], &mut [])
    }
}
/// Calls a [`Carried`] service from a thread that may not block, and awaits the answers.
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
#[allow(dead_code)]
struct CarriedAsyncClient<R: my_app::rpc::Region = my_app::rpc::DefaultRegion> {
    caller: my_app::rpc::AsyncCaller<R>,
}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[allow(
    dead_code,
    clippy::future_not_send,
    clippy::missing_errors_doc,
    clippy::used_underscore_binding
)]
impl<R: my_app::rpc::Region> CarriedAsyncClient<R> {
    /// Connects to the server of `channel`.
    fn attach(
        channel: &my_app::rpc::Channel<R>,
    ) -> ::core::result::Result<Self, my_app::rpc::RpcError> {
        ::core::result::Result::Ok(Self {
            caller: my_app::rpc::AsyncCaller::attach(channel, CarriedOp::SERVICE)?,
        })
    }
    /// The connection that the calls go through.
    #[must_use]
    fn caller(&self) -> &my_app::rpc::AsyncCaller<R> {
        &self.caller
    }
    #[cfg(unix)]
    /// Reads.
    async fn r#type(
        &self,
        r#in: u32,
    ) -> ::core::result::Result<u32, my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::Type.info(), &(r#in,), &[], &mut []).await
    }
    /// Calls [`Carried::xOld`].
    #[cfg_attr(unix, doc = "On Unix.")]
    #[deprecated(note = "use `type`")]
    async fn xOld(&self) -> ::core::result::Result<u32, my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::XOld.info(), &(), &[], &mut []).await
    }
    #[cfg(not(unix))]
    /// Calls [`Carried::xNew`].
    #[allow(non_snake_case)]
    async fn xNew(&self) -> ::core::result::Result<(), my_app::rpc::RpcError> {
        self.caller.call_plain(CarriedOp::XNew.info(), &(), &[], &mut []).await
    }
}
/// Answers calls with an implementation of [`Carried`].
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
#[allow(dead_code)]
struct CarriedServer<T> {
    service: ::std::rc::Rc<T>,
}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[allow(dead_code)]
impl<T: r#Carried + 'static> CarriedServer<T> {
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
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[automatically_derived]
impl<T> ::core::clone::Clone for CarriedServer<T> {
    fn clone(&self) -> Self {
        Self {
            service: ::core::clone::Clone::clone(&self.service),
        }
    }
}
#[cfg(feature = "extra")]
#[allow(non_snake_case)]
#[allow(deprecated)]
#[automatically_derived]
impl<T: r#Carried + 'static> my_app::rpc::Dispatch for CarriedServer<T> {
    fn info(&self) -> &'static my_app::rpc::ServiceInfo {
        CarriedOp::SERVICE
    }
    fn dispatch(&self, id: u32, frame: my_app::rpc::Frame) -> my_app::rpc::Dispatched {
        let op = match <CarriedOp as ::core::convert::TryFrom<u32>>::try_from(id) {
            ::core::result::Result::Ok(op) => op,
            ::core::result::Result::Err(error) => return frame.reject(error),
        };
        match op {
            #[cfg(unix)]
            CarriedOp::Type => {
                frame
                    .serve(|frame| {
                        let args: (u32,) = frame.args()?;
                        frame.reply_plain(r#Carried::r#type(&*self.service, args.0))
                    })
            }
            CarriedOp::XOld => {
                frame
                    .serve(|frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(r#Carried::xOld(&*self.service))
                    })
            }
            #[cfg(not(unix))]
            CarriedOp::XNew => {
                let service = ::core::clone::Clone::clone(&self.service);
                frame
                    .spawn(async move |frame| {
                        frame.args::<()>()?;
                        frame.reply_plain(r#Carried::xNew(&*service).await)
                    })
            }
        }
    }
}
