//! The arguments of the attribute on the trait: `#[sab_service(crate = "path")]`.

use crate::ctxt::Ctxt;
use crate::{options, words};
use proc_macro2::TokenStream;
use syn::{Path, parse_quote};

/// What the attribute says.
pub(crate) struct Args {
    /// Where generated code finds the crate `sabrpc`.
    pub(crate) krate: Path,
}

impl Args {
    /// Reads the tokens between the attribute's parentheses.
    pub(crate) fn read(tokens: TokenStream, ctxt: &mut Ctxt) -> Self {
        let mut krate: Path = parse_quote!(::sabrpc);
        for option in options::read(tokens, words::SERVICE_FORMS, ctxt) {
            if option.key != words::CRATE {
                let key = &option.key;
                let message =
                    format!("unknown option `{key}`: `#[{}]` takes {}", words::SERVICE, words::SERVICE_FORMS);
                ctxt.error(key, message);
                continue;
            }
            let Some(path) = option.string(r#"crate = "path::to::sabrpc""#, ctxt) else {
                continue;
            };
            match path.parse_with(Path::parse_mod_style) {
                Ok(path) => krate = path,
                Err(_) => ctxt.error(
                    &path,
                    "this is not a path to a crate or module: write for example `\"::my_app::sabrpc\"`",
                ),
            }
        }
        Self { krate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens, quote};

    fn read(tokens: TokenStream) -> (String, Vec<String>) {
        let mut ctxt = Ctxt::new();
        let args = Args::read(tokens, &mut ctxt);
        let errors = ctxt.finish().into_iter().flatten();
        (args.krate.to_token_stream().to_string(), errors.map(|error| error.to_string()).collect())
    }

    #[test]
    fn the_crate_is_found_by_its_name_unless_told_otherwise() {
        assert_eq!(read(quote!()), (":: sabrpc".into(), vec![]));
        assert_eq!(read(quote!(crate = "crate::rpc")), ("crate :: rpc".into(), vec![]));
    }

    #[test]
    fn wrong_arguments_are_reported_and_the_default_holds() {
        let (path, errors) = read(quote!(crate = 7, version = "1"));
        assert_eq!(path, ":: sabrpc");
        assert_eq!(
            errors,
            [
                "`crate` needs a string, written out: `crate = \"path::to::sabrpc\"`",
                "unknown option `version`: `#[sab_service]` takes `crate = \"path::to::sabrpc\"`",
            ]
        );
        let (_, errors) = read(quote!(crate = "a b"));
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
}
