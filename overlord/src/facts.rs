//! Facts as minions send them: foreign text until it has been looked at.

use std::sync::Arc;

use serde_json::Value as Json;
use wire::message::link::MAX_FACTS;

/// Why what a minion sent as its facts is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFacts {
    /// It is too much.
    #[error("they take {0} bytes of {MAX_FACTS}")]
    TooLarge(usize),
    /// It is no JSON.
    #[error("they are not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("they are not a JSON object")]
    NotObject,
    /// It is nested further than any fact.
    #[error("they are nested more than {MAX_NESTING} deep")]
    TooDeep,
    /// It is small as text and would be large in memory.
    #[error("they are so many that they would take {0} bytes of memory of {MAX_HELD}")]
    TooMany(usize),
}

/// Reads the JSON object that a minion sent.
pub(crate) fn parse(text: &str) -> Result<Arc<Json>, BadFacts> {
    if text.len() > MAX_FACTS {
        return Err(BadFacts::TooLarge(text.len()));
    }
    let facts: Json = serde_json::from_str(text)?;
    if !facts.is_object() {
        return Err(BadFacts::NotObject);
    }
    if !fits(&facts, MAX_NESTING) {
        return Err(BadFacts::TooDeep);
    }
    let held = held(&facts);
    if held > MAX_HELD {
        return Err(BadFacts::TooMany(held));
    }
    Ok(Arc::new(facts))
}

/// Whether a value has no more levels than these.
fn fits(value: &Json, levels: usize) -> bool {
    match value {
        Json::Array(elements) => levels > 0 && elements.iter().all(|inner| fits(inner, levels - 1)),
        Json::Object(members) => levels > 0 && members.values().all(|inner| fits(inner, levels - 1)),
        _ => true,
    }
}

/// The bytes of memory that a value takes.
fn held(value: &Json) -> usize {
    let elsewhere = match value {
        Json::String(text) => text.capacity() + ALLOCATION,
        Json::Array(elements) => ALLOCATION + elements.iter().map(held).sum::<usize>(),
        Json::Object(members) => {
            let member = |(name, inner): (&String, &Json)| name.capacity() + ENTRY + held(inner);
            2 * ALLOCATION + members.iter().map(member).sum::<usize>()
        }
        _ => 0,
    };
    size_of::<Json>() + elsewhere
}

/// What an allocation takes besides its bytes.
const ALLOCATION: usize = 32;

/// What a member of an object takes besides its name's text and its value.
const ENTRY: usize = 64;

/// How many bytes of memory the facts of one minion may take.
const MAX_HELD: usize = 1 << 20;

/// How deep facts may be nested, the outermost object included.
const MAX_NESTING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).expect_err("refused").to_string()
    }

    #[test]
    fn facts_are_one_object() {
        assert_eq!(parse(r#"{"os":"debian"}"#).expect("taken")["os"], "debian");
        assert_eq!(refused("[1]"), "they are not a JSON object");
        assert!(refused("{\"os\":").starts_with("they are not JSON: "));
        assert!(refused("").starts_with("they are not JSON: "));
    }

    #[test]
    fn facts_have_a_depth_and_a_size() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(&nested(MAX_NESTING)).is_ok());
        assert_eq!(refused(&nested(MAX_NESTING + 1)), "they are nested more than 8 deep");
        assert!(refused(&nested(20_000)).starts_with("they are not JSON: "));
        assert!(refused(&" ".repeat(MAX_FACTS + 1)).starts_with("they take "));
    }

    #[test]
    fn facts_that_are_small_as_text_and_large_in_memory_are_refused() {
        for one in ["[]", "{}", "0", "{\"\":{}}"] {
            let many =
                format!("{{\"a\":[{}{one}]}}", format!("{one},").repeat(MAX_FACTS / (one.len() + 1) - 20));
            let refused = refused(&many);
            assert!(refused.starts_with("they are so many"), "{one}: {refused}");
        }
        let labels: Vec<String> = (0..2_000).map(|n| format!("\"label{n}\":\"some value of it\"")).collect();
        assert!(parse(&format!("{{{}}}", labels.join(","))).is_ok());
    }
}
