//! The rules that a service has to keep, one function each; here those of the trait as a whole.
//!
//! Every rule reports at the smallest token that breaks it and says what to write instead. A method that breaks one
//! loses its [`Method::sound`](crate::model::Method::sound) mark. After this step nothing can fail.

mod method;
mod types;

use crate::ctxt::Ctxt;
use crate::model::Service;
use crate::words;
use quote::ToTokens;
use std::collections::HashMap;
use syn::TraitItem;
use syn::ext::IdentExt;

/// Checks all of `service`. Returns whether the trait as a whole is one that code can be generated for.
pub(crate) fn service(service: &mut Service, ctxt: &mut Ctxt) -> bool {
    let before = ctxt.count();
    check_trait_is_plain(service, ctxt);
    check_trait_has_no_generics(service, ctxt);
    check_trait_has_no_supertraits(service, ctxt);
    check_trait_has_no_op(service, ctxt);
    check_items_are_methods(service, ctxt);
    check_trait_has_methods(service, ctxt);
    let trait_is_sound = ctxt.count() == before;

    for method in &mut service.methods {
        method.sound = method::check(method, ctxt);
    }
    check_ids_differ(service, ctxt);
    check_names_differ(service, ctxt);
    check_variants_differ(service, ctxt);
    trait_is_sound
}

/// An `unsafe` or `auto` trait promises something that a call cannot carry.
fn check_trait_is_plain(service: &Service, ctxt: &mut Ctxt) {
    if let Some(token) = &service.item.unsafety {
        ctxt.error(token, "a service cannot be an unsafe trait: remove `unsafe`");
    }
    if let Some(token) = &service.item.modifiers.auto_token {
        ctxt.error(token, "a service cannot be an auto trait: remove `auto`");
    }
}

/// Every client of a service and every server must mean the same types.
fn check_trait_has_no_generics(service: &Service, ctxt: &mut Ctxt) {
    let generics = &service.item.generics;
    if !generics.params.is_empty() {
        ctxt.error(
            &generics.params,
            "a service cannot be generic: name the types, and declare one trait for each set of them",
        );
    }
    if let Some(clause) = &generics.where_clause {
        ctxt.error(
            clause,
            "a service takes no `where` clause: put the bounds on the type that implements it",
        );
    }
}

/// A client does not implement the trait, so it could not answer for a supertrait.
fn check_trait_has_no_supertraits(service: &Service, ctxt: &mut Ctxt) {
    let bounds = &service.item.supertraits;
    if !bounds.is_empty() {
        ctxt.error(
            bounds,
            "a service has no supertraits: put the bound on the type that implements it, or the methods into this trait",
        );
    }
}

/// `#[op]` describes one operation.
fn check_trait_has_no_op(service: &mut Service, ctxt: &mut Ctxt) {
    for attr in service.item.attrs.extract_if(.., |attr| attr.path().is_ident(words::OP)) {
        let message = format!(
            "`#[op]` goes on a method; options of the whole service go into `#[{}(…)]`",
            words::SERVICE
        );
        ctxt.error(attr, message);
    }
}

/// Only methods can be called from afar.
fn check_items_are_methods(service: &Service, ctxt: &mut Ctxt) {
    for item in &service.item.items {
        match item {
            TraitItem::Fn(_) => {}
            TraitItem::Const(item) => ctxt.error(
                item.const_token,
                "a service has methods only: make the constant a free one beside the trait, or a method that returns it",
            ),
            TraitItem::Type(item) => ctxt.error(
                item.type_token,
                "a service has no associated types, as its clients do not know the server's: name the type in the methods",
            ),
            TraitItem::Macro(item) => ctxt.error(
                &item.mac.path,
                "a macro call hides its methods from this attribute: write the methods out",
            ),
            other => ctxt.error(other, "this cannot stand in a service: declare methods, `fn name(&self, …) -> …;`"),
        }
    }
}

/// An empty trait would make an empty enum and a client without calls.
fn check_trait_has_methods(service: &Service, ctxt: &mut Ctxt) {
    if service.item.items.is_empty() {
        ctxt.error(
            &service.item.ident,
            "a service without methods does nothing: declare at least one, `fn name(&self, …) -> …;`",
        );
    }
}

/// The id is how the server tells operations apart.
fn check_ids_differ(service: &mut Service, ctxt: &mut Ctxt) {
    let mut seen: HashMap<u32, String> = HashMap::new();
    for method in &mut service.methods {
        let id = method.id;
        let span = method.id_span.unwrap_or_else(|| method.sig.ident.span());
        let counted = match method.id_span {
            Some(_) => "",
            None => " (a method without one takes the number after the method above it)",
        };
        if id > words::MAX_ID {
            let max = words::MAX_ID;
            ctxt.error_at(
                span,
                format!("no id is left after {max}: give a free one, `#[op(id = …)]`{counted}"),
            );
            method.sound = false;
        } else if let Some(other) = seen.get(&id) {
            ctxt.error_at(
                span,
                format!("id {id} is taken by `{other}`: give another, `#[op(id = …)]`{counted}"),
            );
            method.sound = false;
        } else {
            seen.insert(id, method.sig.ident.unraw().to_string());
        }
    }
}

