//! Lines of what is read in pieces.

use crate::Error;

/// What takes lines; one function for all that do, since a module is small.
pub type Each<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Error>;

/// Takes what is read apart into lines, of each its beginning.
pub struct Lines {
    held: Vec<u8>,
    most: usize,
}

impl Lines {
    /// Keeps so many bytes of a line.
    pub fn of(most: usize) -> Self {
        Self { held: Vec::new(), most }
    }

    /// Hands over the lines that end in this piece.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn split(&mut self, piece: &[u8], each: Each<'_>) -> Result<(), Error> {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            let line = &piece[start..end];
            start = end + 1;
            if self.held.is_empty() {
                each(&line[..line.len().min(self.most)])?;
            } else {
                self.hold(line);
                each(&self.held)?;
                self.held.clear();
            }
        }
        self.hold(&piece[start..]);
        Ok(())
    }

    /// Hands over what came behind the last end of a line.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn end(&mut self, each: Each<'_>) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Ok(()) } else { each(&held) }
    }

    fn hold(&mut self, part: &[u8]) {
        let room = self.most.saturating_sub(self.held.len()).min(part.len());
        self.held.extend_from_slice(&part[..room]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 16 << 10;

    #[test]
    fn lines_come_whole_however_they_are_read() {
        let text = b"one\n\ntwo\r\nthree";
        for size in 1..text.len() {
            let (mut splitter, mut found) = (Lines::of(MOST), Vec::new());
            let mut keep = |line: &[u8]| {
                found.push(String::from_utf8_lossy(line).into_owned());
                Ok(())
            };
            text.chunks(size).for_each(|piece| splitter.split(piece, &mut keep).expect("taken"));
            splitter.end(&mut keep).expect("taken");
            assert_eq!(found, ["one", "", "two\r", "three"], "{size}");
        }
        let mut splitter = Lines::of(MOST);
        for _ in 0..10 {
            splitter.split(&[b'x'; 4000], &mut |_| unreachable!("no line ends")).expect("taken");
        }
        splitter.end(&mut |line| Ok(assert_eq!(line.len(), MOST))).expect("taken");
    }
}
