//! Calls of methods whose bytes are whole parameters or the whole result.
//!
//! Passed dynamically, a byte takes forty bytes of host memory and seventy times the time. Static types do not
//! have that cost, but must be known when this crate is compiled: so this file holds the signatures that such
//! methods mostly have.

use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};
use wire::value::Value;
use wire::value::method::{Signature, Type, TypeRef};

use crate::sandbox::run::guest::Guest;
use crate::sandbox::run::values::Mismatch;

/// Calls a function through static types.
pub(in crate::sandbox) type TypedCall =
    for<'a> fn(&'a mut Store<Guest>, Func, Vec<Value>) -> BoxFuture<'a, wasmtime::Result<Option<Value>>>;

/// The places in a signature at which bytes are passed fast, in words for messages.
pub(in crate::sandbox) const SIGNATURES: &str = "whole parameters beside strings, or a whole result";

/// The call through static types for this method; `None` where there is none, or no bytes that would gain by it.
pub(in crate::sandbox) fn typed_call(method: Signature<'_>) -> Option<TypedCall> {
    let calls = without_bytes::<()>(method)
        .or_else(|| without_bytes::<(String,)>(method))
        .or_else(|| without_bytes::<(u32,)>(method))
        .or_else(|| without_bytes::<(u64,)>(method))
        .or_else(|| with_bytes::<(Vec<u8>,)>(method))
        .or_else(|| with_bytes::<(String, Vec<u8>)>(method))
        .or_else(|| with_bytes::<(Vec<u8>, String)>(method));
    calls.filter(|_| method.not_callable.is_none())
}

/// Looks for the method's result among those that have bytes themselves, since the parameters have none.
fn without_bytes<P: Parameters>(method: Signature<'_>) -> Option<TypedCall> {
    entry::<P, (Vec<u8>,)>(method).or_else(|| entry::<P, (Result<Vec<u8>, String>,)>(method))
}

/// Looks for the method's result among all kinds, since the parameters have bytes.
fn with_bytes<P: Parameters>(method: Signature<'_>) -> Option<TypedCall> {
    without_bytes::<P>(method)
        .or_else(|| entry::<P, ()>(method))
        .or_else(|| entry::<P, (String,)>(method))
        .or_else(|| entry::<P, (u64,)>(method))
        .or_else(|| entry::<P, (Result<(), String>,)>(method))
        .or_else(|| entry::<P, (Result<String, String>,)>(method))
        .or_else(|| entry::<P, (Result<u64, String>,)>(method))
}

/// The call through this static signature; `None` where it is not the method's.
fn entry<P: Parameters, R: Results>(method: Signature<'_>) -> Option<TypedCall> {
    let params: Vec<TypeRef<'_>> = method.params().map(|(_, ty)| ty).collect();
    (P::are(&params) && R::is(method.result())).then_some(call::<P, R> as TypedCall)
}

/// Calls a function whose types were found to be these.
///
/// The engine checks the types once more, so a mistake in the table is an error and no confusion.
fn call<P: Parameters, R: Results>(
    store: &mut Store<Guest>,
    function: Func,
    arguments: Vec<Value>,
) -> BoxFuture<'_, wasmtime::Result<Option<Value>>> {
    Box::pin(async move {
        let function = function.typed::<P, R>(&*store)?;
        let arguments = P::from_values(arguments).ok_or(Mismatch)?;
        Ok(function.call_async(store, arguments).await?.into_value())
    })
}