/// The name is how people tell operations apart.
fn check_names_differ(service: &mut Service, ctxt: &mut Ctxt) {
    let mut seen: HashMap<String, String> = HashMap::new();
    for method in &mut service.methods {
        let own = method.sig.ident.unraw().to_string();
        match seen.get(&method.name) {
            Some(other) => {
                let name = &method.name;
                let message =
                    format!("the name `{name}` is taken by `{other}`: give another, `#[op(name = \"…\")]`");
                ctxt.error_at(method.name_span, message);
                method.sound = false;
            }
            None => {
                seen.insert(method.name.clone(), own);
            }
        }
    }
}

/// Two methods must not become one variant of the enum of operations.
fn check_variants_differ(service: &mut Service, ctxt: &mut Ctxt) {
    let mut seen: HashMap<String, String> = HashMap::new();
    for method in &mut service.methods {
        let variant = method.variant.to_string();
        let own = method.sig.ident.unraw().to_string();
        match seen.get(&variant) {
            Some(other) => {
                let message = format!(
                    "`{own}` and `{other}` would both become `{}{}::{variant}`: rename one of them",
                    service.item.ident.unraw(),
                    words::OP_SUFFIX,
                );
                ctxt.error(method.sig.ident.to_token_stream(), message);
                method.sound = false;
            }
            None => {
                seen.insert(variant, own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use proc_macro2::TokenStream;
    use quote::quote;
    use syn::parse_quote;

    /// What is wrong with a trait: whether as a whole, its methods that are not sound, and the messages.
    fn checked(item: syn::ItemTrait) -> (bool, Vec<String>, Vec<String>) {
        let mut ctxt = Ctxt::new();
        let args = Args::read(TokenStream::new(), &mut ctxt);
        let mut made = Service::new(args, item, &mut ctxt);
        let is_sound = service(&mut made, &mut ctxt);
        let unsound = made.methods.iter().filter(|method| !method.sound);
        let unsound = unsound.map(|method| method.sig.ident.to_string()).collect();
        let errors = ctxt.finish().into_iter().flatten().map(|error| error.to_string()).collect();
        (is_sound, unsound, errors)
    }

    #[test]
    fn what_keeps_the_rules_is_sound() {
        let (is_sound, unsound, errors) = checked(parse_quote! {
            pub trait Kv {
                fn get(&self, key: &str, out: BulkOut<'_>) -> io::Result<u32>;
                #[op(oneway)]
                async fn put(&self, key: Cow<'_, str>, data: BulkIn<'_>) -> Result<(), KvError>;
                fn all(&self) -> Stream<String>;
                fn with_body(&self, n: [u8; 4]) -> u8 {
                    n[0]
                }
            }
        });
        assert!(is_sound && unsound.is_empty() && errors.is_empty(), "{unsound:?}, {errors:?}");
    }

    #[test]
    fn a_mistake_in_a_method_is_one_error_and_spoils_that_method_alone() {
        let mistakes: [TokenStream; 12] = [
            quote!(
                fn bad(self);
            ),
            quote!(
                fn bad(&mut self);
            ),
            quote!(
                fn bad();
            ),
            quote!(
                fn bad<T>(&self, value: T);
            ),
            quote!(
                unsafe fn bad(&self);
            ),
            quote!(
                extern "C" fn bad(&self);
            ),
            quote!(
                fn bad(&self, value: &mut u32);
            ),
            quote!(
                fn bad(&self, value: impl Into<u32>);
            ),
            quote!(
                fn bad(&self, value: Box<dyn Fn()>);
            ),
            quote!(
                fn bad(&self) -> &str;
            ),
            quote!(
                fn bad(&self) -> Option<Stream<u8>>;
            ),
            quote!(
                #[op(oneway)]
                fn bad(&self) -> u32;
            ),
        ];
        for mistake in mistakes {
            let (is_sound, unsound, errors) = checked(parse_quote!(trait Kv { fn good(&self); #mistake }));
            assert!(is_sound, "{mistake}");
            assert_eq!(unsound, ["bad"], "{mistake}");
            assert_eq!(errors.len(), 1, "{mistake}: {errors:?}");
        }
    }

    #[test]
    fn a_mistake_in_the_trait_is_one_error_and_spoils_the_whole() {
        let mistakes: [syn::ItemTrait; 6] = [
            parse_quote!(
                trait Kv {}
            ),
            parse_quote!(
                unsafe trait Kv {
                    fn get(&self);
                }
            ),
            parse_quote!(
                trait Kv<T> {
                    fn get(&self);
                }
            ),
            parse_quote!(
                trait Kv<const N: usize> {
                    fn get(&self);
                }
            ),
            parse_quote!(
                trait Kv: Other {
                    fn get(&self);
                }
            ),
            parse_quote!(
                trait Kv {
                    type Key;
                    fn get(&self);
                }
            ),
        ];
        for mistake in mistakes {
            let text = mistake.to_token_stream().to_string();
            let (is_sound, _, errors) = checked(mistake);
            assert!(!is_sound, "{text}");
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        }
    }

    #[test]
    fn ids_names_and_variants_are_unique() {
        for (second, word) in [
            (
                quote!(
                    #[op(id = 0)]
                    fn put(&self);
                ),
                "id",
            ),
            (
                quote!(
                    #[op(name = "get")]
                    fn put(&self);
                ),
                "name",
            ),
            (
                quote!(
                    fn r#Get(&self);
                ),
                "Get",
            ),
        ] {
            let (_, _, errors) = checked(parse_quote!(trait Kv { fn get(&self); #second }));
            assert_eq!(errors.len(), 1, "{second}: {errors:?}");
            assert!(errors[0].contains(word), "{second}: {errors:?}");
        }
    }
}
