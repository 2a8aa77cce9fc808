//! A text that is looked for in a body, whose parts come one by one.

use memchr::memmem;

/// Whether a text was in what came so far.
pub(super) struct Search<'a> {
    text: Option<&'a [u8]>,
    /// The end of what came, in which the text may begin.
    end: Vec<u8>,
    found: bool,
}

impl<'a> Search<'a> {
    /// For this text, or for none.
    pub(super) fn new(text: Option<&'a str>) -> Self {
        Self { text: text.map(str::as_bytes), end: Vec::new(), found: false }
    }

    /// Looks at the next part.
    pub(super) fn part(&mut self, part: &[u8]) {
        let Some(text) = self.text.filter(|_| !self.found) else { return };
        self.end.extend_from_slice(part);
        self.found = memmem::find(&self.end, text).is_some();
        self.end.drain(..self.end.len().saturating_sub(text.len() - 1));
    }

    /// Whether it was there.
    pub(super) fn found(&self) -> bool {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_however_it_is_cut() {
        let body = b"and so all is well, they say";
        for size in 1..=body.len() {
            let found = |text: &str| {
                let mut search = Search::new(Some(text));
                body.chunks(size).for_each(|part| search.part(part));
                search.found()
            };
            assert!(found("all is well") && found("a") && found("say"), "{size}");
            assert!(!found("all is  well") && !found("saya"), "{size}");
        }
        let mut none = Search::new(None);
        none.part(body);
        assert!(!none.found());
    }
}
