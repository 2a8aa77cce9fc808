//! The order of texts in which runs of digits count as numbers.

use std::cmp::Ordering;

/// Compares two texts in the order in which people count: `web2` stands before `web10`.
///
/// Runs of digits compare as numbers, and of two equal numbers the one with fewer zeros in front comes first.
/// Everything else compares byte by byte. Only equal texts are equal.
pub fn as_counted(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one.as_bytes(), other.as_bytes());
    while let (Some(l), Some(r)) = (left.first(), right.first()) {
        let order = if l.is_ascii_digit() && r.is_ascii_digit() {
            let (l, r) = (number(&mut left), number(&mut right));
            (l.1.len(), l.1, l.0).cmp(&(r.1.len(), r.1, r.0))
        } else {
            let order = l.cmp(r);
            (left, right) = (&left[1..], &right[1..]);
            order
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// Takes the digits off the beginning of a text. Returns how many there are, and those behind the leading zeros:
/// of two such runs the longer one is the larger number.
fn number<'a>(text: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    (digits.len(), &digits[zeros..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_an_order(a in "[a-c0-2.]{0,6}", b in "[a-c0-2.]{0,6}", c in "[a-c0-2.]{0,6}") {
            prop_assert_eq!(as_counted(&a, &b), as_counted(&b, &a).reverse());
            prop_assert_eq!(as_counted(&a, &b).is_eq(), a == b);
            if as_counted(&a, &b).is_le() && as_counted(&b, &c).is_le() {
                prop_assert!(as_counted(&a, &c).is_le());
            }
        }
    }

    #[test]
    fn the_order_of_names_is_one_and_whole() {
        let texts = [
            "", "0", "00", "1", "01", "10", "a", "a0", "a00", "a1b", "a01b", "a1c", "a9", "a10", "ab", "a-1",
        ];
        for one in texts {
            for other in texts {
                let order = as_counted(one, other);
                assert_eq!(order, as_counted(other, one).reverse(), "{one} {other}");
                assert_eq!(order.is_eq(), one == other, "{one} {other}");
                for third in texts {
                    let chained = order.is_lt() && as_counted(other, third).is_lt();
                    assert!(!chained || as_counted(one, third).is_lt(), "{one} {other} {third}");
                }
            }
        }
    }
}
