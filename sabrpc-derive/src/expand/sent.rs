//! Has the compiler say once, and where it was written, that a type of the user's cannot cross: see `Sent` in `sabrpc`.

use super::Items;
use crate::model::{Answer, ArgKind, Method, ends, last_is, type_args, ungrouped};
use crate::words;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprLit, Lit, Type, TypePath};

/// Types that cross, if what is in them does.
const CONTAINERS: [&str; 4] = ["Box", "Cow", "Option", "Vec"];

/// Types that cross. Should one of these names mean another type, its error is in serde's words.
const KNOWN: [&str; 18] = [
    "String", "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// Arrays that serde encodes.
const LONGEST_ARRAY: usize = 32;

/// Types of the user's, each where it was written first, and which of them each method has. The compiler drops an error that it
/// has reported already, so all that is said of one type has to be said of the same place.
#[derive(Default)]
pub(super) struct Types<'a> {
    types: Vec<(String, Type)>,
    methods: Vec<(&'a Method, Vec<usize>)>,
    /// Those of the method that is looked at.
    found: Vec<usize>,
}

impl<'a> Types<'a> {
    /// The types of the methods that the compiler has to be asked about.
    pub(super) fn of(methods: impl Iterator<Item = &'a Method>) -> Self {
        let mut types = Self::default();
        for method in methods {
            for arg in method.encoded() {
                match &arg.kind {
                    ArgKind::Lent(ty) => types.add(ty),
                    _ => types.add(&arg.ty),
                }
            }
            match &method.answer {
                Answer::Nothing => {}
                Answer::Plain(ty) => types.add(ty),
                Answer::Fallible { ok, error } => {
                    // What an alias stands for in a success is mostly what it was given.
                    match alias(ok) {
                        Some(alias) => type_args(alias).into_iter().for_each(|ty| types.add(ty)),
                        None => types.add(ok),
                    }
                    types.add(error);
                }
                Answer::Stream { item, error } => {
                    types.add(item);
                    error.iter().for_each(|ty| types.add(ty));
                }
            }
            let mut found = std::mem::take(&mut types.found);
            found.sort_unstable();
            found.dedup();
            types.methods.push((method, found));
        }
        types
    }

    /// The types of one method, in the order in which they were written first.
    fn in_method(&self, method: &Method) -> impl Iterator<Item = &Type> {
        let found = self.methods.iter().find(|(other, _)| std::ptr::eq(*other, method));
        found.into_iter().flat_map(|(_, found)| found).map(|&index| &self.types[index].1)
    }

    /// Adds what is in a type and is neither known nor borrowed: so an error is about what lacks something.
    fn add(&mut self, ty: &Type) {
        match ungrouped(ty) {
            Type::Reference(reference) => self.add(&reference.elem),
            Type::Slice(slice) => self.add(&slice.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| self.add(ty)),
            Type::Array(array) if is_short(&array.len) => self.add(&array.elem),
            Type::Path(path) if ends_in(path, &KNOWN) => {}
            Type::Path(path) if ends_in(path, &CONTAINERS) => {
                type_args(path).into_iter().for_each(|ty| self.add(ty));
            }
            // What borrows is decoded for one lifetime, and `Sent` is about all; placeholders are refused.
            ty if borrows_or_infers(ty.to_token_stream()) => {}
            ty => {
                let text = ty.to_token_stream().to_string();
                let known = self.types.iter().position(|(other, _)| *other == text);
                self.found.push(known.unwrap_or(self.types.len()));
                if known.is_none() {
                    self.types.push((text, ty.clone()));
                }
            }
        }
    }
}

/// `<KvError as Sent>::over(&self.caller)`, for all types of a method, if there are any.
pub(super) fn over(items: &Items<'_>, method: &Method, carrier: &TokenStream) -> Option<TokenStream> {
    let krate = items.krate;
    items.sent.in_method(method).fold(None, |inner, ty| {
        let carrier = inner.as_ref().unwrap_or(carrier);
        let (first, last) = ends(ty);
        // The call lies exactly where the type does, so what is said of either is the same error.
        let open = quote_spanned!(first=> <);
        let call = quote_spanned!(last=> ::over(#carrier));
        Some(quote!(#open #ty as #krate::__private::Sent> #call))
    })
}

/// The alias whose success this is, as the model has it.
fn alias(ok: &Type) -> Option<&TypePath> {
    let Type::Path(TypePath { qself: Some(alias), path, .. }) = ok else { return None };
    let is_ours = path.segments.iter().any(|segment| segment.ident == words::FALLIBLE);
    match &*alias.ty {
        Type::Path(alias) if is_ours => Some(alias),
        _ => None,
    }
}

/// Whether a path is one of the standard library's names, wherever it is found.
fn ends_in(path: &TypePath, names: &[&str]) -> bool {
    names.iter().any(|name| last_is(path, name))
}

fn is_short(len: &Expr) -> bool {
    match len {
        Expr::Lit(ExprLit { lit: Lit::Int(len), .. }) => {
            len.base10_parse::<usize>().is_ok_and(|len| len <= LONGEST_ARRAY)
        }
        _ => false,
    }
}

fn borrows_or_infers(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == "_",
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => borrows_or_infers(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn what_is_known_or_borrows_is_not_asked_for() {
        let mut types = Types::default();
        let known: [Type; 6] = [
            parse_quote!(&str),
            parse_quote!(Option<&[u8]>),
            parse_quote!((u32, std::string::String)),
            parse_quote!([u8; 32]),
            parse_quote!(Cow<'_, [f64]>),
            parse_quote!(Borrowed<'_>),
        ];
        known.iter().for_each(|ty| types.add(ty));
        assert!(types.types.is_empty());

        let asked: [Type; 5] = [
            parse_quote!(&[Value]),
            parse_quote!(Vec<Option<Value>>),
            parse_quote!((u8, Page<Value>)),
            parse_quote!([u8; 33]),
            parse_quote!(std::io::Error),
        ];
        asked.iter().for_each(|ty| types.add(ty));
        let texts: Vec<&str> = types.types.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["Value", "Page < Value >", "[u8 ; 33]", "std :: io :: Error"]);
    }
}
