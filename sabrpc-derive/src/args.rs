//! The arguments of the attribute on the trait: `#[sab_service(crate = "path", …)]`.

use crate::ctxt::Ctxt;
use crate::names::Rename;
use crate::options::{self, Opt};
use crate::words;
use proc_macro2::TokenStream;
use std::time::Duration;
use syn::{Path, parse_quote};

/// What the attribute says.
pub(crate) struct Args {
    /// Where generated code finds the crate `sabrpc`.
    pub(crate) krate: Path,
    /// How names of operations are made.
    pub(crate) rename: Option<Rename>,
    /// The service's version, 0 if none.
    pub(crate) version: u32,
    /// How long a call may take whose operation does not say.
    pub(crate) deadline: Option<Duration>,
}

impl Args {
    /// Reads the tokens between the attribute's parentheses.
    pub(crate) fn read(tokens: TokenStream, ctxt: &mut Ctxt) -> Self {
        let mut args = Self { krate: parse_quote!(::sabrpc), rename: None, version: 0, deadline: None };
        for option in options::read(tokens, words::SERVICE_FORMS, ctxt) {
            args.set(&option, ctxt);
        }
        args
    }

    fn set(&mut self, option: &Opt, ctxt: &mut Ctxt) {
        let key = &option.key;
        if key == words::CRATE {
            let Some(path) = option.string(r#"crate = "path::to::sabrpc""#, ctxt) else {
                return;
            };
            match path.parse_with(Path::parse_mod_style) {
                Ok(path) => self.krate = path,
                Err(_) => ctxt.error(
                    &path,
                    "this is not a path to a crate or module: write for example `\"::my_app::sabrpc\"`",
                ),
            }
        } else if key == words::RENAME_ALL {
            let Some(rule) = option.string(r#"rename_all = "camelCase""#, ctxt) else {
                return;
            };
            self.rename = Rename::new(&rule.value());
            if self.rename.is_none() {
                ctxt.error(&rule, format!("this is no rule for names: choose one of {}", Rename::forms()));
            }
        } else if key == words::VERSION {
            let Some(version) = option.integer("version = 2", ctxt) else {
                return;
            };
            match version.base10_parse::<u32>() {
                Ok(number) if number > 0 && matches!(version.suffix(), "" | "u32") => self.version = number,
                _ => ctxt.error(&option.value, "versions go from 1 to 4294967295: choose one of these"),
            }
        } else if key == words::DEADLINE {
            self.deadline = option.duration(r#"deadline = "5s""#, ctxt);
        } else {
            let message =
                format!("unknown option `{key}`: `#[{}]` takes {}", words::SERVICE, words::SERVICE_FORMS);
            ctxt.error(key, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens, quote};

    fn read(tokens: TokenStream) -> (Args, Vec<String>) {
        let mut ctxt = Ctxt::new();
        let args = Args::read(tokens, &mut ctxt);
        let errors = ctxt.finish().into_iter().flatten();
        (args, errors.map(|error| error.to_string()).collect())
    }

    fn path(args: &Args) -> String {
        args.krate.to_token_stream().to_string()
    }

    #[test]
    fn the_crate_is_found_by_its_name_unless_told_otherwise() {
        assert_eq!(path(&read(quote!()).0), ":: sabrpc");
        assert_eq!(path(&read(quote!(crate = "crate::rpc")).0), "crate :: rpc");
    }

    #[test]
    fn the_other_options_are_read() {
        let (args, errors) = read(quote!(rename_all = "kebab-case", version = 3, deadline = "2min"));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(args.rename, Some(Rename::Kebab));
        assert_eq!(args.version, 3);
        assert_eq!(args.deadline, Some(Duration::from_secs(120)));
    }

    #[test]
    fn wrong_arguments_are_reported_and_the_default_holds() {
        let (args, errors) = read(quote!(crate = 7, color = "1"));
        assert_eq!(path(&args), ":: sabrpc");
        assert_eq!(
            errors,
            [
                "`crate` needs a string, written out: `crate = \"path::to::sabrpc\"`".to_owned(),
                format!("unknown option `color`: `#[sab_service]` takes {}", words::SERVICE_FORMS),
            ]
        );
        for wrong in [
            quote!(crate = "a b"),
            quote!(rename_all = "Camel"),
            quote!(version = 0),
            quote!(version = "2"),
            quote!(deadline = "soon"),
        ] {
            let (_, errors) = read(wrong);
            assert_eq!(errors.len(), 1, "{errors:?}");
        }
    }
}
