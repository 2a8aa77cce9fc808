//! How large the arguments of a job are.

use wire::memory::Held as _;
use wire::value::arguments::{Arguments, Word};

/// About how many bytes a record of these arguments has.
pub(crate) fn size_of(arguments: &Arguments) -> usize {
    match arguments {
        Arguments::Words(words) => words.iter().map(size_of_word).sum(),
        Arguments::Json(text) => text.len(),
        Arguments::Values(values) => values.iter().map(|value| value.held()).sum(),
    }
}

fn size_of_word(word: &Word) -> usize {
    match word {
        Word::Text(text) => text.len(),
        Word::File(bytes) => bytes.len(),
    }
}
