//! How much memory a message takes, charged while it is decoded.
//!
//! A few bytes may stand for many: an empty text takes one byte on the wire and 24 in memory. [`Charged`] wraps the
//! deserializer, so that no type can be forgotten: it charges the buffer of every list as the list grows, the bytes
//! of every text, and whatever is larger than the place that it is put into, which can only be in a box.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::memory::allocation;

/// How many bytes of memory a message may still take.
pub(crate) struct Budget {
    left: Cell<usize>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    pub(crate) fn of(bytes: usize) -> Self {
        Self { left: Cell::new(bytes), is_exceeded: Cell::new(false) }
    }

    /// Whether the message was refused because it would take more than it may.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }

    /// How many bytes nothing was charged for.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.left.get()
    }

    fn charge<E: Error>(&self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.is_exceeded.set(true);
                Err(E::custom("it takes more memory than it may"))
            }
        }
    }
}

/// A deserializer that charges the budget for everything that it makes.
pub(crate) struct Charged<'b, D> {
    inner: D,
    budget: &'b Budget,
    /// The size of the place that the value is put into, in bytes; it is charged already.
    place: usize,
}

impl<'b, D> Charged<'b, D> {
    pub(crate) fn new(inner: D, budget: &'b Budget) -> Self {
        Self { inner, budget, place: 0 }
    }

    /// Charges for a value that does not fit into its place, and so must be in a box.
    fn place_for<T, E: Error>(&self) -> Result<usize, E> {
        let size = size_of::<T>();
        if size > self.place {
            self.budget.charge(allocation(size))?;
        }
        Ok(size.max(self.place))
    }

    fn visitor<V>(&self, visitor: V, place: usize, holds: Holds) -> ChargedVisitor<'b, V> {
        ChargedVisitor { inner: visitor, budget: self.budget, place, holds }
    }
}

/// Where the elements of a sequence lie in memory.
#[derive(Clone, Copy)]
enum Holds {
    /// In the value itself, as its fields.
    Inline,
    /// In a buffer, which is charged as it grows.
    Buffer,
}

macro_rules! pass_on {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

macro_rules! with_visitor {
    ($($method:ident($holds:ident $(, $argument:ident: $ty:ty)*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let place = self.place_for::<V::Value, D::Error>()?;
            let visitor = self.visitor(visitor, place, Holds::$holds);
            self.inner.$method($($argument,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Charged<'_, D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_unit deserialize_identifier
        deserialize_ignored_any
    }

    with_visitor! {
        deserialize_str(Inline)
        deserialize_string(Inline)
        deserialize_bytes(Inline)
        deserialize_byte_buf(Inline)
        deserialize_option(Inline)
        deserialize_unit_struct(Inline, name: &'static str)
        deserialize_newtype_struct(Inline, name: &'static str)
        deserialize_seq(Buffer)
        deserialize_tuple(Inline, len: usize)
        deserialize_tuple_struct(Inline, name: &'static str, len: usize)
        deserialize_map(Buffer)
        deserialize_struct(Inline, name: &'static str, fields: &'static [&'static str])
        deserialize_enum(Inline, name: &'static str, variants: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that charges the budget for the parts that it is given.
struct ChargedVisitor<'b, V> {
    inner: V,
    budget: &'b Budget,
    place: usize,
    holds: Holds,
}

macro_rules! bytes {
    ($($method:ident($ty:ty))*) => {$(
        fn $method<E: Error>(self, given: $ty) -> Result<V::Value, E> {
            self.budget.charge(allocation(given.len()))?;
            self.inner.$method(given)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ChargedVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    bytes! {
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String) visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Charged { inner, budget: self.budget, place: self.place })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Charged { inner, budget: self.budget, place: self.place })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let budget = self.budget;
        self.inner.visit_seq(ChargedSeq { inner, budget, holds: self.holds, length: 0, capacity: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(ChargedMap { inner, budget: self.budget })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(ChargedEnum { inner, budget: self.budget })
    }
}

/// The elements of a list, or the fields of a value.
struct ChargedSeq<'b, A> {
    inner: A,
    budget: &'b Budget,
    holds: Holds,
    length: usize,
    /// How many elements the buffer holds; `None` before there is one.
    capacity: Option<usize>,
}

impl<'de, A: SeqAccess<'de>> ChargedSeq<'_, A> {
    /// Charges for the buffer of one more element, which grows as that of a [`Vec`] does.
    fn grow<T>(&mut self) -> Result<(), A::Error> {
        let (size, hint) = (size_of::<T>(), self.inner.size_hint());
        let capacity = match self.capacity {
            Some(capacity) => capacity,
            None => {
                let first = hint.unwrap_or(0).min(MAX_FIRST / size.max(1));
                self.budget.charge(allocation(first.saturating_mul(size)))?;
                first
            }
        };
        let wanted = if self.length < capacity || hint == Some(0) { capacity } else { (capacity * 2).max(4) };
        let grown = allocation(wanted.saturating_mul(size)) - allocation(capacity.saturating_mul(size));
        self.budget.charge(grown)?;
        self.capacity = Some(wanted);
        Ok(())
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for ChargedSeq<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        if let Holds::Buffer = self.holds {
            self.grow::<T::Value>()?;
        }
        self.length += 1;
        self.inner.next_element_seed(ChargedSeed::new(seed, self.budget))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// The entries of a map.
struct ChargedMap<'b, A> {
    inner: A,
    budget: &'b Budget,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for ChargedMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.budget.charge(2 * size_of::<K::Value>())?;
        self.inner.next_key_seed(ChargedSeed::new(seed, self.budget))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.budget.charge(2 * size_of::<T::Value>())?;
        self.inner.next_value_seed(ChargedSeed::new(seed, self.budget))
    }

    fn size_hint(&self) -> Option<usize> {
        // What a map sets aside for a number that was only announced is not charged: it sets nothing aside.
        None
    }
}

/// An enum's variant with what it carries.
struct ChargedEnum<'b, A> {
    inner: A,
    budget: &'b Budget,
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for ChargedEnum<'b, A> {
    type Error = A::Error;
    type Variant = ChargedEnum<'b, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (case, inner) = self.inner.variant_seed(seed)?;
        Ok((case, ChargedEnum { inner, budget: self.budget }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for ChargedEnum<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.newtype_variant_seed(ChargedSeed::new(seed, self.budget))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, self.budget.within(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, self.budget.within(visitor))
    }
}

impl Budget {
    /// A visitor of fields that are in a value which is charged already.
    fn within<'de, V: Visitor<'de>>(&self, inner: V) -> ChargedVisitor<'_, V> {
        ChargedVisitor { inner, budget: self, place: size_of::<V::Value>(), holds: Holds::Inline }
    }
}

/// What makes one part of a value, in a place of the part's own size.
struct ChargedSeed<'b, T> {
    inner: T,
    budget: &'b Budget,
}

impl<'b, T> ChargedSeed<'b, T> {
    fn new(inner: T, budget: &'b Budget) -> Self {
        Self { inner, budget }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for ChargedSeed<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Charged { inner, budget: self.budget, place: size_of::<T::Value>() })
    }
}

/// How many bytes serde sets aside at most for a list whose length was only announced.
const MAX_FIRST: usize = 1 << 20;

#[cfg(test)]
mod tests;
