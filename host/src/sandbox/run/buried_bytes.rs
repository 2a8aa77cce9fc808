//! Bytes within something else, which can only be passed one by one, and what is said to those whose methods do that.

use wire::value::Value;
use wire::value::method::{Signature, TypeRef};

use crate::policy::ByteSize;
use crate::sandbox::run::bytes::{SIGNATURES, typed_call};

/// The most bytes that may be passed one by one, as those of a `list<u8>` within something else are.
const MAX_BURIED_BYTES: u64 = 256 << 10;

/// Whether so many bytes may be passed one by one as there are in these arguments.
///
/// # Errors
/// Where they are too many, in words that read on from the method.
pub(super) fn fits_one_by_one(values: &[Value]) -> Result<(), String> {
    let buried: u64 = values.iter().map(bytes_within).sum();
    if buried > MAX_BURIED_BYTES {
        return Err(format!(
            "cannot take {buried} bytes one by one, {} is the most: large `list<u8>` must be {SIGNATURES}; \
             pass a string, or a file in a granted folder",
            ByteSize(MAX_BURIED_BYTES)
        ));
    }
    Ok(())
}

/// What to say of a result that had more parts than can pass one by one.
pub(in crate::sandbox) fn too_many_parts(method: Signature<'_>) -> Option<String> {
    passes_one_by_one(method, method.result().into_iter()).then(|| {
        format!(
            "its result has more bytes than can be passed one by one: large `list<u8>` must be {SIGNATURES}; \
             return a string, or write a file in a granted folder"
        )
    })
}

/// What to say to the author of a method whose bytes are passed one by one.
pub(in crate::sandbox) fn slow_bytes(method: Signature<'_>) -> Option<String> {
    let types = method.params().map(|(_, ty)| ty).chain(method.result());
    (method.not_callable.is_none() && passes_one_by_one(method, types)).then(|| {
        format!(
            "passes the bytes of \"{}\" one by one, {} at most: larger ones must be {SIGNATURES}",
            method.qualified(),
            ByteSize(MAX_BURIED_BYTES)
        )
    })
}

/// Whether bytes of these types can only be passed one by one.
fn passes_one_by_one<'a>(method: Signature<'_>, mut types: impl Iterator<Item = TypeRef<'a>>) -> bool {
    types.any(|ty| ty.is_bytes() || ty.buries_bytes()) && typed_call(method).is_none()
}

/// How many bytes of `list<u8>` there are in a value.
fn bytes_within(value: &Value) -> u64 {
    let side = |value: &Option<Box<Value>>| value.as_ref().map_or(0, |value| bytes_within(value));
    match value {
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::List(values) | Value::Tuple(values) => values.iter().map(bytes_within).sum(),
        Value::Record(fields) => fields.iter().map(|(_, value)| bytes_within(value)).sum(),
        Value::Variant(_, value) | Value::Option(value) | Value::Result(Ok(value) | Err(value)) => {
            side(value)
        }
        _ => 0,
    }
}
