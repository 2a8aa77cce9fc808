//! How much memory decoded things hold, for queues and records that are bounded by it. How many bytes people count
//! a value as is another number: see [`crate::value::size`].

use crate::name::{MethodPath, MinionName, ModuleName};
use crate::value::Value;

/// Something that owns memory besides its own size, and can say how much.
pub trait Held {
    /// The bytes that the value owns elsewhere, with what its allocator needs for them.
    fn elsewhere(&self) -> usize;

    /// All the bytes that the value takes: its own size, and what it owns elsewhere.
    fn held(&self) -> usize
    where
        Self: Sized,
    {
        size_of::<Self>() + self.elsewhere()
    }
}

impl Held for String {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity())
    }
}

impl Held for Vec<u8> {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity())
    }
}

impl<T: Held> Held for Vec<T> {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity() * size_of::<T>()) + self.iter().map(T::elsewhere).sum::<usize>()
    }
}

impl<T: Held> Held for Option<T> {
    fn elsewhere(&self) -> usize {
        self.as_ref().map_or(0, T::elsewhere)
    }
}

impl<T: Held> Held for Box<T> {
    fn elsewhere(&self) -> usize {
        allocation(size_of::<T>()) + T::elsewhere(self)
    }
}

impl<A: Held, B: Held> Held for (A, B) {
    fn elsewhere(&self) -> usize {
        self.0.elsewhere() + self.1.elsewhere()
    }
}

impl Held for Value {
    fn elsewhere(&self) -> usize {
        match self {
            Value::Bool(_) | Value::Signed(_) | Value::Unsigned(_) | Value::F32(_) | Value::F64(_) => 0,
            Value::Char(_) => 0,
            Value::String(text) | Value::Enum(text) => text.elsewhere(),
            Value::Bytes(bytes) => bytes.elsewhere(),
            Value::List(values) | Value::Tuple(values) => values.elsewhere(),
            Value::Record(fields) => fields.elsewhere(),
            Value::Variant(case, payload) => case.elsewhere() + payload.elsewhere(),
            Value::Option(inner) | Value::Result(Ok(inner) | Err(inner)) => inner.elsewhere(),
            Value::Flags(names) => names.elsewhere(),
        }
    }
}

/// Declares that a name owns its text, which never has room to spare.
macro_rules! name {
    ($($name:ident)*) => {$(
        impl Held for $name {
            fn elsewhere(&self) -> usize {
                allocation(self.as_str().len())
            }
        }
    )*};
}

name! { MinionName ModuleName }

impl Held for MethodPath {
    fn elsewhere(&self) -> usize {
        self.module.elsewhere() + self.method.elsewhere()
    }
}

/// How many bytes a buffer of so many takes, together with what an allocator needs for it.
pub(crate) const fn allocation(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => bytes.saturating_add(8).saturating_add(15) & !15,
    }
}
