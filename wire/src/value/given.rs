//! The words of a command line and what they stand for: `@FILE` for the contents of a file, `-` for standard
//! input, and `@@` for a word that begins with `@`.

use std::fs::File;
use std::io::{self, Read};

use crate::size::ByteSize;
use crate::value::size::MAX_ARGUMENTS;
use crate::value::word::Word;

/// Why the arguments of a call cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// A file or standard input cannot be read.
    #[error("cannot read {what}: {source}")]
    Unreadable {
        /// What: a file by its name in quotes, or standard input.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file or standard input holds more than a call carries.
    #[error(
        "{what} is too large for a call: {} is the most of all its arguments together; bring it in parts, or put it into a \
         folder that the module is granted and pass its path",
        ByteSize(MAX_ARGUMENTS)
    )]
    TooLarge {
        /// A file by its name in quotes, or standard input.
        what: String,
    },
    /// Standard input is asked for twice, and can be read once.
    #[error(
        "\"-\" stands for standard input, which can be read for one argument only: put the others into files, @FILE"
    )]
    StdinTwice,
    /// Arguments in JSON are text.
    #[error("{what} is not UTF-8 text, which arguments in JSON are")]
    NotText {
        /// What.
        what: String,
    },
}

/// Whether a word may stand for something else than itself, which then depends on its parameter.
pub fn is_reference(word: &str) -> bool {
    word == "-" || word.starts_with('@')
}

/// Makes one argument of each word. Where the parameter at that place takes contents (bytes or text), `@FILE` is
/// what is in the file, `-` what comes from `stdin`, and `@@WORD` is `@WORD`; elsewhere a word is itself.
/// `takes_contents` is asked with the place of the parameter, which begins at 0.
///
/// # Errors
/// [`GivenError::Unreadable`] where a file or `stdin` cannot be read, [`GivenError::TooLarge`] where one holds
/// more than [`MAX_ARGUMENTS`] leaves room for, and [`GivenError::StdinTwice`] where two words ask for `stdin`.
pub fn words(
    words: Vec<String>,
    takes_contents: impl Fn(usize) -> bool,
    stdin: impl Read,
) -> Result<Vec<Word>, GivenError> {
    let (mut stdin, mut left) = (Some(stdin), MAX_ARGUMENTS);
    let mut read = |what: String, from: &mut dyn Read| contents(what, from, &mut left).map(Word::File);
    let word = |(place, word): (usize, String)| {
        if !is_reference(&word) || !takes_contents(place) {
            return Ok(Word::Text(word));
        }
        match word.strip_prefix('@') {
            None => {
                let mut stdin = stdin.take().ok_or(GivenError::StdinTwice)?;
                read(STDIN.to_owned(), &mut stdin)
            }
            Some(literal) if literal.starts_with('@') => Ok(Word::Text(literal.to_owned())),
            Some(path) => {
                let (what, mut file) = opened(path)?;
                read(what, &mut file)
            }
        }
    };
    words.into_iter().enumerate().map(word).collect()
}

/// All arguments in JSON: the word itself, or what is in the file of `@FILE`, or what comes from `stdin` for `-`.
/// Neither of these two is JSON, so no word has two meanings.
///
/// # Errors
/// [`GivenError::Unreadable`] where the file or `stdin` cannot be read, [`GivenError::TooLarge`] where it holds
/// more than [`MAX_ARGUMENTS`], and [`GivenError::NotText`] where it is not UTF-8.
pub fn json(word: String, mut stdin: impl Read) -> Result<String, GivenError> {
    let mut left = MAX_ARGUMENTS;
    let (what, bytes) = match word.strip_prefix('@') {
        Some(path) => {
            let (what, mut file) = opened(path)?;
            (what.clone(), contents(what, &mut file, &mut left)?)
        }
        None if word == "-" => (STDIN.to_owned(), contents(STDIN.to_owned(), &mut stdin, &mut left)?),
        None => return Ok(word),
    };
    String::from_utf8(bytes).map_err(|_| GivenError::NotText { what })
}

