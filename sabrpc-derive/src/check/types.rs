//! The rules that types of arguments and results have to keep, as far as they can be seen in the source.
//!
//! Whether a type can be encoded is known only to the compiler, which says so at the type when it meets the generated
//! code.

use crate::ctxt::Ctxt;
use crate::model::{Arg, last_is, stream_item, type_args, ungrouped};
use crate::words;
use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, PathArguments, ReturnType, Type, TypePath, TypeReference};

/// Checks one argument's type.
pub(super) fn check_arg(arg: &Arg, ctxt: &mut Ctxt) {
    if arg.is_bulk() {
        check_bulk_is_borrowed(&arg.ty, ctxt);
        return;
    }
    let mut walk = Walk { place: Place::Argument, ctxt };
    match &arg.ty {
        Type::Reference(reference) => walk.outermost(reference),
        other => walk.whole(other),
    }
}

/// Checks a result.
pub(super) fn check_result(output: &ReturnType, ctxt: &mut Ctxt) {
    if let ReturnType::Type(_, ty) = output {
        let mut walk = Walk { place: Place::Result, ctxt };
        let ty = ungrouped(ty);
        // A stream is the whole result, or what a `Result` has for success.
        match (stream_item(ty), ty) {
            (Some(item), _) => walk.whole(item),
            (None, Type::Path(path)) if last_is(path, words::RESULT) => match type_args(path).as_slice() {
                [ok, errors @ ..] if stream_item(ok).is_some() => {
                    stream_item(ok).into_iter().chain(errors.iter().copied()).for_each(|ty| walk.whole(ty));
                }
                _ => walk.whole(ty),
            },
            _ => walk.whole(ty),
        }
    }
}

/// Whether a `Result` is written with `()` as its success.
pub(super) fn answers_unit(output: &ReturnType) -> bool {
    let ReturnType::Type(_, ty) = output else {
        return true;
    };
    let Type::Path(path) = ungrouped(ty) else {
        return false;
    };
    let args = type_args(path);
    matches!(args.first(), Some(Type::Tuple(tuple)) if tuple.elems.is_empty())
}

