//! A service as the generator sees it: [`Service`], [`Method`] and [`Arg`], made from `syn`'s trait.
//!
//! Making the model reports only what is wrong inside one attribute. Whether the whole is a legal service is for
//! `check` to say; a model that passed has everything that `expand` needs.

use crate::args::Args;
use crate::attrs::{Carried, OpOptions};
use crate::ctxt::Ctxt;
use crate::{names, signature, words};
use proc_macro2::Span;
use quote::{ToTokens, format_ident, quote_spanned};
use std::time::Duration;
use syn::ext::IdentExt;
use syn::{
    Attribute, GenericArgument, Ident, ItemTrait, Pat, Path, PathArguments, ReturnType, Signature, TraitItem,
    Type, TypePath, parse_quote,
};

/// A trait under `#[sab_service]`.
pub(crate) struct Service {
    /// The trait as it is given back: without the attributes of this crate.
    pub(crate) item: ItemTrait,
    /// Where generated code finds the crate `sabrpc`.
    pub(crate) krate: Path,
    /// Its version, 0 if none.
    pub(crate) version: u32,
    /// How long a call may take whose operation does not say.
    pub(crate) deadline: Option<Duration>,
    /// The trait's attributes that generated items take over.
    pub(crate) carried: Carried,
    /// The methods in the order written.
    pub(crate) methods: Vec<Method>,
}

/// One method of the trait: one operation of the service.
pub(crate) struct Method {
    /// The signature as written.
    pub(crate) sig: Signature,
    /// The method's attributes that generated items take over.
    pub(crate) carried: Carried,
    /// The number on the wire.
    pub(crate) id: u32,
    /// Where the number was written; `None` if it is the one after the method above.
    pub(crate) id_span: Option<Span>,
    /// The name in tables and messages.
    pub(crate) name: String,
    /// Where that name was written, or the method's name.
    pub(crate) name_span: Span,
    /// Where `oneway` was written.
    pub(crate) oneway: Option<Span>,
    /// How long a call may take.
    pub(crate) deadline: Option<Duration>,
    /// The name in the enum of operations.
    pub(crate) variant: Ident,
    /// The arguments without `self`.
    pub(crate) args: Vec<Arg>,
    /// What comes back.
    pub(crate) answer: Answer,
    /// Whether no rule is broken; `check` decides.
    pub(crate) sound: bool,
}

/// One argument.
pub(crate) struct Arg {
    /// Its name; made up where the pattern is none.
    pub(crate) name: Ident,
    /// The pattern, where it is not a plain name.
    pub(crate) pattern: Option<Pat>,
    /// The type as written, without invisible groups around it.
    pub(crate) ty: Type,
    /// How it travels.
    pub(crate) kind: ArgKind,
    /// `#[cfg]` and the like on the argument itself.
    pub(crate) attrs: Vec<Attribute>,
}

/// How an argument travels.
pub(crate) enum ArgKind {
    /// Encoded; the server decodes the type as written, which may borrow from the request (`&str`, `&[u8]`).
    AsWritten,
    /// `&T`: the server decodes this type and lends it to the method.
    Lent(Box<Type>),
    /// `BulkIn<'_>`.
    BulkIn,
    /// `BulkOut<'_>`.
    BulkOut,
}

/// What a method answers.
pub(crate) enum Answer {
    /// Nothing, or `()`.
    Nothing,
    /// A value.
    Plain(Box<Type>),
    /// `Result<ok, error>`.
    Fallible {
        /// The type of success.
        ok: Box<Type>,
        /// The type of failure.
        error: Box<Type>,
    },
    /// `Stream<item>`, or a `Result` of one.
    Stream {
        /// The type of each item.
        item: Box<Type>,
        /// The type of failure, where the beginning may fail.
        error: Option<Box<Type>>,
    },
}

