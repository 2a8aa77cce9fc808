//! Random lists and calls, decided here in the plainest way and by the access list.

use proptest::prelude::*;
use serde_json::json;

use wire::message::v1::Type;
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};

use super::{list_of, option_of, said};

/// A constraint: texts that begin so, texts, numbers, numbers from one to another, and none.
#[derive(Clone, Debug)]
struct Model {
    starts: Vec<&'static str>,
    texts: Vec<&'static str>,
    numbers: Vec<i64>,
    range: Option<(i64, i64)>,
    absent: bool,
}

/// A rule: whether it is about Ann, and what it says of which of the arguments, by their place.
type Rule = (bool, Vec<(usize, Model)>);

/// What a call gives for a text, a number, texts, and a number that may be left out.
#[derive(Clone, Debug)]
struct Given {
    text: &'static str,
    number: i64,
    texts: Vec<&'static str>,
    maybe: Option<i64>,
}

/// One part of an argument.
enum Part {
    Text(&'static str),
    Number(i64),
    None,
}

const TEXTS: [&str; 5] = ["", "a", "ab", "b", "ba"];
/// The parameters, and behind them a name that is none.
const NAMES: [&str; 5] = ["text", "number", "texts", "maybe", "nobody"];

impl Given {
    fn parts(&self, place: usize) -> Option<Vec<Part>> {
        match place {
            0 => Some(vec![Part::Text(self.text)]),
            1 => Some(vec![Part::Number(self.number)]),
            2 => Some(self.texts.iter().copied().map(Part::Text).collect()),
            3 => Some(vec![self.maybe.map_or(Part::None, Part::Number)]),
            _ => None,
        }
    }

    /// The call, written in one of several ways.
    fn written(&self, way: usize) -> Arguments {
        let Given { text, number, texts, maybe } = self;
        let word = |word: String| Word::Text(word);
        match way {
            0 => {
                let mut words =
                    vec![word((*text).to_owned()), word(number.to_string()), word(json!(texts).to_string())];
                words.extend(maybe.map(|number| word(number.to_string())));
                Arguments::Words(words)
            }
            1 => Arguments::Json(json!([text, number.to_string(), texts, maybe]).to_string()),
            2 => Arguments::Json(
                json!({ "maybe": maybe, "texts": texts, "number": number, "text": text }).to_string(),
            ),
            3 if maybe.is_none() => {
                Arguments::Json(json!({ "texts": texts, "number": number, "text": text }).to_string())
            }
            _ => {
                let text = |text: &&str| Value::String((*text).to_owned());
                let maybe = maybe.map(|number| Box::new(Value::Signed(number)));
                Arguments::Values(vec![
                    text(&self.text),
                    Value::Signed(*number),
                    Value::List(texts.iter().map(text).collect()),
                    Value::Option(maybe),
                ])
            }
        }
    }
}

impl Model {
    /// Whether it names what no argument at this place can be.
    fn is_unfit(&self, place: usize) -> bool {
        match place {
            0 | 2 => self.range.is_some() || !self.numbers.is_empty(),
            1 | 3 => !self.starts.is_empty() || !self.texts.is_empty(),
            _ => false,
        }
    }

    /// Whether it names a part; `None` where it says nothing of parts like this one.
    fn names(&self, part: &Part) -> Option<bool> {
        let of_texts = !self.starts.is_empty() || !self.texts.is_empty();
        let of_numbers = self.range.is_some() || !self.numbers.is_empty();
        let only_absent = !of_texts && !of_numbers;
        match part {
            Part::None => Some(self.absent),
            Part::Text(text) => {
                let named =
                    self.texts.contains(text) || self.starts.iter().any(|start| text.starts_with(start));
                (of_texts || only_absent).then_some(named)
            }
            Part::Number(number) => {
                let in_range = self.range.is_some_and(|(min, max)| (min..=max).contains(number));
                (of_numbers || only_absent).then_some(in_range || self.numbers.contains(number))
            }
        }
    }

