//! The words of a call as arguments.

use wire::message::operator::Target;
use wire::name::MethodPath;
use wire::value::arguments::Arguments;
use wire::value::given;
use wire::value::method::OneMethod;

use super::CliError;
use crate::client::Client;

/// One argument for each word.
///
/// Where a word is `@file` or `-` and its parameter takes bytes or text, what is in there is the argument. Only the
/// method's signature can tell, so the overlord is asked for it, but not for the sake of plain words.
pub(super) async fn arguments(
    client: &Client,
    target: &Target,
    method: &MethodPath,
    words: Vec<String>,
) -> Result<Arguments, CliError> {
    let methods = if words.iter().any(|word| given::is_reference(word)) {
        client.method(target.clone(), method.clone()).await?.answer
    } else {
        Vec::new()
    };
    let words = given::words(words, |place| takes_contents(&methods, place), std::io::stdin())?;
    Ok(Arguments::Words(words))
}

/// Whether the parameter at this place takes contents on every minion: where they differ, a word stays a word.
fn takes_contents(methods: &[OneMethod], place: usize) -> bool {
    !methods.is_empty() && methods.iter().all(|method| method.signature().takes_contents(place))
}

#[cfg(test)]
mod tests {
    use wire::message::v1::{Method, Type};

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
    fn a_file_is_read_only_where_every_minion_takes_contents() {
        let bytes = Type::List(Box::new(Type::U8));
        let mixed = method(&[Type::String, bytes.clone(), Type::Option(Box::new(bytes.clone()))]);
        let places = [0, 1, 2, 3].map(|place| takes_contents(std::slice::from_ref(&mixed), place));
        assert_eq!(places, [true, true, true, false]);
        let (one, other) = (method(std::slice::from_ref(&bytes)), method(&[Type::S64]));
        assert!(!takes_contents(&[one, other], 0));
        assert!(!takes_contents(&[], 0));
    }
}