impl Service {
    /// Takes the service out of a trait and its attribute.
    pub(crate) fn new(args: Args, mut item: ItemTrait, ctxt: &mut Ctxt) -> Self {
        let carried = Carried::from(&item.attrs);
        let mut methods: Vec<Method> = Vec::new();
        for function in item.items.iter_mut().filter_map(|item| match item {
            TraitItem::Fn(function) => Some(function),
            _ => None,
        }) {
            // The compiler reports a name that is declared twice; the second would only add to that.
            let ident = &function.sig.ident;
            let is_new = methods.iter().all(|other| other.sig.ident != *ident);
            let options = OpOptions::take(&mut function.attrs, ctxt);
            if is_new {
                let next = methods.last().map_or(0, |last| last.id.saturating_add(1));
                let carried = Carried::from(&function.attrs);
                methods.push(Method::new(function.sig.clone(), carried, options, next, &args));
            }
        }
        let Args { krate, version, deadline, .. } = args;
        Self { item, krate, version, deadline, carried, methods }
    }

    /// The trait's name as shown to people.
    pub(crate) fn name(&self) -> String {
        self.item.ident.unraw().to_string()
    }

    /// Whether anything in the service is deprecated, so that generated uses of it must be silenced.
    pub(crate) fn has_deprecated(&self) -> bool {
        let on_method = |method: &Method| !method.carried.deprecated.is_empty();
        !self.carried.deprecated.is_empty() || self.methods.iter().any(on_method)
    }

    /// A name for a type parameter that no type of the service bears, nor the service itself: type parameters have no
    /// hygiene, so a type `R` of the user's would otherwise be taken for it.
    pub(crate) fn type_parameter(&self, wanted: &str) -> Ident {
        let mut name = wanted.to_owned();
        while self.item.ident == name
            || self.methods.iter().any(|method| {
                let mentions = |ty: &Type| names::mentions(ty.to_token_stream(), &name);
                let output = match &method.sig.output {
                    ReturnType::Type(_, ty) => mentions(ty),
                    ReturnType::Default => false,
                };
                output || method.args.iter().any(|arg| mentions(&arg.ty))
            })
        {
            name.insert(0, '_');
        }
        Ident::new(&name, Span::call_site())
    }
}

impl Method {
    fn new(sig: Signature, carried: Carried, options: OpOptions, next_id: u32, service: &Args) -> Self {
        let (id, id_span) = match options.id {
            Some((id, span)) => (id, Some(span)),
            None => (next_id, None),
        };
        let (name, name_span) = match options.name {
            Some(name) => (name.value(), name.span()),
            None => {
                let own = sig.ident.unraw().to_string();
                (service.rename.map_or_else(|| own.clone(), |rule| rule.apply(&own)), sig.ident.span())
            }
        };
        let args = sig
            .inputs
            .iter()
            .filter_map(|input| match input {
                syn::FnArg::Typed(arg) => Some(arg),
                syn::FnArg::Receiver(_) => None,
            })
            .enumerate()
            .map(|(index, arg)| Arg::new(index, arg))
            .collect();
        Self {
            id,
            id_span,
            name,
            name_span,
            oneway: options.oneway,
            deadline: options.deadline,
            variant: names::variant(&sig.ident),
            args,
            answer: Answer::new(&sig.output, &service.krate),
            carried,
            sound: true,
            sig,
        }
    }

    /// The arguments that are encoded, in order.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(|arg| !arg.is_bulk())
    }

    /// The arguments that travel into the server beside the encoding.
    pub(crate) fn bulk_in(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(|arg| matches!(arg.kind, ArgKind::BulkIn))
    }

    /// The arguments that travel back beside the encoding.
    pub(crate) fn bulk_out(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(|arg| matches!(arg.kind, ArgKind::BulkOut))
    }

    /// `(key: &str) -> Result<u32, Error>`
    pub(crate) fn signature(&self) -> String {
        signature::text(&self.args, &self.sig.output)
    }

    /// `(String) -> Result<u32, Error>`
    pub(crate) fn wire(&self) -> String {
        signature::wire(&self.args, &self.sig.output)
    }
}

