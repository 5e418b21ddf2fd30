//! Reads the item under the attribute, and takes out of it what the compiler would report a second time.

use crate::ctxt::Ctxt;
use crate::words;
use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Item, ItemTrait, Pat, PatWild, Token, TraitItem, TraitItemFn, Visibility};

/// The trait, or `None` with an error if it is something else.
pub(crate) fn read(tokens: TokenStream, ctxt: &mut Ctxt) -> Option<ItemTrait> {
    let item = match syn::parse2::<Item>(tokens) {
        Ok(Item::Trait(item)) => item,
        Ok(other) => {
            let (what, span) = kind(&other);
            let message = format!(
                "`#[{}]` goes on the trait that declares the service; this is {what}",
                words::SERVICE
            );
            ctxt.error_at(span, message);
            return None;
        }
        Err(error) => {
            ctxt.push(error);
            return None;
        }
    };
    Some(with_plain_items(item, ctxt))
}

/// What an item is called, and the keyword that makes it so.
fn kind(item: &Item) -> (&'static str, Span) {
    match item {
        Item::Impl(item) => ("an impl, which needs no attribute", item.impl_token.span),
        Item::Struct(item) => ("a struct", item.struct_token.span),
        Item::Enum(item) => ("an enum", item.enum_token.span),
        Item::Fn(item) => ("a function", item.sig.fn_token.span),
        Item::Mod(item) => ("a module", item.mod_token.span),
        Item::TraitAlias(item) => ("a trait alias", item.trait_token.span),
        other => ("another item", other.span()),
    }
}

/// Puts methods declared `pub` back among the methods, with an error: syn leaves them as bare tokens.
fn with_plain_items(mut item: ItemTrait, ctxt: &mut Ctxt) -> ItemTrait {
    for inner in &mut item.items {
        if let TraitItem::Verbatim(tokens) = inner
            && let Ok(visible) = syn::parse2::<Visible>(tokens.clone())
        {
            ctxt.error(&visible.vis, "methods are as visible as their trait: remove this");
            *inner = visible.item;
        }
    }
    item
}

/// An item of a trait behind a visibility.
struct Visible {
    vis: Visibility,
    item: TraitItem,
}

impl Parse for Visible {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis: Visibility = input.parse()?;
        let mut item: TraitItem = input.parse()?;
        if let TraitItem::Fn(function) = &mut item {
            attrs.append(&mut function.attrs);
            function.attrs = attrs;
        }
        Ok(Self { vis, item })
    }
}

/// Takes out of the trait what the compiler would report as well, once the rules have seen it.
pub(crate) fn repair(item: &mut ItemTrait) {
    for inner in &mut item.items {
        if let TraitItem::Fn(function) = inner {
            repair_function(function);
        }
    }
}

fn repair_function(function: &mut TraitItemFn) {
    let sig = &mut function.sig;
    sig.constness = None;
    sig.variadic = None;
    for input in &mut sig.inputs {
        let (FnArg::Typed(syn::PatType { attrs, .. }) | FnArg::Receiver(syn::Receiver { attrs, .. })) = input;
        attrs.retain(|attr| !attr.path().is_ident(words::OP));
        if let FnArg::Typed(arg) = input
            && function.default.is_none()
            && !matches!(*arg.pat, Pat::Ident(_))
        {
            *arg.pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Token![_](arg.pat.span()) });
        }
    }
}
