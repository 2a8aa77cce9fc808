//! The words of a call as arguments.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use wire::call::{Arguments, Word};
use wire::name::MethodPath;
use wire::operator::Target;
use wire::signature::OneMethod;

use super::CliError;
use crate::client::Client;

/// One argument for each word.
///
/// Where a word is `@file` and its parameter takes bytes, the file's contents are the argument. Only the
/// method's signature can tell, so the overlord is asked for it, but not for the sake of plain words.
pub(super) async fn arguments(
    client: &Client,
    target: &Target,
    method: &MethodPath,
    words: Vec<String>,
) -> Result<Arguments, CliError> {
    let methods = if words.iter().any(|word| word.starts_with('@')) {
        client.method(target.clone(), method.clone()).await?.answer
    } else {
        Vec::new()
    };
    let words = words.into_iter().enumerate().map(|(place, word)| match word.strip_prefix('@') {
        Some(path) if takes_bytes(&methods, place) => read_file(Path::new(path)).map(Word::File),
        _ => Ok(Word::Text(word)),
    });
    Ok(Arguments::Words(words.collect::<Result<_, CliError>>()?))
}

/// Whether the parameter at this place takes bytes on every minion: where they differ, a word stays a word.
fn takes_bytes(methods: &[OneMethod], place: usize) -> bool {
    !methods.is_empty() && methods.iter().all(|method| method.signature().takes_bytes(place))
}

fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    // One byte more than is allowed tells too large from just right.
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| CliError::File { action: "read", path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CliError::FileTooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    Ok(bytes)
}

/// The largest file that goes into a call; what else is in its message needs some room too.
const MAX_FILE: u64 = wire::link::MAX_MESSAGE as u64 - (64 << 10);

#[cfg(test)]
mod tests {
    use wire::v1::{Method, Type};

    use super::*;

    fn method(params: &[Type]) -> OneMethod {
        let method = Method {
            interface: None,
            name: "write".into(),
            params: params.iter().map(|ty| ("p".to_owned(), ty.clone())).collect(),
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        OneMethod::try_from(method.interned()).expect("one")
    }

    #[test]
    fn a_file_is_read_only_where_every_minion_takes_bytes() {
        let bytes = Type::List(Box::new(Type::U8));
        let mixed = method(&[Type::String, bytes.clone(), Type::Option(Box::new(bytes.clone()))]);
        let places = [0, 1, 2, 3].map(|place| takes_bytes(std::slice::from_ref(&mixed), place));
        assert_eq!(places, [false, true, true, false]);
        let (one, other) = (method(std::slice::from_ref(&bytes)), method(&[Type::String]));
        assert!(!takes_bytes(&[one, other], 0));
        assert!(!takes_bytes(&[], 0));
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("large");
        File::create(&path).and_then(|file| file.set_len(MAX_FILE + 1)).expect("made");
        let error = read_file(&path).expect_err("too large").to_string();
        assert!(error.contains("large") && error.contains("fit into a call"), "{error}");
    }
}
