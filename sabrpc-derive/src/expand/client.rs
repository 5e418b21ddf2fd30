//! Both clients: one generator, as they differ in `async` and `.await` only.

use super::Items;
use crate::model::{Answer, Arg, ArgKind, Method};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

/// Which of the two clients.
#[derive(Clone, Copy)]
pub(super) enum Flavor {
    /// Waits for the answer.
    Blocking,
    /// Awaits the answer.
    Async,
}

impl Flavor {
    fn client<'a>(self, items: &'a Items<'_>) -> &'a Ident {
        match self {
            Self::Blocking => &items.client,
            Self::Async => &items.async_client,
        }
    }

    /// The type in `sabrpc` that does the work.
    fn caller(self) -> TokenStream {
        match self {
            Self::Blocking => quote!(Caller),
            Self::Async => quote!(AsyncCaller),
        }
    }

    /// The type in `sabrpc` that a stream is to its caller.
    fn items(self) -> TokenStream {
        match self {
            Self::Blocking => quote!(Items),
            Self::Async => quote!(AsyncItems),
        }
    }

    fn doc(self, service: &str) -> String {
        match self {
            Self::Blocking => format!("Calls a [`{service}`] service and waits for the answers."),
            Self::Async => format!(
                "Calls a [`{service}`] service from a thread that may not block, and awaits the answers."
            ),
        }
    }

    fn keyword(self) -> Option<TokenStream> {
        match self {
            Self::Blocking => None,
            Self::Async => Some(quote!(async)),
        }
    }
}

/// `pub struct KvClient<R = DefaultRegion> { … }`
pub(super) fn structure(items: &Items<'_>, flavor: Flavor) -> TokenStream {
    let Items { krate, vis, on_types, region, .. } = items;
    let client = flavor.client(items);
    let caller = flavor.caller();
    let doc = Items::doc(flavor.doc(&items.name));
    quote! {
        #doc
        #on_types
        #vis struct #client<#region: #krate::Region = #krate::DefaultRegion> {
            caller: #krate::#caller<#region>,
        }
    }
}

/// `impl<R: Region> KvClient<R> { … }`
pub(super) fn methods(items: &Items<'_>, flavor: Flavor) -> TokenStream {
    let Items { krate, vis, on_impls, op, region, .. } = items;
    let client = flavor.client(items);
    let caller = flavor.caller();
    let methods = items.methods().map(|service_method| method(items, service_method, flavor));
    quote! {
        #on_impls
        #[allow(dead_code, clippy::future_not_send, clippy::missing_errors_doc, clippy::used_underscore_binding)]
        impl<#region: #krate::Region> #client<#region> {
            /// Connects to the server of `channel`.
            #vis fn attach(
                channel: &#krate::Channel<#region>,
            ) -> ::core::result::Result<Self, #krate::RpcError> {
                ::core::result::Result::Ok(Self {
                    caller: #krate::#caller::attach(channel, #op::SERVICE)?,
                })
            }

            /// The connection that the calls go through.
            #[must_use]
            #vis fn caller(&self) -> &#krate::#caller<#region> {
                &self.caller
            }

            #(#methods)*
        }
    }
}

/// `pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CallError<KvError>> { … }`
fn method(items: &Items<'_>, method: &Method, flavor: Flavor) -> TokenStream {
    let Items { krate, vis, .. } = items;
    let Method { carried, sig, .. } = method;
    let (cfgs, deprecated, allows) = (&carried.cfgs, &carried.deprecated, &carried.allows);
    let docs = docs(items, method);
    let keyword = flavor.keyword();
    let ident = &sig.ident;
    let parameters = method.args.iter().map(parameter);
    let call = call(items, method, flavor);
    let (value, error) = match &method.answer {
        Answer::Nothing => (quote!(()), None),
        Answer::Plain(ty) => (quote!(#ty), None),
        Answer::Fallible { ok, error } => (quote!(#ok), Some(error)),
        Answer::Stream { item, error } => {
            let region = &items.region;
            let answers = flavor.items();
            (quote!(#krate::#answers<'_, #item, #region>), error.as_ref())
        }
    };
    let error = match error {
        Some(error) => quote!(#krate::CallError<#error>),
        None => quote!(#krate::RpcError),
    };
    quote! {
        #(#cfgs)*
        #docs
        #(#deprecated)*
        #(#allows)*
        #vis #keyword fn #ident(&self #(, #parameters)*) -> ::core::result::Result<#value, #error> {
            #call
        }
    }
}

/// The method's own docs, or a line in their place: every item of a crate that denies `missing_docs` has some.
fn docs(items: &Items<'_>, method: &Method) -> TokenStream {
    let docs = &method.carried.docs;
    let is_documented = docs.iter().any(|attr| attr.path().is_ident("doc"));
    if is_documented {
        quote!(#(#docs)*)
    } else {
        let doc = Items::doc(format_args!("Calls [`{}::{}`].", items.name, method.sig.ident.unraw()));
        quote!(#doc #(#docs)*)
    }
}

/// `out: &mut [u8]`
fn parameter(arg: &Arg) -> TokenStream {
    let Arg { name, ty, .. } = arg;
    match arg.kind {
        ArgKind::AsWritten | ArgKind::Lent(_) => quote!(#name: #ty),
        ArgKind::BulkIn => quote!(#name: &[u8]),
        ArgKind::BulkOut => quote!(#name: &mut [u8]),
    }
}

/// `self.caller.call_fallible(KvOp::Read.info(), &(file, offset), &[], &mut [out])`
///
/// The call lies where the result's type was written and each argument where its type was, so that the compiler
/// reports a type that cannot be encoded there.
fn call(items: &Items<'_>, method: &Method, flavor: Flavor) -> TokenStream {
    let (op, variant) = (&items.op, &method.variant);
    let args = method.encoded().map(|arg| {
        let mut name = arg.name.clone();
        name.set_span(arg.ty.span().resolved_at(name.span()));
        name
    });
    let at = super::at_result(&method.sig.output);
    let args = match method.encoded().next() {
        None => quote!(&()),
        Some(first) => {
            let at = super::at(&first.ty);
            quote_spanned!(at=> &(#(#args,)*))
        }
    };
    let bulk_in = method.bulk_in().map(|arg| &arg.name);
    let bulk_out = method.bulk_out().map(|arg| &arg.name);
    let function = match (&method.answer, method.oneway) {
        (Answer::Stream { error: None, .. }, _) => quote_spanned!(at=> stream_plain),
        (Answer::Stream { error: Some(_), .. }, _) => quote_spanned!(at=> stream_fallible),
        (Answer::Fallible { .. }, None) => quote_spanned!(at=> call_fallible),
        (Answer::Fallible { .. }, Some(_)) => quote_spanned!(at=> send_fallible),
        (_, None) => quote_spanned!(at=> call_plain),
        (_, Some(_)) => quote_spanned!(at=> send_plain),
    };
    let fills = method.oneway.is_none() && !method.answer.is_stream();
    let outputs = fills.then(|| quote!(, &mut [#(#bulk_out),*]));
    let caller = super::sent::over(items, method, &quote_spanned!(at=> &self.caller))
        .unwrap_or_else(|| quote_spanned!(at=> self.caller));
    let wait = match flavor {
        Flavor::Blocking => None,
        Flavor::Async => Some(quote_spanned!(at=> .await)),
    };
    quote_spanned!(at=> #caller.#function(#op::#variant.info(), #args, &[#(#bulk_in),*] #outputs) #wait)
}
