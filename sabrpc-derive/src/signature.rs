//! A method's signature as text: for people, in the table of operations, and for the schema hash.
//!
//! Both ends of a channel may be built at different times from differently formatted sources, so the text is made here,
//! token by token, and not by the compiler's printer: it does not depend on spacing, trailing commas or lifetimes. The
//! one for the hash does not depend either on what else the wire does not know, such as names of arguments.

use crate::model::{Arg, ArgKind, ungrouped};
use crate::words;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{GenericArgument, PathArguments, ReturnType, Type, TypePath};

/// `(path: &str, flags: u32) -> Result<FileId, VfsError>`
pub(crate) fn text(args: &[Arg], output: &ReturnType) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|arg| {
            let ty = match arg.kind {
                ArgKind::BulkIn => words::BULK_IN.to_owned(),
                ArgKind::BulkOut => words::BULK_OUT.to_owned(),
                _ => type_text(&arg.ty),
            };
            format!("{}: {ty}", arg.name.unraw())
        })
        .collect();
    let mut text = format!("({})", args.join(", "));
    if let ReturnType::Type(_, ty) = output {
        text.push_str(" -> ");
        text.push_str(&type_text(ty));
    }
    text
}

/// `(String, u32) -> Result<FileId, VfsError>`: what is encoded, every type spelled in one way. Bulk bytes are not.
pub(crate) fn wire(args: &[Arg], output: &ReturnType) -> String {
    let args: Vec<String> = args.iter().filter(|arg| !arg.is_bulk()).map(|arg| wire_type(&arg.ty)).collect();
    let mut text = format!("({})", args.join(", "));
    if let ReturnType::Type(_, ty) = output {
        let ty = wire_type(ty);
        if ty != "()" {
            text.push_str(" -> ");
            text.push_str(&ty);
        }
    }
    text
}

/// One type as the wire knows it: what is borrowed, boxed or named by its path in the standard library is encoded like
/// what is not.
fn wire_type(ty: &Type) -> String {
    match ungrouped(ty) {
        Type::Reference(reference) => wire_type(&reference.elem),
        Type::Slice(slice) => format!("Vec<{}>", wire_type(&slice.elem)),
        Type::Array(array) => {
            let len = text_of(array.len.to_token_stream());
            format!("[{}; {len}]", wire_type(&array.elem))
        }
        Type::Tuple(tuple) => {
            let types: Vec<String> = tuple.elems.iter().map(wire_type).collect();
            format!("({}{})", types.join(", "), if types.len() == 1 { "," } else { "" })
        }
        Type::Path(path) if path.qself.is_none() => wire_path(path),
        other => type_text(other),
    }
}

fn wire_path(path: &TypePath) -> String {
    let segments = &path.path.segments;
    let in_std = segments.len() > 1
        && segments
            .first()
            .is_some_and(|first| ["std", "core", "alloc"].iter().any(|std| first.ident == std));
    // A stream is known by its name, wherever that is found.
    let is_stream = segments.last().is_some_and(|last| last.ident == words::STREAM);
    let skipped = if in_std || is_stream { segments.len() - 1 } else { 0 };
    let mut text = String::new();
    for segment in segments.iter().skip(skipped) {
        let name = segment.ident.unraw().to_string();
        let args: Vec<String> = match &segment.arguments {
            PathArguments::AngleBracketed(list) => list.args.iter().filter_map(wire_generic).collect(),
            _ => Vec::new(),
        };
        if !text.is_empty() {
            text.push_str("::");
        }
        match (name.as_str(), args.as_slice()) {
            ("str", []) => text.push_str("String"),
            ("Cow" | "Box" | "Rc" | "Arc", [inner]) => text.push_str(inner),
            (_, []) => text.push_str(&name),
            (_, args) => text.push_str(&format!("{name}<{}>", args.join(", "))),
        }
    }
    text
}