/// Bulk bytes are a view of the call's own memory.
fn check_bulk_is_borrowed(ty: &Type, ctxt: &mut Ctxt) {
    let Type::Path(path) = ty else { return };
    let Some(PathArguments::AngleBracketed(list)) = path.path.segments.last().map(|last| &last.arguments)
    else {
        return;
    };
    for arg in &list.args {
        match arg {
            GenericArgument::Lifetime(lifetime) if lifetime.ident == "_" => {}
            other => ctxt.error(other, "bulk bytes last as long as the call: write `'_` here"),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Argument,
    Result,
}

/// Looks through a type for what cannot cross. It stops at the first mistake of each branch, so that one mistake is
/// reported once.
struct Walk<'a> {
    place: Place,
    ctxt: &'a mut Ctxt,
}

impl Walk<'_> {
    /// A reference that is the whole argument: the one place where any type may be borrowed.
    fn outermost(&mut self, reference: &TypeReference) {
        if self.refuse_mutable(reference) | self.refuse_lifetime(reference) {
            return;
        }
        match ungrouped(&reference.elem) {
            Type::Path(path) if is_bulk(path) => self.bulk_by_value(reference, path),
            Type::Slice(slice) => self.visit_type(&slice.elem),
            elem => self.visit_type(elem),
        }
    }

    /// A type that is the whole argument or result.
    fn whole(&mut self, ty: &Type) {
        if let Type::Slice(slice) = ty {
            let advice = match self.place {
                Place::Argument => "`&[T]` or `Vec<T>`",
                Place::Result => "`Vec<T>`",
            };
            self.ctxt.error(slice, format!("a slice has no size of its own: write {advice}"));
        } else {
            self.visit_type(ty);
        }
    }

    fn bulk_by_value(&mut self, reference: &TypeReference, path: &TypePath) {
        let word = bulk_word(path);
        self.ctxt.error(
            reference,
            format!("bulk bytes are a view already: write `{word}<'_>` without the reference"),
        );
    }

    fn refuse_mutable(&mut self, reference: &TypeReference) -> bool {
        let Some(token) = &reference.mutability else {
            return false;
        };
        match ungrouped(&reference.elem) {
            Type::Path(path) if is_bulk(path) => self.bulk_by_value(reference, path),
            Type::Slice(_) => self.ctxt.error(
                token,
                "a call cannot write into the caller's slice: write `BulkOut<'_>` for bytes, or return the values",
            ),
            _ => self.ctxt.error(
                token,
                "a call cannot change the caller's value: take it by value or `&`, and return the new one",
            ),
        }
        true
    }

    fn refuse_lifetime(&mut self, reference: &TypeReference) -> bool {
        match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => {
                self.ctxt.error(lifetime, "what is decoded lives as long as the call: leave `'static` out");
                true
            }
            _ => false,
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::ImplTrait(ty) => self.ctxt.error(
                ty,
                "both sides have to know the type: name it instead of `impl …`",
            ),
            Type::TraitObject(ty) => self.ctxt.error(
                ty,
                "a trait object cannot cross, as the other side does not know what is behind it: \
                 name the type, or make an enum of the possible ones",
            ),
            Type::FnPtr(ty) => self.ctxt.error(
                ty,
                "a function cannot cross, as the other side has its own code: \
                 send a value, and let the other side choose the function",
            ),
            Type::Ptr(ty) => self.ctxt.error(
                ty,
                "a pointer means nothing on the other side: send the value, or a handle that the service looks up",
            ),
            Type::Never(ty) => self.ctxt.error(
                ty,
                "a method that never returns cannot answer: return nothing, `()`",
            ),
            other => visit::visit_type(self, other),
        }
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let elem = ungrouped(&reference.elem);
        if self.place == Place::Result {
            let owned = match elem {
                Type::Path(path) if path.path.is_ident("str") => "`String`",
                Type::Slice(_) => "a `Vec`",
                _ => "the value itself",
            };
            self.ctxt.error(
                reference,
                format!("a result is decoded by the caller and cannot borrow: return {owned}"),
            );
            return;
        }
        if self.refuse_mutable(reference) | self.refuse_lifetime(reference) {
            return;
        }
        match elem {
            Type::Path(path) if path.path.is_ident("str") => {}
            Type::Slice(slice) if matches!(&*slice.elem, Type::Path(path) if path.path.is_ident("u8")) => {}
            Type::Slice(_) => self.ctxt.error(
                reference,
                "only `&str` and `&[u8]` can be borrowed inside another type: write `Vec<T>` here",
            ),
            _ => self.ctxt.error(
                reference.and_token,
                "only `&str` and `&[u8]` can be borrowed inside another type: leave this `&` out",
            ),
        }
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if let Some(first) = path.path.segments.first().filter(|first| first.ident == "Self") {
            self.ctxt.error(
                &first.ident,
                "the caller does not know the server's type: name a type that both sides know instead of `Self`",
            );
        } else if is_bulk(path) {
            let word = bulk_word(path);
            let message = match self.place {
                Place::Argument => format!("bulk bytes are an argument of their own: `data: {word}<'_>`"),
                Place::Result => {
                    "bulk bytes come back through an argument: take `out: BulkOut<'_>`, and return their number"
                        .to_owned()
                }
            };
            self.ctxt.error(path, message);
        } else if stream_item(&Type::Path(path.clone())).is_some() {
            self.ctxt.error(
                path,
                match self.place {
                    Place::Argument => {
                        "a stream goes from the server to its caller: take a `Vec<T>`, or one item in each of many \
                         one-way calls"
                    }
                    Place::Result => {
                        "a stream is a result of its own: return `Stream<T>` or `Result<Stream<T>, E>`"
                    }
                },
            );
        } else {
            visit::visit_type_path(self, path);
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        // A named lifetime is reported where it is declared, or by the compiler where it is declared nowhere.
        if self.place == Place::Result && lifetime.ident == "_" {
            self.ctxt.error(
                lifetime,
                "a result is decoded by the caller and cannot borrow: return an owned type, or write `'static`",
            );
        }
    }

    /// Expressions (the length of an array) are the compiler's concern.
    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}

fn is_bulk(path: &TypePath) -> bool {
    last_is(path, words::BULK_IN) || last_is(path, words::BULK_OUT)
}

fn bulk_word(path: &TypePath) -> &'static str {
    if last_is(path, words::BULK_IN) { words::BULK_IN } else { words::BULK_OUT }
}
