//! The attributes on a method and on the trait: `#[op(…)]` is read and taken away, the others stay on the trait, and
//! those that mean something for generated items are copied to them.

use crate::ctxt::Ctxt;
use crate::options::{self, Opt};
use crate::words;
use proc_macro2::Span;
use std::time::Duration;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, LitStr, Meta, Token, parse_quote};

/// What `#[op(…)]` says about a method.
#[derive(Default)]
pub(crate) struct OpOptions {
    /// `id = 7`, where it is in range.
    pub(crate) id: Option<(u32, Span)>,
    /// `name = "xOpen"`.
    pub(crate) name: Option<LitStr>,
    /// `oneway`: where it was written.
    pub(crate) oneway: Option<Span>,
    /// `deadline = "500ms"`.
    pub(crate) deadline: Option<Duration>,
}

/// The attributes that generated items take over from the item they are made from.
#[derive(Default)]
pub(crate) struct Carried {
    /// Doc comments.
    pub(crate) docs: Vec<Attribute>,
    /// `#[cfg]`: what is not there in the trait must not be there in its client.
    pub(crate) cfgs: Vec<Attribute>,
    /// `#[deprecated]`.
    pub(crate) deprecated: Vec<Attribute>,
    /// `#[allow]`, and `#[expect]` turned into it: a name that a lint may not complain about in the trait comes back in
    /// the client, but an expectation can be met only once.
    pub(crate) allows: Vec<Attribute>,
}

impl OpOptions {
    /// Takes every `#[op]` out of `attrs` and reads it.
    pub(crate) fn take(attrs: &mut Vec<Attribute>, ctxt: &mut Ctxt) -> Self {
        let mut options = Self::default();
        let mut seen = false;
        for attr in attrs.extract_if(.., |attr| attr.path().is_ident(words::OP)) {
            if seen {
                ctxt.error(
                    &attr,
                    "a second `#[op]` on one method: put all options into one list, `#[op(id = 7, name = \"xOpen\")]`",
                );
                continue;
            }
            seen = true;
            match attr.meta {
                Meta::List(list) if !list.tokens.is_empty() => {
                    for option in options::read(list.tokens, words::OP_FORMS, ctxt) {
                        options.set(&option, ctxt);
                    }
                }
                other => {
                    let message = format!(
                        "`#[op]` needs a list of options, `#[op(…)]` with one or more of {}; without options leave it out",
                        words::OP_FORMS
                    );
                    ctxt.error(other, message);
                }
            }
        }
        options
    }

    fn set(&mut self, option: &Opt, ctxt: &mut Ctxt) {
        let key = &option.key;
        if key == words::ID {
            let Some(literal) = option.integer("id = 7", ctxt) else {
                return;
            };
            match literal.base10_parse::<u32>() {
                Ok(id) if id <= words::MAX_ID && matches!(literal.suffix(), "" | "u16" | "u32") => {
                    self.id = Some((id, literal.span()));
                }
                _ => ctxt.error(
                    &option.value,
                    format!("operation ids go from 0 to {}: choose one of these", words::MAX_ID),
                ),
            }
        } else if key == words::NAME {
            let Some(literal) = option.string(r#"name = "xOpen""#, ctxt) else {
                return;
            };
            let name = literal.value();
            if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
                ctxt.error(
                    &literal,
                    "an operation's name stands in tables and messages: write a word without spaces, like `\"xOpen\"`",
                );
            } else {
                self.name = Some(literal);
            }
        } else if key == words::ONEWAY {
            option.flag(ctxt);
            self.oneway = Some(key.span());
        } else if key == words::DEADLINE {
            self.deadline = option.duration(r#"deadline = "500ms""#, ctxt);
        } else {
            let message = format!("unknown option `{key}`: `#[op]` takes {}", words::OP_FORMS);
            ctxt.error(key, message);
        }
    }
}

impl Carried {
    /// Picks from `attrs` what generated items take over.
    pub(crate) fn from(attrs: &[Attribute]) -> Self {
        let mut carried = Self::default();
        for attr in attrs {
            if attr.path().is_ident("cfg_attr") {
                carried.conditional(attr);
            } else if let Some(kind) = carried.kind(attr.path()) {
                kind.push(allow_instead_of_expect(attr.clone()));
            }
        }
        carried
    }

