//! What a message takes in memory is charged as it is.

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::digest::Digest;
use crate::memory::Held;
use crate::message::call::{LogLevel, LogLine};
use crate::message::inventory::Inventory;
use crate::message::job::JobId;
use crate::message::link::{Hello, JobUpdate, Notice};
use crate::message::module::{Module, ModuleState};
use crate::message::outcome::{Failure, FailureKind, Outcome, Report};
use crate::message::v1::{self, Method};
use crate::value::Value;
use crate::value::arbitrary::{typed_value, types};

const PLENTY: usize = 1 << 30;

/// A message as it comes back from the wire, and what was charged for it.
fn charged<T: DeserializeOwned>(message: &impl serde::Serialize) -> (T, usize) {
    let bytes = postcard::to_stdvec(message).expect("encodes");
    let budget = Budget::of(PLENTY);
    let mut postcard = postcard::Deserializer::from_bytes(&bytes);
    let back = T::deserialize(Charged::new(&mut postcard, &budget)).expect("decodes");
    (back, PLENTY - budget.left())
}

fn method() -> impl Strategy<Value = Method> {
    let text = || prop::option::of(".{0,40}");
    let params = prop::collection::vec((".{0,9}", types()), 0..4);
    (text(), ".{0,9}", params, prop::option::of(types()), text(), text()).prop_map(
        |(interface, name, params, result, not_callable, docs)| Method {
            interface,
            name,
            params,
            result,
            is_async: false,
            not_callable,
            docs,
        },
    )
}

fn module() -> impl Strategy<Value = Module> {
    let parts = (prop::collection::vec(method(), 0..6), prop::collection::vec(".{0,30}", 0..6), ".{0,30}");
    let old = |(methods, imports, reason): (Vec<Method>, Vec<String>, String)| v1::Module {
        name: "test".parse().expect("a name"),
        version: None,
        digest: Digest::of(b""),
        description: Some(reason.clone()),
        state: ModuleState::Failed(reason),
        methods,
        imports,
        versions: Vec::new(),
    };
    parts.prop_map(move |parts| Module::from(old(parts)))
}

proptest! {
    #[test]
    fn a_value_is_charged_all_that_it_holds((_, value) in typed_value()) {
        let (back, charged) = charged::<Value>(&value);
        prop_assert!(charged >= back.held(), "{charged} for {} of {back:?}", back.held());
        prop_assert!(charged <= 2 * back.held() + 64, "{charged} for {} of {back:?}", back.held());
    }

    #[test]
    fn a_report_is_charged_all_that_it_holds(
        (_, value) in typed_value(),
        text in prop::option::of(".{0,99}"),
        would in prop::collection::vec(".{0,9}", 0..9),
    ) {
        let failure = Failure {
            kind: FailureKind::Error,
            message: text.clone().unwrap_or_default(),
            value: Some(value),
            stderr: text.clone(),
            backtrace: text,
        };
        let report = Report { would, ..Report::without_run(Outcome::Failed(failure), 1) };
        let update = JobUpdate::Finished { minion_job: None, report: Box::new(report) };
        let (back, charged) = charged::<JobUpdate>(&update);
        prop_assert!(charged >= back.held(), "{charged} for {} of {back:?}", back.held());
    }

    #[test]
    fn modules_are_charged_all_that_they_hold(modules in prop::collection::vec(module(), 0..5)) {
        let (back, charged) = charged::<Vec<Module>>(&modules);
        prop_assert!(charged >= back.held(), "{charged} for {} of {back:?}", back.held());
    }
}

#[test]
fn a_list_whose_length_is_only_announced_is_charged_as_it_grows() {
    let mut bytes = postcard::to_stdvec(&1_000_000_000_u64).expect("encodes");
    bytes.extend([0; 1000]);
    let budget = Budget::of(PLENTY);
    let mut postcard = postcard::Deserializer::from_bytes(&bytes);
    assert!(<Vec<String>>::deserialize(Charged::new(&mut postcard, &budget)).is_err());
    let charged = PLENTY - budget.left();
    assert!((24_000..60_000).contains(&charged), "{charged}");
}

