//! What the model makes of arguments, answers and options.

use super::*;
use proc_macro2::TokenStream;

/// A type without spaces.
fn compact(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}

fn model(item: ItemTrait) -> Service {
    let mut ctxt = Ctxt::new();
    let args = Args::read(TokenStream::new(), &mut ctxt);
    let service = Service::new(args, item, &mut ctxt);
    assert!(ctxt.finish().is_none());
    service
}

#[test]
fn arguments_travel_by_their_types() {
    let service = model(parse_quote! {
        trait Kv {
            fn all(&self, a: u8, b: &str, c: &[u8], d: &Key, e: &[Key], f: rpc::BulkIn<'_>, g: BulkOut);
        }
    });
    let kinds = service.methods[0].args.iter().map(|arg| match &arg.kind {
        ArgKind::AsWritten => "as written".to_owned(),
        ArgKind::Lent(ty) => compact(ty),
        ArgKind::BulkIn => "in".to_owned(),
        ArgKind::BulkOut => "out".to_owned(),
    });
    let expected = ["as written", "as written", "as written", "Key", "::std::vec::Vec<Key>", "in", "out"];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}

#[test]
fn answers_are_told_by_their_names() {
    let service = model(parse_quote! {
        trait Kv {
            fn nothing(&self);
            fn unit(&self) -> ();
            fn plain(&self) -> Answer<u8>;
            fn fallible(&self) -> std::result::Result<u8, Error>;
            fn alias(&self) -> io::Result<u8>;
            fn stream(&self) -> Stream<u8>;
            fn stream_or_error(&self) -> Result<sabrpc::Stream<u8>, Error>;
        }
    });
    let answers = service.methods.iter().map(|method| match &method.answer {
        Answer::Nothing => "nothing".to_owned(),
        Answer::Plain(ty) => compact(ty),
        Answer::Fallible { ok, error } => {
            format!("{} or {}", compact(ok), compact(error))
        }
        Answer::Stream { item, error } => {
            let error = error.as_ref().map_or_else(String::new, |ty| compact(ty));
            format!("{}s {error}", compact(item))
        }
    });
    let behind = |name| format!("<io::Result<u8>as::sabrpc::__private::Fallible>::{name}");
    let alias = format!("{} or {}", behind("Ok"), behind("Err"));
    let expected = ["nothing", "nothing", "Answer<u8>", "u8 or Error", &alias, "u8s ", "u8s Error"];
    assert_eq!(answers.collect::<Vec<_>>(), expected);
}

#[test]
fn ids_go_on_from_the_method_above() {
    let service = model(parse_quote! {
        trait Kv {
            fn a(&self);
            #[op(id = 7, name = "xB")]
            fn b(&self);
            fn c(&self);
        }
    });
    let ids = service.methods.iter().map(|method| (method.id, method.name.as_str()));
    assert_eq!(ids.collect::<Vec<_>>(), [(0, "a"), (7, "xB"), (8, "c")]);
    assert!(service.item.items.iter().all(|item| !item.to_token_stream().to_string().contains("op (")));
}
