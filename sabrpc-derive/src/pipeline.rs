//! The whole way from tokens to tokens: parse, check, generate. It works on `proc_macro2`, so that tests can run it
//! without a compiler.

use crate::args::Args;
use crate::ctxt::Ctxt;
use crate::model::Service;
use crate::{check, expand, input};
use proc_macro2::TokenStream;
use quote::quote;

/// What `#[sab_service(args)] item` becomes: the item, and either what is made from it or the errors. With errors in
/// single methods, everything is made from the others.
pub(crate) fn run(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut ctxt = Ctxt::new();
    let args = Args::read(args, &mut ctxt);
    let generated = match input::read(item.clone(), &mut ctxt) {
        Some(item) => {
            let mut service = Service::new(args, item, &mut ctxt);
            let is_sound = check::service(&mut service, &mut ctxt);
            input::repair(&mut service.item);
            // Without a method there is nothing to make an enum of.
            if is_sound && service.methods.iter().any(|method| method.sound) {
                expand::service(&service)
            } else {
                expand::trait_item(&service)
            }
        }
        None => item,
    };
    let errors = ctxt.finish().map(syn::Error::into_compile_error);
    quote!(#errors #generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_generated() {
        let output = run(
            quote!(unknown),
            quote! {
                trait Kv {
                    #[op(id = 70_000, id = 2)]
                    fn get(&mut self, key: &dyn Key) -> &str;
                    fn put(&self, key: String);
                }
            },
        )
        .to_string();
        assert_eq!(output.matches("compile_error").count(), 6, "{output}");
        assert!(output.contains("fn get (& mut self"), "the trait is given back as written: {output}");
        assert!(!output.contains("KvOp :: Get"), "a broken method is left out: {output}");
        assert!(output.contains("KvOp :: Put"), "a sound method is generated: {output}");
        assert!(!output.contains("# [op"), "the attribute is gone: {output}");
    }

    #[test]
    fn fifty_methods_take_no_time() {
        let methods = (0..50).map(|number| {
            let name = quote::format_ident!("method_{number}");
            quote! {
                /// What it does.
                async fn #name(&self, file: FileId, path: &str, data: BulkIn<'_>) -> Result<Vec<u8>, VfsError>;
            }
        });
        let item = quote!(pub trait Wide { #(#methods)* });
        assert!(run(quote!(), item.clone()).to_string().contains("Method49"));
        // Without optimisation, as cargo builds a macro for its users. The best of some tries is what a machine can do
        // that is left alone.
        let mut tries = std::iter::repeat_with(|| {
            let start = std::time::Instant::now();
            drop(run(quote!(), item.clone()));
            start.elapsed()
        });
        let mut best = std::time::Duration::MAX;
        let is_fast = tries.by_ref().take(200).any(|took| {
            best = best.min(took);
            took < std::time::Duration::from_millis(50)
        });
        assert!(is_fast, "{best:?} at best");
    }

    #[test]
    fn everything_is_named_through_the_given_crate() {
        let item = quote! {
            trait Kv {
                fn get(&self, key: &str, out: BulkOut<'_>) -> io::Result<u32>;
                #[op(oneway)]
                async fn put(&self, key: String, data: BulkIn<'_>);
            }
        };
        let output = run(quote!(crate = "my_app::rpc"), item).to_string();
        assert!(output.contains("my_app :: rpc :: Frame"), "{output}");
        assert!(!output.contains("sabrpc"), "{output}");
    }

    #[test]
    fn what_is_no_trait_comes_back_with_one_error() {
        for item in [
            quote!(impl Kv for Store {}),
            quote!(
                struct Kv;
            ),
            quote!(
                fn kv() {}
            ),
            quote!(
                trait Kv = Other;
            ),
            quote!(
                macro_rules! kv {
                    () => {};
                }
            ),
            quote!(1 + 1),
            quote!(),
        ] {
            let output = run(quote!(), item.clone()).to_string();
            assert_eq!(output.matches("compile_error").count(), 1, "{output}");
            assert!(output.ends_with(&item.to_string()), "{output}");
        }
    }
}