/// What is small on the wire and large in memory is given up long before it is there.
#[test]
fn nothing_takes_more_memory_than_it_may() {
    let lists = Value::List(vec![Value::List(Vec::new()); 200_000]);
    let line = LogLine {
        level: LogLevel::Info,
        message: String::new(),
        fields: vec![(String::new(), String::new()); 100_000],
    };
    let nothing = || Hello {
        version: String::new(),
        modules: Inventory::default(),
        unacknowledged: Vec::new(),
        facts: String::new(),
        instance: None,
    };
    let ids = Hello { unacknowledged: vec![JobId::from_bytes([0; 16]); 200_000], ..nothing() };
    let module = module().new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let mut module = proptest::strategy::ValueTree::current(&module.expect("a module"));
    module.imports = vec![String::new(); 200_000];
    let modules = Hello { modules: Inventory { modules: vec![module], left_out: 0 }, ..nothing() };
    let too_large = |bytes: Vec<u8>, decode: &dyn Fn(&[u8], &Budget) -> bool| {
        let budget = Budget::of(1 << 20);
        assert!(!decode(&bytes, &budget) && budget.is_exceeded());
    };
    fn decoded<T: DeserializeOwned>(bytes: &[u8], budget: &Budget) -> bool {
        T::deserialize(Charged::new(&mut postcard::Deserializer::from_bytes(bytes), budget)).is_ok()
    }
    let encode = |message: &dyn Fn() -> postcard::Result<Vec<u8>>| message().expect("encodes");
    too_large(encode(&|| postcard::to_stdvec(&lists)), &decoded::<Value>);
    too_large(encode(&|| postcard::to_stdvec(&JobUpdate::Log(line.clone()))), &decoded::<JobUpdate>);
    too_large(encode(&|| postcard::to_stdvec(&Notice::Hello(ids.clone()))), &decoded::<Notice>);
    too_large(encode(&|| postcard::to_stdvec(&Notice::Hello(modules.clone()))), &decoded::<Notice>);
}

#[test]
fn a_buffer_is_reckoned_with_what_an_allocator_needs_for_it() {
    for (bytes, taken) in [(0, 0), (1, 32), (24, 32), (25, 48), (40, 48), (41, 64), (1 << 20, (1 << 20) + 16)]
    {
        assert_eq!(allocation(bytes), taken, "{bytes} bytes");
    }
    assert!(allocation(usize::MAX) > usize::MAX - 16);
}

/// Not less, so that nothing is held for which nobody paid, and not more, so that what may be sent is taken.
#[test]
fn a_list_is_charged_exactly_the_buffer_that_it_gets() {
    for length in [0, 1, 3, 4, 5, 100, 32_768, 32_769, 40_000] {
        let (back, charged) = charged::<Vec<Value>>(&vec![Value::Bool(true); length]);
        let around = size_of_val(&back);
        assert_eq!(charged, allocation(around) + back.held() - around, "{length} elements");
    }
}

#[test]
fn a_map_is_charged_twice_its_entries_and_their_texts() {
    type Map = std::collections::BTreeMap<String, Vec<bool>>;
    let given: Map = (0..50).map(|n| (format!("{n:030}"), vec![true; 100])).collect();
    let (back, charged) = charged::<Map>(&given);
    let texts = 50 * (allocation(30) + allocation(100));
    // The place of a key is paid for before it is known whether there is one.
    let entries = 51 * 2 * size_of::<String>() + 50 * 2 * size_of::<Vec<bool>>();
    assert_eq!((charged, &back), (allocation(size_of::<Map>()) + entries + texts, &given));
}

#[test]
fn a_message_may_take_exactly_what_it_takes() {
    let line = LogLine { level: LogLevel::Info, message: "hello".into(), fields: Vec::new() };
    let update = JobUpdate::Log(line);
    let (_, needed) = charged::<JobUpdate>(&update);
    let bytes = postcard::to_stdvec(&update).expect("encodes");
    for (may, is_exceeded) in [(needed, false), (needed - 1, true)] {
        let budget = Budget::of(may);
        let mut postcard = postcard::Deserializer::from_bytes(&bytes);
        let read = JobUpdate::deserialize(Charged::new(&mut postcard, &budget));
        assert_eq!((read.is_err(), budget.is_exceeded()), (is_exceeded, is_exceeded));
    }
}

#[test]
fn whoever_charges_changes_neither_what_is_read_nor_what_is_said_of_errors() {
    let read = |text: &str| {
        let budget = Budget::of(PLENTY);
        let mut json = serde_json::Deserializer::from_str(text);
        JobId::deserialize(Charged::new(&mut json, &budget)).map_err(|error| error.to_string())
    };
    assert_eq!(
        read("\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"").map(|id| id.to_string()).as_deref(),
        Ok("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    );
    assert_eq!(
        read("true"),
        Err("invalid type: boolean `true`, expected a string at line 1 column 4".into())
    );
}
