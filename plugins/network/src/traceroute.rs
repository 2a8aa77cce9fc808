//! What `traceroute -n -q 1` says.

use failure::Error;

use crate::exports::minion::network::network::Hop;

/// Reads a line a hop, `2  10.0.0.1  0.345 ms` or `3  *`, behind one that says what is done.
pub(crate) fn hops(text: &str) -> Result<Vec<Hop>, Error> {
    text.lines().filter(|line| !line.starts_with("traceroute") && !line.trim().is_empty()).map(hop).collect()
}

fn hop(line: &str) -> Result<Hop, Error> {
    let misread = || Error::Other(format!("`traceroute` said what cannot be read: {line:?}"));
    let mut words = line.split_whitespace();
    let number = words.next().and_then(|word| word.parse().ok()).ok_or_else(misread)?;
    let address = words.next().ok_or_else(misread)?;
    if address == "*" {
        return Ok(Hop { number, address: None, time_ms: None });
    }
    let time_ms = words.next().and_then(|word| word.parse().ok()).ok_or_else(misread)?;
    Ok(Hop { number, address: Some(address.to_owned()), time_ms: Some(time_ms) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_hop_also_where_nobody_said_anything() {
        let text = "traceroute to 10.9.0.1 (10.9.0.1), 30 hops max, 60 byte packets\n 1  10.0.0.1  0.345 ms\n 2  *\n\
                    \u{20}3  10.9.0.1  5.2 ms !X\n";
        let hop = |number, address: Option<&str>, time_ms| Hop {
            number,
            address: address.map(str::to_owned),
            time_ms,
        };
        let expected = vec![
            hop(1, Some("10.0.0.1"), Some(0.345)),
            hop(2, None, None),
            hop(3, Some("10.9.0.1"), Some(5.2)),
        ];
        assert_eq!(hops(text), Ok(expected));
        for nonsense in ["x", "1", "1 10.0.0.1", "1 10.0.0.1 soon"] {
            assert!(hops(nonsense).is_err(), "{nonsense}");
        }
    }
}
