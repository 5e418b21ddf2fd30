//! Names that are made from other names.

use proc_macro2::{TokenStream, TokenTree};
use syn::Ident;
use syn::ext::IdentExt;

/// The variant that stands for a method: `read_all` becomes `ReadAll`, `xOpen` becomes `XOpen`.
pub(crate) fn variant(method: &Ident) -> Ident {
    let name = method.unraw().to_string();
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            // `a_1_2` and `a_12` stay apart, as rustc's own naming lint wants it.
            if first.is_numeric() && camel.ends_with(char::is_numeric) {
                camel.push('_');
            }
            camel.extend(first.to_uppercase());
            camel.push_str(chars.as_str());
        }
    }
    // `Self` cannot name a variant, nor can nothing, nor a digit.
    let made = match camel.as_str() {
        "Self" => syn::parse_str("Self_"),
        _ => syn::parse_str::<Ident>(&camel),
    };
    let mut ident =
        made.or_else(|_| syn::parse_str(&format!("Op{camel}"))).unwrap_or_else(|_| method.clone());
    ident.set_span(method.span());
    ident
}

/// A rule by which names of operations are made from names of methods; the same rules as serde's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rename {
    /// `read_all` becomes `readAll`.
    Camel,
    /// `ReadAll`.
    Pascal,
    /// `READ_ALL`.
    ScreamingSnake,
    /// `read-all`.
    Kebab,
}

impl Rename {
    const ALL: [(&str, Self); 4] = [
        ("camelCase", Self::Camel),
        ("PascalCase", Self::Pascal),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
    ];

    /// The rule of this name.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, rule)| rule)
    }

    /// The names of all rules, for messages.
    pub(crate) fn forms() -> String {
        Self::ALL.map(|(name, _)| format!("`\"{name}\"`")).join(", ")
    }

    /// The operation's name of a method.
    pub(crate) fn apply(self, method: &str) -> String {
        match self {
            Self::ScreamingSnake => method.to_uppercase(),
            Self::Kebab => method.replace('_', "-"),
            Self::Pascal | Self::Camel => {
                let mut made = String::with_capacity(method.len());
                for word in method.split('_') {
                    let mut chars = word.chars();
                    match chars.next() {
                        Some(first) if self == Self::Pascal || !made.is_empty() => {
                            made.extend(first.to_uppercase());
                        }
                        Some(first) => made.push(first),
                        None => {}
                    }
                    made.push_str(chars.as_str());
                }
                // Of a name of nothing but underscores nothing would be left.
                if made.is_empty() { method.to_owned() } else { made }
            }
        }
    }
}

/// Whether `name` occurs as a word anywhere in `tokens`.
pub(crate) fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{format_ident, quote};

    #[test]
    fn variants_are_camel_case_and_always_names() {
        let cases = [
            ("get", "Get"),
            ("read_all", "ReadAll"),
            ("xOpen", "XOpen"),
            ("r#type", "Type"),
            ("self_", "Self_"),
            ("_get", "Get"),
            ("a_1_2", "A1_2"),
            ("a_12", "A12"),
            ("_1", "Op1"),
            ("__", "Op"),
            ("öffnen", "Öffnen"),
        ];
        for (method, expected) in cases {
            let method = method
                .strip_prefix("r#")
                .map_or_else(|| format_ident!("{method}"), |raw| format_ident!("r#{raw}"));
            assert_eq!(variant(&method), expected);
        }
    }

    #[test]
    fn rules_make_names() {
        let all = |method| {
            ["camelCase", "PascalCase", "SCREAMING_SNAKE_CASE", "kebab-case"]
                .map(|rule| Rename::new(rule).unwrap().apply(method))
        };
        assert_eq!(all("read_all"), ["readAll", "ReadAll", "READ_ALL", "read-all"]);
        assert_eq!(all("_get"), ["get", "Get", "_GET", "-get"]);
        assert_eq!(all("__")[..3], ["__", "__", "__"]);
        assert_eq!(Rename::new("camel"), None);
    }

    #[test]
    fn words_are_found_inside_groups() {
        assert!(mentions(quote!(Vec<[(R, u8); 4]>), "R"));
        assert!(!mentions(quote!(Vec<Region>), "R"));
    }
}
