//! The enum of operations and its tables.
//!
//! Everything here that is not generic is `#[inline]`, and `Eq` is not derived, since the derive writes a function that
//! is not: so a crate that only declares a service has no machine code, and the compiler need not start to make any.

use super::Items;
use crate::model::{Answer, Method};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use std::time::Duration;

/// `pub enum KvOp { Get = 0, … }`
pub(super) fn enumeration(items: &Items<'_>) -> TokenStream {
    let Items { vis, on_types, on_impls, op, .. } = items;
    let doc = Items::doc(format_args!("The operations of [`{}`].", items.name));
    let variants = items.methods().map(|method| {
        let Method { carried, variant, name, .. } = method;
        let cfgs = &carried.cfgs;
        let doc = Items::doc(format_args!("The operation `{name}`."));
        let id = Literal::u32_unsuffixed(method.id);
        quote! {
            #(#cfgs)*
            #doc
            #variant = #id,
        }
    });
    quote! {
        #doc
        #on_types
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::hash::Hash,
        )]
        #[repr(u32)]
        #vis enum #op {
            #(#variants)*
        }

        #on_impls
        #[automatically_derived]
        impl ::core::cmp::Eq for #op {}
    }
}

/// The lists of all operations, and what is known of each.
pub(super) fn tables(items: &Items<'_>) -> TokenStream {
    let Items { krate, vis, on_impls, op, name, .. } = items;
    let all = items.methods().map(|method| {
        let (cfgs, variant) = (&method.carried.cfgs, &method.variant);
        quote!(#(#cfgs)* Self::#variant)
    });
    let table = items.methods().map(|method| {
        let (cfgs, variant) = (&method.carried.cfgs, &method.variant);
        quote!(#(#cfgs)* *Self::#variant.info())
    });
    let version = match items.service.version {
        0 => None,
        version => {
            let version = Literal::u32_unsuffixed(version);
            Some(quote!(.with_version(#version)))
        }
    };
    let deadline = items.service.deadline.map(|deadline| {
        let deadline = duration(deadline);
        quote!(.with_deadline(#deadline))
    });
    let infos = items.methods().map(|method| {
        let (cfgs, variant) = (&method.carried.cfgs, &method.variant);
        let info = info(items, method);
        quote!(#(#cfgs)* Self::#variant => const { &#info },)
    });
    quote! {
        #on_impls
        #[allow(dead_code)]
        impl #op {
            /// Every operation, in the order of the trait.
            #vis const ALL: &'static [Self] = &[#(#all),*];

            /// The service as both sides compare it when they meet.
            #vis const SERVICE: &'static #krate::ServiceInfo =
                &#krate::ServiceInfo::new(#name, const { &[#(#table),*] }) #version #deadline;

            /// The number on the wire.
            #[inline]
            #[must_use]
            #vis const fn id(self) -> u32 {
                self as u32
            }

            /// The name in tables, metrics and messages.
            #[inline]
            #[must_use]
            #vis const fn name(self) -> &'static str {
                self.info().name
            }

            /// All that is known of the operation.
            #[inline]
            #[must_use]
            #vis const fn info(self) -> &'static #krate::OpInfo {
                match self {
                    #(#infos)*
                }
            }
        }
    }
}

/// `OpInfo { id: 0, … }`
fn info(items: &Items<'_>, method: &Method) -> TokenStream {
    let krate = items.krate;
    let id = Literal::u32_unsuffixed(method.id);
    let name = &method.name;
    let signature = method.signature();
    let wire = method.wire();
    let deadline = match method.deadline.map(duration) {
        Some(deadline) => quote!(::core::option::Option::Some(#deadline)),
        None => quote!(::core::option::Option::None),
    };
    let doc = method.carried.summary();
    let flags = flags(items, method);
    let count = |bulk: usize| Literal::usize_unsuffixed(bulk);
    let (bulk_in, bulk_out) = (count(method.bulk_in().count()), count(method.bulk_out().count()));
    quote! {
        #krate::OpInfo {
            id: #id,
            name: #name,
            signature: #signature,
            wire: #krate::__private::wire_hash(#wire),
            flags: #flags,
            bulk_in: #bulk_in,
            bulk_out: #bulk_out,
            doc: #doc,
            deadline: #deadline,
        }
    }
}

/// `Duration::from_millis(500)`
fn duration(duration: Duration) -> TokenStream {
    let (function, number) = match duration.as_micros() {
        micros if micros % 1_000_000 == 0 => (quote!(from_secs), micros / 1_000_000),
        micros if micros % 1000 == 0 => (quote!(from_millis), micros / 1000),
        micros => (quote!(from_micros), micros),
    };
    let number = Literal::u128_unsuffixed(number);
    quote!(::core::time::Duration::#function(#number))
}

/// `OpFlags::ASYNC.union(OpFlags::FALLIBLE)`
fn flags(items: &Items<'_>, method: &Method) -> TokenStream {
    let krate = items.krate;
    let flags = [
        (method.oneway.is_some(), quote!(ONEWAY)),
        (method.sig.asyncness.is_some(), quote!(ASYNC)),
        (
            matches!(method.answer, Answer::Fallible { .. } | Answer::Stream { error: Some(_), .. }),
            quote!(FALLIBLE),
        ),
        (method.answer.is_stream(), quote!(STREAM)),
    ];
    flags
        .into_iter()
        .filter_map(|(is_set, flag)| is_set.then(|| quote!(#krate::OpFlags::#flag)))
        .reduce(|all, flag| quote!(#all.union(#flag)))
        .unwrap_or_else(|| quote!(#krate::OpFlags::NONE))
}

/// `impl TryFrom<u32> for KvOp`
pub(super) fn try_from(items: &Items<'_>) -> TokenStream {
    let Items { krate, on_impls, op, name, .. } = items;
    let arms = items.methods().map(|method| {
        let (cfgs, variant) = (&method.carried.cfgs, &method.variant);
        let id = Literal::u32_unsuffixed(method.id);
        quote!(#(#cfgs)* #id => ::core::result::Result::Ok(Self::#variant),)
    });
    quote! {
        #on_impls
        #[automatically_derived]
        impl ::core::convert::TryFrom<u32> for #op {
            type Error = #krate::RpcError;

            #[inline]
            fn try_from(id: u32) -> ::core::result::Result<Self, Self::Error> {
                match id {
                    #(#arms)*
                    _ => ::core::result::Result::Err(#krate::__private::unknown_op(#name, id)),
                }
            }
        }
    }
}
