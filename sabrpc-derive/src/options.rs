//! Lists of options, `key = value` or `key`, as both attributes take them.
//!
//! The reader never stops at a mistake: it reports it, skips to the next comma and goes on, so that one build shows all
//! of them. What the keys mean is for `args` and `attrs` to say.

use crate::ctxt::Ctxt;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::time::Duration;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitInt, LitStr, Token};

/// One option as written.
pub(crate) struct Opt {
    /// The word before the `=`.
    pub(crate) key: Ident,
    /// What follows the `=`; `None` if there is no `=`.
    pub(crate) value: Option<TokenStream>,
}

/// Reads `tokens` as a list of options. `forms` names the legal ones for messages; a key that comes twice is reported
/// and its second value dropped.
pub(crate) fn read(tokens: TokenStream, forms: &str, ctxt: &mut Ctxt) -> Vec<Opt> {
    let mut options: Vec<Opt> = Vec::new();
    let list = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match one(input, forms) {
                Ok(option) if options.iter().any(|other| other.key == option.key) => {
                    let key = &option.key;
                    ctxt.error(key, format!("`{key}` is given twice: leave one of them"));
                }
                Ok(option) => options.push(option),
                Err(error) => {
                    ctxt.push(error);
                    until_comma(input);
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = list.parse2(tokens) {
        ctxt.push(error);
    }
    options
}

/// One option up to the comma or the end.
fn one(input: ParseStream<'_>, forms: &str) -> syn::Result<Opt> {
    let Ok(key) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected an option, one of {forms}")));
    };
    let value = if input.is_empty() || input.peek(Token![,]) {
        None
    } else if input.parse::<Token![=]>().is_ok() {
        Some(until_comma(input))
    } else {
        return Err(input.error(format!("expected `=` or `,` after `{key}`: the options are {forms}")));
    };
    Ok(Opt { key, value })
}

fn until_comma(input: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => token.to_tokens(&mut tokens),
            Err(_) => break,
        }
    }
    tokens
}

impl Opt {
    /// The value as a string literal. `example` is a whole option that would be right.
    pub(crate) fn string(&self, example: &str, ctxt: &mut Ctxt) -> Option<LitStr> {
        self.literal("a string", example, ctxt)
    }

    /// The value as an unsigned integer literal.
    pub(crate) fn integer(&self, example: &str, ctxt: &mut Ctxt) -> Option<LitInt> {
        self.literal("a number", example, ctxt)
    }

    /// The value as a span of time in a string literal: `"500ms"`.
    pub(crate) fn duration(&self, example: &str, ctxt: &mut Ctxt) -> Option<Duration> {
        let literal = self.string(example, ctxt)?;
        let duration = duration(&literal.value());
        if duration.is_none() {
            ctxt.error(
                &literal,
                "this is not a span of time: write a whole number above 0 with `us`, `ms`, `s` or `min` behind it, \
                 like `\"500ms\"`",
            );
        }
        duration
    }

    /// Reports a value where none belongs.
    pub(crate) fn flag(&self, ctxt: &mut Ctxt) {
        if let Some(value) = &self.value {
            let key = &self.key;
            let whole = if value.is_empty() { key.to_token_stream() } else { value.clone() };
            ctxt.error(whole, format!("`{key}` takes no value: write just `{key}`"));
        }
    }

    fn literal<T: syn::parse::Parse>(&self, kind: &str, example: &str, ctxt: &mut Ctxt) -> Option<T> {
        let message = || {
            let key = &self.key;
            format!("`{key}` needs {kind}, written out: `{example}`")
        };
        match &self.value {
            Some(value) if !value.is_empty() => match syn::parse2(value.clone()) {
                Ok(literal) => Some(literal),
                Err(_) => {
                    ctxt.error(value, message());
                    None
                }
            },
            _ => {
                ctxt.error(&self.key, message());
                None
            }
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number = number.parse::<u32>().ok().filter(|number| *number > 0)?;
    let one = match unit.trim_start() {
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "min" => Duration::from_secs(60),
        _ => return None,
    };
    one.checked_mul(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn spans_of_time_are_read() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2 s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("7us"), Some(Duration::from_micros(7)));
        assert_eq!(duration("4294967295min"), Some(Duration::from_secs(60 * 4_294_967_295)));
        for wrong in ["", "5", "ms", "0s", "-1s", "1.5s", "5 h", "4294967296s", "5ms!"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    fn messages(tokens: TokenStream) -> (Vec<String>, Vec<String>) {
        let mut ctxt = Ctxt::new();
        let keys = read(tokens, "`id`", &mut ctxt).iter().map(|option| option.key.to_string()).collect();
        let errors = ctxt.finish().into_iter().flatten();
        (keys, errors.map(|error| error.to_string()).collect())
    }

    #[test]
    fn a_list_may_end_in_a_comma() {
        let (keys, errors) = messages(quote!(id = 1, crate = "x", oneway,));
        assert_eq!(keys, ["id", "crate", "oneway"]);
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn reading_goes_on_after_a_mistake() {
        let (keys, errors) = messages(quote!(= 3, id = 1, 7, id = 2, name("x"), oneway));
        assert_eq!(keys, ["id", "oneway"]);
        assert_eq!(
            errors,
            [
                "expected an option, one of `id`",
                "expected an option, one of `id`",
                "`id` is given twice: leave one of them",
                "expected `=` or `,` after `name`: the options are `id`",
            ]
        );
    }
}