/// A file that a word names, with its name as errors say it.
fn opened(path: &str) -> Result<(String, File), GivenError> {
    let what = format!("\"{path}\"");
    match File::open(path) {
        Ok(file) => Ok((what, file)),
        Err(source) => Err(GivenError::Unreadable { what, source }),
    }
}

/// All of it, as long as there is room `left` for it in bytes, of which it takes its share.
fn contents(what: String, from: &mut dyn Read, left: &mut u64) -> Result<Vec<u8>, GivenError> {
    let mut bytes = Vec::new();
    // One byte more than there is room for tells too large from just right.
    if let Err(source) = from.take(*left + 1).read_to_end(&mut bytes) {
        return Err(GivenError::Unreadable { what, source });
    }
    *left = left.checked_sub(bytes.len() as u64).ok_or(GivenError::TooLarge { what })?;
    Ok(bytes)
}

/// What errors call standard input.
const STDIN: &str = "standard input";

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn given(words: &[&str], stdin: &[u8]) -> Result<Vec<Word>, String> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        super::words(words, |place| place != 2, stdin).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Word {
        Word::Text(text.to_owned())
    }

    #[test]
    fn words_stand_for_files_and_standard_input_where_contents_are_taken() {
        let folder = std::env::temp_dir().join(format!("overlord-given-{}", std::process::id()));
        std::fs::write(&folder, b"in the file").unwrap();
        let file = format!("@{}", folder.display());
        let words = given(&[&file, "-", "-", "plain"], b"from stdin").unwrap();
        let contents = |bytes: &[u8]| Word::File(bytes.to_vec());
        assert_eq!(words, [contents(b"in the file"), contents(b"from stdin"), text("-"), text("plain")]);
        assert_eq!(given(&["@@admin", "@@@", "@x"], b"").unwrap(), [text("@admin"), text("@@"), text("@x")]);
        std::fs::remove_file(&folder).unwrap();
        assert!(given(&[&file], b"").unwrap_err().starts_with("cannot read \""));
    }

    #[test]
    fn what_cannot_be_carried_is_refused_with_what_to_do() {
        let error = given(&["-", "-"], b"").unwrap_err();
        assert!(error.contains("@FILE"), "{error}");
        let most = vec![b'x'; MAX_ARGUMENTS as usize + 1];
        assert!(given(&["-"], &most[1..]).is_ok());
        let error = given(&["-"], &most).unwrap_err();
        assert!(
            error.contains("standard input") && error.contains("8 MiB") && error.contains("granted"),
            "{error}"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"x").unwrap();
        let file = format!("@{}", file.path().display());
        assert!(given(&[&file, "-"], &most[2..]).is_ok());
        let error = given(&[&file, "-"], &most[1..]).unwrap_err();
        assert!(error.starts_with("standard input is too large for a call"), "together: {error}");
    }

    #[test]
    fn all_arguments_in_json_come_from_a_file_or_standard_input_too() {
        let json =
            |word: &str, stdin: &[u8]| super::json(word.to_owned(), stdin).map_err(|error| error.to_string());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[1]").unwrap();
        assert_eq!(json(&format!("@{}", file.path().display()), b"").unwrap(), "[1]");
        assert_eq!(json("-", b"{}").unwrap(), "{}");
        assert_eq!(json("[\"-\", \"@x\"]", b"").unwrap(), "[\"-\", \"@x\"]");
        assert!(json("@/no/such/file", b"").unwrap_err().starts_with("cannot read \"/no"));
        assert!(json("-", &[0xff]).unwrap_err().starts_with("standard input is not UTF-8"));
        assert!(json("-", &vec![b' '; MAX_ARGUMENTS as usize + 1]).unwrap_err().contains("8 MiB"));
    }
}
