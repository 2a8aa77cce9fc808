//! Values as they are written, and whether two of them are the same for the kernel.

use failure::Error;

/// The longest value that is set.
const MAX_VALUE: usize = 1000;

/// Whether two values are the same for the kernel, which takes any blanks for one.
pub(crate) fn are_alike(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// A value as it is set: one line, with one blank between its parts.
pub(crate) fn words(value: &str) -> Result<String, Error> {
    let value = value.trim();
    let is_fit = |c: char| !c.is_control() || c == '\t';
    if value.is_empty() || value.len() > MAX_VALUE || !value.chars().all(is_fit) {
        return Err(Error::Invalid(format!(
            "the value does not fit: write one line of 1 to {MAX_VALUE} bytes"
        )));
    }
    if value.split(['/', '=', ':', ',']).any(|part| part == "..") {
        return Err(Error::Invalid("the value has a step up in it: write paths without \"..\"".to_owned()));
    }
    Ok(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_their_words() {
        assert!(are_alike("4096\t131072\t6291456\n", "4096 131072  6291456") && !are_alike("1", "10"));
        assert_eq!(words(" 4 4\t1 7\n").as_deref(), Ok("4 4 1 7"));
        for bad in ["", " ", "a\nb", "a\0b", "|/srv/../bin/sh", &"x".repeat(2000)] {
            assert!(matches!(words(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
