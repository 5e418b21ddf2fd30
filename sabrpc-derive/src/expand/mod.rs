//! Writes the generated items. Each is one function that returns tokens; [`service`] is their list.
//!
//! Generated code names everything by an absolute path, keeps its local variables apart from the user's by the hygiene
//! of `Span::mixed_site`, and gives names that the user may look up the span of what they are made from.

mod client;
mod op;
mod sent;
mod server;

use crate::model::Service;
use crate::words;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Path, ReturnType, TraitItem, Type, Visibility};

/// All that a sound trait becomes. Methods that are not sound are left out of everything but the trait, so that uses of
/// the others raise no second wave of errors.
pub(crate) fn service(service: &Service) -> TokenStream {
    let items = Items::new(service);
    let parts = [
        trait_item(service),
        op::enumeration(&items),
        op::tables(&items),
        op::try_from(&items),
        client::structure(&items, client::Flavor::Blocking),
        client::methods(&items, client::Flavor::Blocking),
        client::structure(&items, client::Flavor::Async),
        client::methods(&items, client::Flavor::Async),
        server::structure(&items),
        server::dispatch(&items),
    ];
    parts.into_iter().collect()
}

/// The trait, without the attributes of this crate.
pub(crate) fn trait_item(service: &Service) -> TokenStream {
    let item = &service.item;
    let has_async = item
        .items
        .iter()
        .any(|item| matches!(item, TraitItem::Fn(function) if function.sig.asyncness.is_some()));
    // The lint warns that callers cannot ask for `Send`; a service runs on one thread.
    let allow = has_async.then(|| quote!(#[allow(async_fn_in_trait)]));
    quote!(#allow #item)
}

/// What every generated item is made from.
struct Items<'a> {
    service: &'a Service,
    /// The trait's name for messages and docs.
    name: String,
    /// Where the crate `sabrpc` is.
    krate: &'a Path,
    /// The trait's visibility, which all items share.
    vis: &'a Visibility,
    /// Attributes of every generated type.
    on_types: TokenStream,
    /// Attributes of every generated impl.
    on_impls: TokenStream,
    op: Ident,
    client: Ident,
    async_client: Ident,
    server: Ident,
    /// The clients' type parameter, of a region.
    region: Ident,
    /// The server's type parameter, of an implementation.
    implementation: Ident,
    /// The types that have to be encodable.
    sent: sent::Types<'a>,
}

impl<'a> Items<'a> {
    fn new(service: &'a Service) -> Self {
        let ident = service.item.ident.unraw();
        let carried = &service.carried;
        let (cfgs, deprecated, allows) = (&carried.cfgs, &carried.deprecated, &carried.allows);
        let cfgs = quote!(#(#cfgs)*);
        // A service need not use both clients, nor all of their calls.
        let unused = quote!(#[allow(dead_code)]);
        let used_though_deprecated = service.has_deprecated().then(|| quote!(#[allow(deprecated)]));
        Self {
            service,
            name: service.name(),
            krate: &service.krate,
            vis: &service.item.vis,
            on_types: quote!(#cfgs #(#deprecated)* #(#allows)* #unused),
            on_impls: quote!(#cfgs #(#allows)* #used_though_deprecated),
            op: format_ident!("{ident}{}", words::OP_SUFFIX),
            client: format_ident!("{ident}{}", words::CLIENT_SUFFIX),
            async_client: format_ident!("{ident}{}", words::ASYNC_CLIENT_SUFFIX),
            server: format_ident!("{ident}{}", words::SERVER_SUFFIX),
            region: service.type_parameter("R"),
            implementation: service.type_parameter("T"),
            sent: sent::Types::of(service.methods.iter().filter(|method| method.sound)),
        }
    }

    /// A doc comment.
    fn doc(text: impl std::fmt::Display) -> TokenStream {
        let text = format!(" {text}");
        quote!(#[doc = #text])
    }

    /// The methods that code can be generated for.
    fn methods(&self) -> impl Iterator<Item = &'a crate::model::Method> {
        self.service.methods.iter().filter(|method| method.sound)
    }
}

/// The place where a type was written, with the hygiene of generated code.
fn at(ty: &Type) -> Span {
    ty.span().resolved_at(Span::call_site())
}

/// The place where a result's type was written.
fn at_result(output: &ReturnType) -> Span {
    match output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, ty) => at(ty),
    }
}