/// All parameters of a function.
trait Parameters: ComponentNamedList + Lower + Send + Sync + Sized + 'static {
    /// Whether the parameters have these types.
    fn are(types: &[TypeRef<'_>]) -> bool;
    /// The parameters from one value each; `None` where they are not of these types.
    fn from_values(values: Vec<Value>) -> Option<Self>;
}

impl Parameters for () {
    fn are(types: &[TypeRef<'_>]) -> bool {
        types.is_empty()
    }

    fn from_values(values: Vec<Value>) -> Option<Self> {
        values.is_empty().then_some(())
    }
}

impl<A: Argument> Parameters for (A,) {
    fn are(types: &[TypeRef<'_>]) -> bool {
        matches!(types, [a] if A::is(*a))
    }

    fn from_values(values: Vec<Value>) -> Option<Self> {
        let [a] = <[Value; 1]>::try_from(values).ok()?;
        Some((A::from_value(a)?,))
    }
}

impl<A: Argument, B: Argument> Parameters for (A, B) {
    fn are(types: &[TypeRef<'_>]) -> bool {
        matches!(types, [a, b] if A::is(*a) && B::is(*b))
    }

    fn from_values(values: Vec<Value>) -> Option<Self> {
        let [a, b] = <[Value; 2]>::try_from(values).ok()?;
        Some((A::from_value(a)?, B::from_value(b)?))
    }
}

/// What a function returns: nothing, or one value.
trait Results: ComponentNamedList + Lift + Send + Sync + 'static {
    /// Whether the result has this type, which is `None` where nothing is returned.
    fn is(ty: Option<TypeRef<'_>>) -> bool;
    /// The value that was returned; `None` where nothing was.
    fn into_value(self) -> Option<Value>;
}

impl Results for () {
    fn is(ty: Option<TypeRef<'_>>) -> bool {
        ty.is_none()
    }

    fn into_value(self) -> Option<Value> {
        None
    }
}

impl<A: StaticType + Lift> Results for (A,) {
    fn is(ty: Option<TypeRef<'_>>) -> bool {
        ty.is_some_and(A::is)
    }

    fn into_value(self) -> Option<Value> {
        Some(self.0.into_value())
    }
}

/// A static type to which a variant of [`Value`] belongs.
trait StaticType: Send + Sync + 'static {
    /// Whether this is the WIT type of the static type.
    fn is(ty: TypeRef<'_>) -> bool;
    /// The value that carries it.
    fn into_value(self) -> Value;
}

/// A static type that a value can be turned into.
trait Argument: StaticType + Lower + Sized {
    /// The contents of a value; `None` where it is of another type.
    fn from_value(value: Value) -> Option<Self>;
}

/// Tells for a static type by what its WIT type is known, and which variant of [`Value`] carries it.
macro_rules! part {
    ($rust:ty, $is:expr, $variant:ident($number:ty)) => {
        impl StaticType for $rust {
            fn is(ty: TypeRef<'_>) -> bool {
                $is(ty)
            }

            fn into_value(self) -> Value {
                Value::$variant(<$number>::from(self))
            }
        }

        impl Argument for $rust {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }
    };
}

part!(Vec<u8>, TypeRef::is_bytes, Bytes(Vec<u8>));
part!(String, |ty: TypeRef<'_>| *ty.kind() == Type::String, String(String));
part!(u32, |ty: TypeRef<'_>| *ty.kind() == Type::U32, Unsigned(u64));
part!(u64, |ty: TypeRef<'_>| *ty.kind() == Type::U64, Unsigned(u64));

impl<A: StaticType> StaticType for Result<A, String> {
    fn is(ty: TypeRef<'_>) -> bool {
        matches!(ty.kind(), Type::Result(Some(ok), Some(err)) if A::is(ty.part(*ok)) && String::is(ty.part(*err)))
    }

    fn into_value(self) -> Value {
        Value::Result(match self {
            Ok(value) => Ok(Some(Box::new(value.into_value()))),
            Err(text) => Err(Some(Box::new(Value::String(text)))),
        })
    }
}

impl StaticType for Result<(), String> {
    fn is(ty: TypeRef<'_>) -> bool {
        matches!(ty.kind(), Type::Result(None, Some(err)) if String::is(ty.part(*err)))
    }

    fn into_value(self) -> Value {
        Value::Result(self.map(|()| None).map_err(|text| Some(Box::new(Value::String(text)))))
    }
}
