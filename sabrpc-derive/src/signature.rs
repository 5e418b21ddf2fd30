//! A method's signature as text, for the table of operations and for the schema hash.
//!
//! Both ends of a channel may be built at different times from differently formatted sources, so the text is made here,
//! token by token, and not by the compiler's printer: it does not depend on spacing, trailing commas, lifetimes or
//! argument names, none of which the wire knows.

use crate::model::{Arg, ArgKind};
use crate::words;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ReturnType, Type};

/// `(&str, u32) -> Result<FileId, VfsError>`
pub(crate) fn text(args: &[Arg], output: &ReturnType) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|arg| match arg.kind {
            ArgKind::BulkIn => words::BULK_IN.to_owned(),
            ArgKind::BulkOut => words::BULK_OUT.to_owned(),
            _ => type_text(&arg.ty),
        })
        .collect();
    let mut text = format!("({})", args.join(", "));
    if let ReturnType::Type(_, ty) = output {
        text.push_str(" -> ");
        text.push_str(&type_text(ty));
    }
    text
}

/// One type, as a person would write it.
pub(crate) fn type_text(ty: &Type) -> String {
    let mut tokens = Vec::new();
    flatten(ty.to_token_stream(), &mut tokens);
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
}