impl Arg {
    fn new(index: usize, arg: &syn::PatType) -> Self {
        let (name, pattern) = match &*arg.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => (pat.ident.clone(), None),
            other => (format_ident!("arg{index}"), Some(other.clone())),
        };
        let ty = ungrouped(&arg.ty).clone();
        Self { name, pattern, kind: ArgKind::new(&ty), ty, attrs: arg.attrs.clone() }
    }

    /// Whether this argument travels beside the encoding.
    pub(crate) fn is_bulk(&self) -> bool {
        matches!(self.kind, ArgKind::BulkIn | ArgKind::BulkOut)
    }
}

impl ArgKind {
    fn new(ty: &Type) -> Self {
        match ty {
            Type::Path(path) if last_is(path, words::BULK_IN) => Self::BulkIn,
            Type::Path(path) if last_is(path, words::BULK_OUT) => Self::BulkOut,
            Type::Reference(reference) => match ungrouped(&reference.elem) {
                Type::Path(path) if path.path.is_ident("str") => Self::AsWritten,
                Type::Slice(slice) if is_byte(&slice.elem) => Self::AsWritten,
                Type::Slice(slice) => {
                    let elem = &slice.elem;
                    Self::Lent(parse_quote!(::std::vec::Vec<#elem>))
                }
                elem => Self::Lent(Box::new(elem.clone())),
            },
            _ => Self::AsWritten,
        }
    }
}

impl Answer {
    fn new(output: &ReturnType, krate: &Path) -> Self {
        let ReturnType::Type(_, ty) = output else {
            return Self::Nothing;
        };
        let ty = ungrouped(ty);
        let path = match ty {
            Type::Tuple(tuple) if tuple.elems.is_empty() => return Self::Nothing,
            Type::Path(path) => path,
            _ => return Self::Plain(Box::new(ty.clone())),
        };
        if let Some(item) = stream_item(ty) {
            return Self::Stream { item: Box::new(item.clone()), error: None };
        }
        if !last_is(path, words::RESULT) {
            return Self::Plain(Box::new(ty.clone()));
        }
        let args = type_args(path);
        // An alias such as `io::Result<T>`: only the compiler knows what it stands for.
        let (first, last) = ends(ty);
        let behind = |name: &str| -> Type {
            let (fallible, name) = (format_ident!("{}", words::FALLIBLE), Ident::new(name, last));
            let open = quote_spanned!(first=> <);
            parse_quote!(#open #ty as #krate::__private::#fallible>::#name)
        };
        let error = match args.as_slice() {
            [_, error] => (*error).clone(),
            _ => behind("Err"),
        };
        match args.as_slice() {
            [ok, ..] if stream_item(ok).is_some() => {
                let item = stream_item(ok).unwrap_or(ok).clone();
                Self::Stream { item: Box::new(item), error: Some(Box::new(error)) }
            }
            [ok, _] => Self::Fallible { ok: Box::new((*ok).clone()), error: Box::new(error) },
            _ => Self::Fallible { ok: Box::new(behind("Ok")), error: Box::new(error) },
        }
    }

    /// Whether it comes in many parts.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }
}

/// The type of the items, if the type is a `Stream<T>`.
pub(crate) fn stream_item(ty: &Type) -> Option<&Type> {
    match ungrouped(ty) {
        Type::Path(path) if last_is(path, words::STREAM) => match type_args(path).as_slice() {
            [item] => Some(*item),
            _ => None,
        },
        _ => None,
    }
}

/// The types in the angle brackets after the last word of a path.
pub(crate) fn type_args(path: &TypePath) -> Vec<&Type> {
    let Some(PathArguments::AngleBracketed(list)) = path.path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    let types = list.args.iter().filter_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ungrouped(ty)),
        _ => None,
    });
    types.collect()
}

/// Whether the path ends in `word`.
pub(crate) fn last_is(path: &TypePath, word: &str) -> bool {
    path.path.segments.last().is_some_and(|last| last.ident == word)
}

/// The type inside parentheses and the invisible groups that a `macro_rules!` leaves around what it was given.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

/// Where a type begins, and where it ends.
pub(crate) fn ends(ty: &Type) -> (Span, Span) {
    let mut spans = ty.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

fn is_byte(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(path) if path.path.is_ident("u8"))
}

#[cfg(test)]
mod tests;