fn wire_generic(arg: &GenericArgument) -> Option<String> {
    match arg {
        GenericArgument::Lifetime(_) => None,
        GenericArgument::Type(ty) => Some(wire_type(ty)),
        other => Some(text_of(other.to_token_stream())),
    }
}

/// One type, as a person would write it.
pub(crate) fn type_text(ty: &Type) -> String {
    text_of(ty.to_token_stream())
}

fn text_of(stream: TokenStream) -> String {
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    let tokens = without_noise(tokens);
    let mut text = String::new();
    for (i, token) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| tokens.get(i));
        if before.is_some_and(|before| space_between(before, token)) {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}

/// All tokens in order, delimiters included, `->` and `::` as one.
fn flatten(stream: TokenStream, out: &mut Vec<String>) {
    let mut joined = String::new();
    for tree in stream {
        match tree {
            TokenTree::Punct(punct) => {
                joined.push(punct.as_char());
                // A lifetime is a joint `'` before a word; `>` followed by `>` closes two lists.
                let joins = match punct.as_char() {
                    '\'' | '-' => true,
                    ':' => joined == ":" && punct.spacing() == Spacing::Joint,
                    _ => false,
                };
                if !joins {
                    out.push(std::mem::take(&mut joined));
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push(open.to_owned());
                flatten(group.stream(), out);
                out.push(close.to_owned());
            }
            other => {
                joined.push_str(&other.to_string());
                out.push(std::mem::take(&mut joined));
            }
        }
    }
}

/// Drops lifetimes with their commas, invisible delimiters, and commas that end a list of more than one.
fn without_noise(tokens: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for token in tokens {
        let is_noise = token.is_empty()
            || token.starts_with('\'')
            || (token == "," && kept.last().is_some_and(|last| last == "<" || last == "&"));
        if is_noise {
            continue;
        }
        let ends_list = kept.last().is_some_and(|last| last == ",")
            && (token == ">" || (token == ")" && !is_one_tuple(&kept)));
        if ends_list {
            kept.pop();
        }
        if token == ">" && kept.last().is_some_and(|last| last == "<") {
            kept.pop();
            continue;
        }
        kept.push(token);
    }
    kept
}

/// Whether the open parenthesis has seen its first comma just now: `(T,)` is a tuple and `(T)` is not.
fn is_one_tuple(tokens: &[String]) -> bool {
    let mut depth = 0_i32;
    let mut commas = 0;
    for token in tokens.iter().rev() {
        match token.as_str() {
            ")" | "]" | "}" | ">" => depth += 1,
            "(" if depth == 0 => break,
            "(" | "[" | "{" | "<" => depth -= 1,
            "," if depth == 0 => commas += 1,
            _ => {}
        }
    }
    commas == 1
}

fn space_between(before: &str, token: &str) -> bool {
    let is_word = |text: &str| text.starts_with(|c: char| c == '_' || c.is_alphanumeric());
    match (before, token) {
        (",", ")") => false,
        ("," | ";" | "->" | "=" | "+", _) | (_, "->" | "=" | "+") => true,
        (":", _) => true,
        _ => is_word(before) && is_word(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn types_read_as_written_by_hand() {
        let cases: [(Type, &str); 11] = [
            (parse_quote!(&str), "&str"),
            (parse_quote!(&[u8]), "&[u8]"),
            (parse_quote!(Result<Option<Vec<u8>>, KvError>), "Result<Option<Vec<u8>>, KvError>"),
            (parse_quote!(Result<(), E,>), "Result<(), E>"),
            (parse_quote!((u8, [u16; 4],)), "(u8, [u16; 4])"),
            (parse_quote!((u8,)), "(u8,)"),
            (parse_quote!(((u8, u8),)), "((u8, u8),)"),
            (parse_quote!(Cow<'_, str>), "Cow<str>"),
            (parse_quote!(Borrowed<'_>), "Borrowed"),
            (
                parse_quote!(::std::collections::BTreeMap<String, r#type>),
                "::std::collections::BTreeMap<String, r#type>",
            ),
            (parse_quote!(<A as B<C = D>>::E), "<A as B<C = D>>::E"),
        ];
        for (ty, text) in cases {
            assert_eq!(type_text(&ty), text);
        }
    }

    fn wire_of(function: syn::TraitItemFn) -> String {
        let mut ctxt = crate::ctxt::Ctxt::new();
        let args = crate::args::Args::read(TokenStream::new(), &mut ctxt);
        let service = crate::model::Service::new(args, parse_quote!(trait S { #function }), &mut ctxt);
        assert!(ctxt.finish().is_none());
        service.methods[0].wire()
    }

    #[test]
    fn what_the_wire_does_not_know_does_not_change_it() {
        let owned = wire_of(parse_quote!(
            fn f(&self, a: String, b: Vec<u8>, c: Vec<Key>, d: Key) -> Option<Key>;
        ));
        assert_eq!(owned, "(String, Vec<u8>, Vec<Key>, Key) -> Option<Key>");
        let same: [syn::TraitItemFn; 5] = [
            parse_quote!(
                fn g(&self, x: &str, y: &[u8], z: &[Key], w: &Key) -> Option<Key>;
            ),
            parse_quote!(
                async fn f(&self, a: &String, b: Cow<'_, [u8]>, c: Box<[Key]>, d: Box<Key>) -> (Option<Key>);
            ),
            parse_quote!(
                fn f(
                    &self,
                    a: std::string::String,
                    b: ::std::vec::Vec<u8>,
                    c: Vec<Key>,
                    d: Key,
                ) -> core::option::Option<Key>;
            ),
            parse_quote!(
                fn f(
                    &self,
                    a: String,
                    data: BulkIn<'_>,
                    b: Vec<u8>,
                    c: Vec<Key>,
                    d: Key,
                    out: BulkOut<'_>,
                ) -> Option<Key>;
            ),
            parse_quote!(
                fn f(&self, a: Cow<'_, str>, b: Vec<u8>, c: Vec<Key>, d: r#Key) -> Option<Box<Key>>;
            ),
        ];
        for function in same {
            assert_eq!(wire_of(function), owned);
        }
        assert_eq!(
            wire_of(parse_quote!(
                fn f(&self) -> ();
            )),
            wire_of(parse_quote!(
                fn f(&self);
            ))
        );
    }

    #[test]
    fn what_the_wire_knows_changes_it() {
        let functions: [syn::TraitItemFn; 15] = [
            parse_quote!(
                fn f(&self);
            ),
            parse_quote!(
                fn f(&self, a: u32);
            ),
            parse_quote!(
                fn f(&self, a: u64);
            ),
            parse_quote!(
                fn f(&self, a: u32, b: u64);
            ),
            parse_quote!(
                fn f(&self, b: u64, a: u32);
            ),
            parse_quote!(
                fn f(&self, a: Option<u32>);
            ),
            parse_quote!(
                fn f(&self, a: [u32; 2]);
            ),
            parse_quote!(
                fn f(&self, a: [u32; 3]);
            ),
            parse_quote!(
                fn f(&self, a: Vec<u32>);
            ),
            parse_quote!(
                fn f(&self, a: v1::Key);
            ),
            parse_quote!(
                fn f(&self, a: v2::Key);
            ),
            parse_quote!(
                fn f(&self) -> u32;
            ),
            parse_quote!(
                fn f(&self) -> Result<u32, Error>;
            ),
            parse_quote!(
                fn f(&self) -> Result<u32, Other>;
            ),
            parse_quote!(
                fn f(&self) -> Stream<u32>;
            ),
        ];
        let count = functions.len();
        let texts: std::collections::HashSet<String> = functions.into_iter().map(wire_of).collect();
        assert_eq!(texts.len(), count, "{texts:?}");
    }
}
