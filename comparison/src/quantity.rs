//! Numbers as people write them: plain, as sizes, as durations.
//!
//! By hand, since what is compared may be either and may be broken (`1.5 MB`, `1d 2h`, `0.25`): crates that read one of them
//! know neither the other nor such numbers.

use std::cmp::Ordering;

/// A number with what it counts, in bytes or seconds where it has a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quantity {
    value: f64,
    dimension: Option<Dimension>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Bytes,
    Seconds,
}

/// Compares two texts as numbers; `None` where one of them is not a number, or they count different
/// things. A number without a unit goes with either: bytes with a size, seconds with a duration.
pub(crate) fn compare(a: &str, b: &str) -> Option<Ordering> {
    // Whole numbers exactly: serial numbers go beyond what a float can tell apart.
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return Some(a.cmp(&b));
    }
    let (a, b) = (quantity(a)?, quantity(b)?);
    match (a.dimension, b.dimension) {
        (Some(a), Some(b)) if a != b => None,
        _ => a.value.partial_cmp(&b.value),
    }
}

/// Reads one or more numbers with units (`4GiB`, `1h30m`), or a plain number.
fn quantity(text: &str) -> Option<Quantity> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut total = Quantity { value: 0.0, dimension: None };
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (factor, dimension) = factor(unit)?;
        let well_formed = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
        // Only durations are written in several parts, and each part has its unit.
        let fits = parts == 0 || (dimension, total.dimension) == (Some(Dimension::Seconds), dimension);
        if !well_formed || !fits {
            return None;
        }
        total = Quantity { value: total.value + number.parse::<f64>().ok()? * factor, dimension };
        rest = after.trim_start();
        parts += 1;
    }
    (parts > 0).then_some(Quantity { value: sign * total.value, ..total })
}

fn factor(unit: &str) -> Option<(f64, Option<Dimension>)> {
    const KIB: f64 = 1024.0;
    let bytes = |factor| Some((factor, Some(Dimension::Bytes)));
    let seconds = |factor| Some((factor, Some(Dimension::Seconds)));
    match unit {
        "" => return Some((1.0, None)),
        // One letter is a size in capitals and a duration otherwise.
        "m" => return seconds(60.0),
        "M" => return bytes(KIB.powi(2)),
        _ => {}
    }
    match unit.to_ascii_lowercase().as_str() {
        "b" => bytes(1.0),
        "k" | "kib" => bytes(KIB),
        "mib" => bytes(KIB.powi(2)),
        "g" | "gib" => bytes(KIB.powi(3)),
        "t" | "tib" => bytes(KIB.powi(4)),
        "p" | "pib" => bytes(KIB.powi(5)),
        "kb" => bytes(1e3),
        "mb" => bytes(1e6),
        "gb" => bytes(1e9),
        "tb" => bytes(1e12),
        "pb" => bytes(1e15),
        "ms" => seconds(1e-3),
        "s" => seconds(1.0),
        "min" => seconds(60.0),
        "h" => seconds(3600.0),
        "d" => seconds(86_400.0),
        "w" => seconds(7.0 * 86_400.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_number_or_not(a in ".{0,20}", b in "[-0-9.]{0,6}(s|m|GiB| )?[0-9]{0,3}") {
            let there = compare(&a, &b);
            prop_assert_eq!(there, compare(&b, &a).map(Ordering::reverse));
        }
    }

    #[test]
    fn sizes_and_durations_have_their_worth() {
        for (a, b) in [
            ("4GiB", "4294967296"),
            ("1.5 MB", "1500000"),
            ("1h30m", "5400"),
            ("1d 2h", "26h"),
            ("250ms", "0.25"),
            ("-3", "-3.0"),
            ("2G", "2048MiB"),
        ] {
            assert_eq!(compare(a, b), Some(Ordering::Equal), "{a} and {b}");
        }
        assert_eq!(compare("18446744073709551615", "18446744073709551614"), Some(Ordering::Greater));
    }

    #[test]
    fn what_is_not_a_number_is_not_compared_as_one() {
        for (a, b) in [
            ("debian", "4"),
            ("6.1.0", "6"),
            ("inf", "1"),
            ("1e5", "1"),
            ("", "1"),
            ("4GiB", "4h"),
            ("1.", "1"),
            ("3 4", "1"),
            ("1GiB 2MiB", "1"),
        ] {
            assert_eq!(compare(a, b), None, "{a} and {b}");
        }
    }
}
