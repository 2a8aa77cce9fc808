//! Text of a guest, cut to the length that is kept of it.

/// The beginning of a text, of at most `most` bytes. The memory of the rest is given back: cut texts are kept in
/// great number, and each would otherwise keep what it was before.
pub(super) fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_takes_no_memory() {
        let text = cut("ß".repeat(1 << 20), 7);
        assert_eq!((text.as_str(), text.capacity()), ("ßßß", 6));
        assert_eq!(cut("short".to_owned(), 7), "short");
    }
}
