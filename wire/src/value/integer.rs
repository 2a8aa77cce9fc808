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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_digits_with_at_most_a_minus_and_no_zeros_before_them() {
        for (text, number) in [("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("10", 10)] {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        for bad in ["", "-", "+5", "--1", "0644", "-01", "1e3", "1.0", "1_000", " 1", "٣"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
        assert!(decimal(&"9".repeat(30)).is_some(), "far more than any type holds, and still a number");
        assert_eq!(decimal(&"9".repeat(31)), None);
    }

    #[test]
    fn each_width_holds_its_least_and_its_most_and_nothing_beyond() {
        for (ty, least, most) in [
            (Type::S8, -128, 127),
            (Type::U8, 0, 255),
            (Type::S16, -32_768, 32_767),
            (Type::U16, 0, 65_535),
            (Type::S32, -(1 << 31), (1 << 31) - 1),
            (Type::U32, 0, (1 << 32) - 1),
            (Type::S64, -(1 << 63), (1 << 63) - 1),
            (Type::U64, 0, (1 << 64) - 1),
        ] {
            assert!(value(&ty, least).is_some() && value(&ty, most).is_some(), "{ty:?}");
            assert_eq!((value(&ty, least - 1), value(&ty, most + 1)), (None, None), "{ty:?}");
        }
        assert_eq!(value(&Type::S8, 1), Some(Value::Signed(1)));
        assert_eq!(value(&Type::U8, 1), Some(Value::Unsigned(1)));
        assert_eq!(value(&Type::Bool, 1), None);
    }
}
