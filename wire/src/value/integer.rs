//! Integers of every width: their ranges, and their decimal text.

use std::ops::RangeInclusive;

use crate::value::Value;
use crate::value::method::Type;

/// The largest integer, either way from zero, that every reader of JSON holds exactly.
pub(crate) const MAX_EXACT: u64 = 1 << 53;

/// The numbers that an integer type can hold; `None` for other types.
pub(crate) fn range(ty: &Type) -> Option<RangeInclusive<i128>> {
    match ty {
        Type::S8 => Some(i8::MIN.into()..=i8::MAX.into()),
        Type::U8 => Some(0..=u8::MAX.into()),
        Type::S16 => Some(i16::MIN.into()..=i16::MAX.into()),
        Type::U16 => Some(0..=u16::MAX.into()),
        Type::S32 => Some(i32::MIN.into()..=i32::MAX.into()),
        Type::U32 => Some(0..=u32::MAX.into()),
        Type::S64 => Some(i64::MIN.into()..=i64::MAX.into()),
        Type::U64 => Some(0..=u64::MAX.into()),
        _ => None,
    }
}

/// The value of an integer type for this number, if the type can hold it.
pub(crate) fn value(ty: &Type, number: i128) -> Option<Value> {
    if !range(ty)?.contains(&number) {
        return None;
    }
    match ty {
        Type::S8 | Type::S16 | Type::S32 | Type::S64 => i64::try_from(number).ok().map(Value::Signed),
        _ => u64::try_from(number).ok().map(Value::Unsigned),
    }
}

/// The number that a decimal text stands for; `None` where it has a plus or leading zeros, since people who write
/// `0644` mean something else.
pub(crate) fn decimal(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty()
        && digits.len() <= 30
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