    fn written(&self) -> String {
        let Model { starts, texts, numbers, range, absent } = self;
        let globs: Vec<String> = starts.iter().map(|start| format!("{start}*")).collect();
        let list: Vec<_> =
            texts.iter().map(|text| json!(text)).chain(numbers.iter().map(|number| json!(number))).collect();
        let range =
            range.map_or(String::new(), |(min, max)| format!("range = {{ min = {min}, max = {max} }}, "));
        format!("{{ {range}globs = {}, list = {}, absent = {absent} }}", json!(globs), json!(list))
    }
}

/// Whether a rule of `allow` allows a call.
fn allows((is_about, constraints): &Rule, given: &Given) -> bool {
    let holds = |(place, model): &(usize, Model)| {
        let parts = given.parts(*place).unwrap_or_default();
        !parts.is_empty() && parts.iter().all(|part| model.names(part) == Some(true))
    };
    *is_about && constraints.iter().all(holds)
}

/// Whether a rule of `deny` denies a call.
fn denies((is_about, constraints): &Rule, given: &Given) -> bool {
    let named = |(place, model): &(usize, Model)| match given.parts(*place) {
        None => false,
        Some(parts) => parts.iter().any(|part| model.names(part) == Some(true)),
    };
    let cannot_be_held = |constraint: &(usize, Model)| match given.parts(constraint.0) {
        None => true,
        Some(_) if constraint.1.is_unfit(constraint.0) => true,
        Some(parts) => !named(constraint) && parts.iter().any(|part| constraint.1.names(part).is_none()),
    };
    *is_about && (constraints.iter().all(named) || constraints.iter().any(cannot_be_held))
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let texts = || prop::collection::vec(prop::sample::select(TEXTS.to_vec()), 0..3);
    let numbers = prop::collection::vec(-3_i64..3, 0..3);
    let range = prop::option::of((-3_i64..3, 0_i64..3).prop_map(|(min, length)| (min, min + length)));
    let model = (texts(), texts(), numbers, range, any::<bool>());
    let model = model.prop_map(|(starts, texts, numbers, range, absent)| {
        let is_empty = starts.is_empty() && texts.is_empty() && numbers.is_empty() && range.is_none();
        Model { starts, texts, numbers, range, absent: absent || is_empty }
    });
    // The last name, which the method does not have, is rarer than the others.
    let place = prop_oneof![9 => 0..NAMES.len() - 1, 1 => Just(NAMES.len() - 1)];
    let constraints =
        prop::collection::btree_map(place, model, 0..3).prop_map(|by_place| by_place.into_iter().collect());
    prop::collection::vec((prop::bool::weighted(0.8), constraints), 0..4)
}

fn calls() -> impl Strategy<Value = Given> {
    let text = || prop::sample::select(TEXTS.to_vec());
    let texts = prop::collection::vec(text(), 0..3);
    (text(), -3_i64..3, texts, prop::option::of(-3_i64..3)).prop_map(|(text, number, texts, maybe)| Given {
        text,
        number,
        texts,
        maybe,
    })
}

fn written(rules: &[Rule]) -> String {
    let argument = |(place, model): &(usize, Model)| format!("{} = {}", NAMES[*place], model.written());
    let rule = |(is_about, constraints): &Rule| {
        let arguments: Vec<String> = constraints.iter().map(argument).collect();
        let operator = if *is_about { "an*" } else { "bob" };
        format!("{{ operator = \"{operator}\", arguments = {{ {} }} }}", arguments.join(", "))
    };
    format!("[{}]", rules.iter().map(rule).collect::<Vec<_>>().join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]
    #[test]
    fn the_list_decides_as_the_plainest_way_does_however_the_call_is_written(
        allow in prop::option::of(rules()),
        deny in rules(),
        given in calls(),
    ) {
        let params = [
            ("text", Type::String),
            ("number", Type::S64),
            ("texts", list_of(Type::String)),
            ("maybe", option_of(Type::S64)),
        ];
        let allowed = allow.as_ref().is_none_or(|rules| rules.iter().any(|rule| allows(rule, &given)));
        let expected = allowed && !deny.iter().any(|rule| denies(rule, &given));
        let allow = allow.map(|rules| format!("allow = {}\n", written(&rules))).unwrap_or_default();
        let list = format!("{allow}deny = {}", written(&deny));
        for way in 0..5 {
            let decision = said(&list, &params, &given.written(way));
            prop_assert_eq!(decision.is_ok(), expected, "{} {:?} {:?}", list, given, decision);
        }
    }
}