    /// `#[cfg_attr(predicate, …)]`: each attribute in it goes its own way, under the same predicate.
    fn conditional(&mut self, attr: &Attribute) {
        let list = Punctuated::<Meta, Token![,]>::parse_terminated;
        // What does not parse here is reported by the compiler, which sees the attribute on the trait.
        let Ok(metas) = attr.parse_args_with(list) else {
            return;
        };
        let mut metas = metas.into_iter();
        let Some(predicate) = metas.next() else {
            return;
        };
        for meta in metas {
            if let Some(kind) = self.kind(meta.path()) {
                let inner = allow_instead_of_expect(parse_quote!(#[#meta])).meta;
                kind.push(parse_quote!(#[cfg_attr(#predicate, #inner)]));
            }
        }
    }

    fn kind(&mut self, path: &syn::Path) -> Option<&mut Vec<Attribute>> {
        let word = path.get_ident()?.to_string();
        match word.as_str() {
            "doc" => Some(&mut self.docs),
            "cfg" => Some(&mut self.cfgs),
            "deprecated" => Some(&mut self.deprecated),
            "allow" | "expect" => Some(&mut self.allows),
            _ => None,
        }
    }

    /// The first paragraph of the doc comment, its lines joined.
    pub(crate) fn summary(&self) -> String {
        let lines = self.docs.iter().filter_map(|attr| match &attr.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(expr) => match &expr.lit {
                    Lit::Str(line) => Some(line.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let paragraph = text
            .lines()
            .map(str::trim)
            .skip_while(|line| line.is_empty())
            .take_while(|line| !line.is_empty());
        paragraph.collect::<Vec<_>>().join(" ")
    }
}

fn allow_instead_of_expect(mut attr: Attribute) -> Attribute {
    if attr.path().is_ident("expect")
        && let Meta::List(list) = &mut attr.meta
    {
        list.path = syn::Ident::new("allow", Span::call_site()).into();
    }
    attr
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn attrs(item: syn::TraitItemFn) -> Vec<Attribute> {
        item.attrs
    }

    #[test]
    fn op_is_taken_away_and_the_rest_stays() {
        let mut attrs = attrs(parse_quote! {
            /// Docs.
            #[op(id = 0x10, name = "xOpen", oneway, deadline = "3s")]
            #[inline]
            fn f(&self);
        });
        let mut ctxt = Ctxt::new();
        let options = OpOptions::take(&mut attrs, &mut ctxt);
        assert!(ctxt.finish().is_none());
        assert_eq!(options.id.map(|(id, _)| id), Some(16));
        assert_eq!(options.name.map(|name| name.value()).as_deref(), Some("xOpen"));
        assert!(options.oneway.is_some());
        assert_eq!(options.deadline, Some(Duration::from_secs(3)));
        assert_eq!(attrs.len(), 2);
    }

    #[test]
    fn an_expectation_becomes_an_allowance_and_conditions_are_kept() {
        let attrs = attrs(parse_quote! {
            #[expect(non_snake_case, reason = "as in C")]
            #[cfg_attr(windows, doc = "On Windows.", inline, cfg(unix))]
            fn f(&self);
        });
        let carried = Carried::from(&attrs);
        let text = |attrs: &[Attribute]| attrs[0].to_token_stream().to_string();
        assert_eq!(text(&carried.allows), r#"# [allow (non_snake_case , reason = "as in C")]"#);
        assert_eq!(text(&carried.docs), r#"# [cfg_attr (windows , doc = "On Windows.")]"#);
        assert_eq!(text(&carried.cfgs), "# [cfg_attr (windows , cfg (unix))]");
    }

    #[test]
    fn the_summary_is_the_first_paragraph() {
        let attrs = attrs(parse_quote! {
            /// Opens
            /// the file.
            ///
            /// More.
            fn f(&self);
        });
        assert_eq!(Carried::from(&attrs).summary(), "Opens the file.");
    }
}
