//! Calls of methods whose bytes are whole parameters or the whole result.
//!
//! Passed dynamically a byte takes forty bytes of host memory and seventy times its time. Static types do not
//! have that cost, but must be known when this is compiled: so this holds the signatures that such methods
//! mostly have.

use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};
use wire::signature::{Method, Type};
use wire::value::Value;

use super::guest::Guest;
use super::values::Mismatch;

/// Calls a function through static types.
pub(super) type TypedCall =
    for<'a> fn(&'a mut Store<Guest>, Func, Vec<Value>) -> BoxFuture<'a, wasmtime::Result<Option<Value>>>;

/// The signatures that bytes mostly come in, for messages.
pub(super) const SIGNATURES: &str = "whole parameters beside strings, or a whole result";

/// The call through static types for this method, where there is one and it has bytes to gain by.
pub(super) fn typed_call(method: &Method) -> Option<TypedCall> {
    let params: Vec<&Type> = method.params.iter().map(|(_, ty)| ty).collect();
    let bytes = Some(Vec::<u8>::ty());
    let given = match params[..] {
        [] => without_bytes::<()>(method),
        [Type::String] => without_bytes::<(String,)>(method),
        [Type::U32] => without_bytes::<(u32,)>(method),
        [Type::U64] => without_bytes::<(u64,)>(method),
        [first] if bytes.as_ref() == Some(first) => with_bytes::<(Vec<u8>,)>(method),
        [Type::String, second] if bytes.as_ref() == Some(second) => with_bytes::<(String, Vec<u8>)>(method),
        [first, Type::String] if bytes.as_ref() == Some(first) => with_bytes::<(Vec<u8>, String)>(method),
        _ => None,
    };
    given.filter(|_| method.not_callable.is_none())
}

/// Results that have bytes themselves.
fn without_bytes<P: Parameters>(method: &Method) -> Option<TypedCall> {
    first_that_fits(method, [entry::<P, (Vec<u8>,)>(), entry::<P, (Result<Vec<u8>, String>,)>()])
}

/// Results of any kind, since the parameters have bytes.
fn with_bytes<P: Parameters>(method: &Method) -> Option<TypedCall> {
    without_bytes::<P>(method).or_else(|| {
        let results = [
            entry::<P, ()>(),
            entry::<P, (String,)>(),
            entry::<P, (u64,)>(),
            entry::<P, (Result<(), String>,)>(),
            entry::<P, (Result<String, String>,)>(),
            entry::<P, (Result<u64, String>,)>(),
        ];
        first_that_fits(method, results)
    })
}

/// A result type, and the call that gives it.
type Entry = (Option<Type>, TypedCall);

/// The call whose result type is the method's.
fn first_that_fits(method: &Method, entries: impl IntoIterator<Item = Entry>) -> Option<TypedCall> {
    entries.into_iter().find(|(result, _)| *result == method.result).map(|(_, call)| call)
}

/// The result type of a static signature, with the call for it.
fn entry<P: Parameters, R: Results>() -> Entry {
    (R::ty(), call::<P, R>)
}

/// Calls a function whose types were found to be these.
///
/// The types are checked once more by the engine, so a mistake in the table is an error and no confusion.
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
    /// The parameters from one value each; `None` where they are not of these types.
    fn from_values(values: Vec<Value>) -> Option<Self>;
}

impl Parameters for () {
    fn from_values(values: Vec<Value>) -> Option<Self> {
        values.is_empty().then_some(())
    }
}

impl<A: Argument> Parameters for (A,) {
    fn from_values(values: Vec<Value>) -> Option<Self> {
        let [a] = <[Value; 1]>::try_from(values).ok()?;
        Some((A::from_value(a)?,))
    }
}

impl<A: Argument, B: Argument> Parameters for (A, B) {
    fn from_values(values: Vec<Value>) -> Option<Self> {
        let [a, b] = <[Value; 2]>::try_from(values).ok()?;
        Some((A::from_value(a)?, B::from_value(b)?))
    }
}

/// What a function returns.
trait Results: ComponentNamedList + Lift + Send + Sync + 'static {
    /// Its WIT type, or `None` where nothing is returned.
    fn ty() -> Option<Type>;
    /// What was returned, as a value.
    fn into_value(self) -> Option<Value>;
}

impl Results for () {
    fn ty() -> Option<Type> {
        None
    }

    fn into_value(self) -> Option<Value> {
        None
    }
}

impl<A: Part + Lift> Results for (A,) {
    fn ty() -> Option<Type> {
        Some(A::ty())
    }

    fn into_value(self) -> Option<Value> {
        Some(self.0.into_value())
    }
}

/// A static type that has a place among the values.
trait Part: Send + Sync + 'static {
    /// Its WIT type.
    fn ty() -> Type;
    /// The value that carries it.
    fn into_value(self) -> Value;
}

/// A static type that a value can be turned into.
trait Argument: Part + Lower + Sized {
    /// What a value carries; `None` where it is of another type.
    fn from_value(value: Value) -> Option<Self>;
}

/// Gives a type its place: its WIT type, and the variant of [`Value`] that carries it.
macro_rules! part {
    ($rust:ty, $ty:expr, $variant:ident($number:ty)) => {
        impl Part for $rust {
            fn ty() -> Type {
                $ty
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

part!(Vec<u8>, Type::List(Box::new(Type::U8)), Bytes(Vec<u8>));
part!(String, Type::String, String(String));
part!(u32, Type::U32, Unsigned(u64));
part!(u64, Type::U64, Unsigned(u64));

impl<A: Part> Part for Result<A, String> {
    fn ty() -> Type {
        Type::Result(Some(Box::new(A::ty())), Some(Box::new(Type::String)))
    }

    fn into_value(self) -> Value {
        Value::Result(match self {
            Ok(value) => Ok(Some(Box::new(value.into_value()))),
            Err(text) => Err(Some(Box::new(Value::String(text)))),
        })
    }
}

impl Part for Result<(), String> {
    fn ty() -> Type {
        Type::Result(None, Some(Box::new(Type::String)))
    }

    fn into_value(self) -> Value {
        Value::Result(self.map(|()| None).map_err(|text| Some(Box::new(Value::String(text)))))
    }
}
