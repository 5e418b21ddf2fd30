//! The server: the service behind the dispatch table.

use super::Items;
use crate::model::{Answer, Arg, ArgKind, Method};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;

/// `pub struct KvServer<T> { … }` with what every server has.
pub(super) fn structure(items: &Items<'_>) -> TokenStream {
    let Items { vis, on_types, on_impls, server, name, .. } = items;
    let ident = &items.service.item.ident;
    let service = &items.implementation;
    let doc = Items::doc(format_args!("Answers calls with an implementation of [`{name}`]."));
    quote! {
        #doc
        #on_types
        #vis struct #server<#service> {
            service: ::std::rc::Rc<#service>,
        }

        #on_impls
        #[allow(dead_code)]
        impl<#service: #ident + 'static> #server<#service> {
            /// Makes a server of an implementation.
            #[must_use]
            #vis fn new(service: #service) -> Self {
                Self {
                    service: ::std::rc::Rc::new(service),
                }
            }

            /// The implementation.
            #[must_use]
            #vis fn service(&self) -> &#service {
                &self.service
            }
        }

        #on_impls
        #[automatically_derived]
        impl<#service> ::core::clone::Clone for #server<#service> {
            fn clone(&self) -> Self {
                Self {
                    service: ::core::clone::Clone::clone(&self.service),
                }
            }
        }
    }
}

/// `impl<T: Kv + 'static> Dispatch for KvServer<T> { … }`
pub(super) fn dispatch(items: &Items<'_>) -> TokenStream {
    let Items { krate, on_impls, op, server, .. } = items;
    let ident = &items.service.item.ident;
    let service = &items.implementation;
    let (id, frame, operation, error) = (local("id"), local("frame"), local("op"), local("error"));
    let arms = items.methods().map(|method| arm(items, method));
    quote! {
        #on_impls
        #[automatically_derived]
        impl<#service: #ident + 'static> #krate::Dispatch for #server<#service> {
            fn info(&self) -> &'static #krate::ServiceInfo {
                #op::SERVICE
            }

            fn dispatch(&self, #id: u32, #frame: #krate::Frame) -> #krate::Dispatched {
                let #operation = match <#op as ::core::convert::TryFrom<u32>>::try_from(#id) {
                    ::core::result::Result::Ok(#operation) => #operation,
                    ::core::result::Result::Err(#error) => return #frame.reject(#error),
                };
                match #operation {
                    #(#arms)*
                }
            }
        }
    }
}

/// A local variable that no name of the user's can mean.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `KvOp::Get => frame.serve(|frame| { … }),`
fn arm(items: &Items<'_>, method: &Method) -> TokenStream {
    let Items { op, .. } = items;
    let (cfgs, variant) = (&method.carried.cfgs, &method.variant);
    let (frame, service) = (local("frame"), local("service"));
    // The items of a stream may be waited for, whatever its method does.
    if method.sig.asyncness.is_some() || method.answer.is_stream() {
        let body = body(items, method, &quote!(#service));
        quote! {
            #(#cfgs)*
            #op::#variant => {
                let #service = ::core::clone::Clone::clone(&self.service);
                #frame.spawn(async move |#frame| { #body })
            }
        }
    } else {
        let body = body(items, method, &quote!(self.service));
        quote! {
            #(#cfgs)*
            #op::#variant => #frame.serve(|#frame| { #body }),
        }
    }
}

/// Decodes the arguments, calls the method, replies. The method is named through the trait: `service.clone()` would
/// be the one of `Rc`.
fn body(items: &Items<'_>, method: &Method, service: &TokenStream) -> TokenStream {
    let (frame, args) = (local("frame"), local("args"));
    let (service_trait, ident) = (&items.service.item.ident, &method.sig.ident);
    let types = method.encoded().map(decoded_type);
    let opening = local("opening");
    let decode = match method.encoded().next() {
        first if method.answer.is_stream() => {
            let at = first.map_or_else(Span::call_site, |first| super::at(&first.ty));
            let types = quote_spanned!(at=> (#(#types,)*));
            let decode = quote_spanned!(at=> #frame.opening::<#types>().await?);
            let args = first.map(|_| quote!(let #args = #opening.args;));
            quote! {
                let ::core::option::Option::Some(#opening) = #decode else {
                    return ::core::result::Result::Ok(());
                };
                #args
            }
        }
        None => quote!(#frame.args::<()>()?;),
        Some(first) => {
            let at = super::at(&first.ty);
            let types = quote_spanned!(at=> (#(#types,)*));
            let decode = quote_spanned!(at=> #frame.args()?);
            quote!(let #args: #types = #decode;)
        }
    };
    let (mut encoded, mut bulk_in, mut bulk_out) = (indices(), indices(), indices());
    let values = method.args.iter().map(|arg| match arg.kind {
        ArgKind::AsWritten => {
            let index = encoded.next();
            quote!(#args.#index)
        }
        ArgKind::Lent(_) => {
            let index = encoded.next();
            quote!(&#args.#index)
        }
        ArgKind::BulkIn => {
            let index = bulk_in.next();
            quote!(#frame.bulk_in(#index)?)
        }
        ArgKind::BulkOut => {
            let index = bulk_out.next();
            quote!(#frame.bulk_out(#index)?)
        }
    });
    let sent = super::sent::over(items, method, &frame.to_token_stream());
    let sent = sent.map(|sent| quote!(let #frame = #sent;));
    let wait = method.sig.asyncness.is_some().then(|| quote!(.await));
    let at = super::at_result(&method.sig.output);
    let call = quote_spanned!(at=> #service_trait::#ident(&*#service #(, #values)*) #wait);
    let reply = match &method.answer {
        Answer::Fallible { .. } => quote_spanned!(at=> #frame.reply_fallible(#call)),
        Answer::Stream { error, .. } => {
            let function = match error {
                Some(_) => quote_spanned!(at=> reply_stream_fallible),
                None => quote_spanned!(at=> reply_stream),
            };
            quote_spanned!(at=> #frame.#function(#opening.stream, #call).await)
        }
        Answer::Plain(_) | Answer::Nothing => quote_spanned!(at=> #frame.reply_plain(#call)),
    };
    quote!(#sent #decode #reply)
}

fn indices() -> impl Iterator<Item = Literal> {
    (0..).map(Literal::usize_unsuffixed)
}

/// What the server decodes for an argument.
fn decoded_type(arg: &Arg) -> TokenStream {
    match &arg.kind {
        ArgKind::Lent(ty) => quote!(#ty),
        _ => {
            let ty = &arg.ty;
            quote!(#ty)
        }
    }
}
