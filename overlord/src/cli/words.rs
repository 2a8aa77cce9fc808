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
///
/// What is signed must not depend on what an overlord says, so there each such word stands for contents, and minions refuse those
/// that their method does not take.
pub(super) async fn arguments(
    client: &Client,
    target: &Target,
    method: &MethodPath,
    words: Vec<String>,
) -> Result<Arguments, CliError> {
    let given = if !words.iter().any(|word| given::is_reference(word)) {
        given::words(words, |_| false, std::io::stdin())
    } else if client.signs() {
        given::words(words, |_| true, std::io::stdin())
    } else {
        let methods = client.method(target.clone(), method.clone()).await?.answer;
        given::words(words, |place| takes_contents(&methods, place), std::io::stdin())
    };
    Ok(Arguments::Words(given?))
}

/// Whether the parameter at this place takes contents on every minion: where they differ, a word stays a word.
fn takes_contents(methods: &[OneMethod], place: usize) -> bool {
    !methods.is_empty() && methods.iter().all(|method| method.signature().takes_contents(place))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use wire::message::v1::{Method, Type};
    use wire::value::arguments::Word;

    use super::*;
    use crate::client::stolen::{Stolen, first_for_all};

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

    #[tokio::test]
    async fn what_is_signed_of_a_file_is_for_no_overlord_to_say() {
        let stolen = Stolen::that(first_for_all).await;
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"inside").expect("written");
        let words = vec![format!("@{}", file.path().display()), "@@admin".into(), "plain".into()];
        let method = "test.write".parse().expect("a method");
        let given = arguments(&stolen.client, &Target::of("*"), &method, words).await.expect("read");
        let text = |text: &str| Word::Text(text.into());
        let expected = vec![Word::File(b"inside".into()), text("@admin"), text("plain")];
        assert_eq!(given, Arguments::Words(expected));
        assert!(machine::lock::hold(&stolen.asked).is_empty(), "the overlord was asked");
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
