//! What operators write for another host.

use crate::Error;

/// That a text has the form of a host's name or address, which no program takes for an option.
///
/// # Errors
/// With what is written instead.
pub fn check_host(text: &str) -> Result<(), Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if !text.is_empty() && text.len() <= 255 && text.chars().all(is_fit) && !text.starts_with('-') {
        return Ok(());
    }
    Err(Error::Invalid(
        "the host is neither a name nor an address: write it like db.example.org or 10.0.0.5".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_is_refused() {
        for good in ["db1", "db.example.org", "10.0.0.5", "fe80::1%eth0", "a_b"] {
            assert!(check_host(good).is_ok(), "{good}");
        }
        for bad in ["", "-c", "a b", "a;b", "$(id)", "a\nb", "a\0b", "ä", &"x".repeat(256)] {
            assert!(matches!(check_host(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
