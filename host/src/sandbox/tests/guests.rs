//! Jobs of real guests, built from the fixtures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use wire::value::Value;

use super::{Limits, LoadedModule, ModulePolicy, OutcomeKind, Rig, sandbox};

fn bytes(fixture: &str) -> Vec<u8> {
    std::fs::read(xtask::guests::fixture(fixture)).unwrap()
}

/// A fixture under a policy; compiled once for all tests that want it so.
pub(super) fn rig(fixture: &'static str, policy: ModulePolicy) -> Rig {
    static LOADED: OnceLock<Mutex<HashMap<String, Arc<LoadedModule>>>> = OnceLock::new();
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap();
    let module = loaded
        .entry(format!("{fixture} {policy:?}"))
        .or_insert_with(|| sandbox().load("guest".parse().unwrap(), &bytes(fixture), &policy).unwrap());
    Rig::of(module.clone())
}

fn hostile() -> Rig {
    rig("hostile", ModulePolicy::default())
}

fn limited(limits: Limits) -> Rig {
    rig("hostile", ModulePolicy { limits, ..ModulePolicy::default() })
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_the_last_words_and_a_backtrace() {
    let failure = hostile().failure("complain", r#"[["one", "two"], "left the rails"]"#).await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
    assert_eq!(failure.message, "panicked: left the rails");
    assert!(failure.stderr.unwrap().starts_with("one\ntwo\n"));
    let backtrace = failure.backtrace.unwrap();
    assert!(backtrace.contains("wasm function"), "{backtrace}");
}

#[tokio::test]
async fn an_exit_and_an_abort_are_traps() {
    let rig = hostile();
    assert_eq!(rig.failure("exit", "[0]").await.message, "exited with code 0 instead of returning");
    assert_eq!(rig.failure("exit", "[1]").await.message, "exited with code 1 instead of returning");
    assert_eq!(rig.ends("abort").await.0, OutcomeKind::Trapped);
}

#[tokio::test]
async fn memory_that_is_refused_is_a_value_to_one_guest_and_the_end_of_another() {
    let rig = hostile();
    let Some(Value::Unsigned(mib)) = rig.value("fill-memory", "[]").await else { panic!("no number") };
    assert!((32..64).contains(&mib), "{mib}");
    let (kind, told) = rig.ends("bomb").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert!(told.starts_with("over its memory limit of 64 MiB (limits.memory)"), "{told}");
}

#[tokio::test]
async fn recursion_without_end_is_a_trap_also_through_the_host() {
    let rig = hostile();
    for method in ["recurse", "recurse-through-host"] {
        assert_eq!(rig.ends(method).await.0, OutcomeKind::Trapped, "{method}");
    }
}

#[tokio::test]
async fn a_huge_result_is_a_trap_that_names_the_limit() {
    let rig = limited(Limits { memory: 512 << 20, ..Limits::default() });
    for (method, arguments) in [("huge-text", "[100]"), ("huge-list", "[2000000]")] {
        let failure = rig.failure(method, arguments).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
        assert!(failure.message.contains("output limit of 4 MiB (limits.output)"), "{}", failure.message);
    }
}

#[tokio::test]
async fn floods_are_taken_counted_and_cut() {
    for text in ["lines", "one-line", "invalid", "zeros"] {
        for method in ["flood-stdout", "flood-stderr"] {
            let rig = hostile();
            rig.value(method, &format!("[8, \"{text}\"]")).await;
            let log = rig.events.log.lock().unwrap();
            assert!(log.len() <= 1_001, "{method} {text}: {} lines", log.len());
            assert!(log.last().unwrap().message.starts_with("left out"), "{method} {text}");
        }
    }
    let rig = hostile();
    rig.value("flood-log", "[5000, 100]").await;
    assert_eq!(rig.events.log.lock().unwrap().len(), 1_001);
    rig.value("flood-progress", "[5000]").await;
    assert_eq!(rig.events.progress.lock().unwrap().last().unwrap().done, 5_000);
}

#[tokio::test]
async fn partial_results_end_at_the_output_limit() {
    let rig = hostile();
    let failure = rig.failure("flood-emit", "[100, 100000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Error);
    assert!(failure.message.contains("limits.output is 4 MiB"), "{}", failure.message);
    assert_eq!(rig.events.chunks.lock().unwrap().len(), (4 << 20) / 100_000);
}

#[tokio::test]
async fn handles_are_bounded() {
    let failure = hostile().failure("leak-handles", "[100000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
}

#[tokio::test]
async fn guests_are_stopped_in_a_loop_in_a_nap_in_a_host_call_and_when_they_ask() {
    for (method, kind) in [
        ("spin", OutcomeKind::Killed),
        ("nap-forever", OutcomeKind::Killed),
        ("sleep", OutcomeKind::Killed),
        ("until-cancelled", OutcomeKind::Cancelled),
    ] {
        let rig = hostile();
        let ((ended, told), ()) = tokio::join!(rig.ends(method), async { rig.cancel.cancel() });
        assert_eq!(ended, kind, "{method}: {told}");
    }
}

#[tokio::test]
async fn bytes_go_in_and_out_whole_in_great_number() {
    let rig = rig("values", ModulePolicy::default());
    let length = 4 << 20;
    let value = Value::Bytes(vec![7; length]);
    let report = rig.report_of("echo-bytes", vec![value.clone()]).await;
    assert!(report.outcome == wire::message::outcome::Outcome::Ok(Some(value.clone())));
    let count = rig.report_of("count-bytes", vec![value]).await.outcome;
    assert_eq!(count, wire::message::outcome::Outcome::Ok(Some(Value::Unsigned(length as u64))));
    for method in ["make-bytes", "try-bytes"] {
        let value = rig.value(method, &format!("[{length}]")).await;
        assert!(matches!(value, Some(Value::Bytes(bytes)) if bytes.len() == length), "{method}");
    }
}

#[tokio::test]
async fn buried_bytes_are_refused_in_great_number_with_a_way_out() {
    let rig = rig("values", ModulePolicy::default());
    let file = |length| {
        Value::Record(vec![
            ("name".into(), Value::String("f".into())),
            ("data".into(), Value::Bytes(vec![b'x'; length])),
        ])
    };
    let small = file(100_000);
    let echoed = rig.report_of("echo-file", vec![small.clone()]).await.outcome;
    assert_eq!(echoed, wire::message::outcome::Outcome::Ok(Some(small)));
    let refused = rig.report_of("echo-file", vec![file(1 << 20)]).await.outcome;
    let wire::message::outcome::Outcome::Failed(failure) = refused else { panic!("accepted") };
    assert_eq!(failure.kind.as_str(), "bad-arguments");
    assert!(failure.message.contains("pass a string, or a file in a granted folder"), "{}", failure.message);
    let failure = rig.failure("make-file", "[1000000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
    assert!(failure.message.contains("return a string, or write a file"), "{}", failure.message);
}

#[tokio::test]
async fn every_type_goes_in_and_comes_back() {
    let rig = rig("values", ModulePolicy::default());
    let everything = r#"[{
        "truth": true, "tiny-signed": -128, "tiny": 255, "small-signed": -32768, "small": 65535,
        "middle-signed": -2147483648, "middle": 4294967295, "large-signed": "-9223372036854775808",
        "large": "18446744073709551615", "single": 1.5, "double": "NaN", "letter": "ß", "text": "grüße",
        "numbers": [1, 2], "grid": [[], [-1]], "pair": ["x", false], "shade": "light-grey",
        "shape": {"polygon": [[1, -2]]}, "permissions": ["read", "grant"], "maybe": null,
        "perhaps": {"some": null}, "outcome": {"err": "no"}, "only-error": {"ok": null}, "bare": {"err": null}
    }]"#;
    let value = rig.value("echo-everything", everything).await.unwrap();
    let sent: serde_json::Value = serde_json::from_str(everything).unwrap();
    assert_eq!(wire::value::json::to_json(&value), sent[0]);
}

#[tokio::test]
async fn async_guests_are_called_and_what_cannot_be_is_listed_with_the_reason() {
    let rig = rig("async-guest", ModulePolicy::default());
    assert_eq!(rig.value("greet", r#"["world"]"#).await, Some(Value::String("hello, world".into())));
    assert_eq!(rig.value("add", "[2, 3]").await, Some(Value::Unsigned(5)));
    let reason = |name: &str| rig.module.method(name).unwrap().not_callable.clone().unwrap();
    assert_eq!(reason("bytes"), "its signature has a stream<u8>");
    assert_eq!(reason("later"), "its signature has a future<string>");
    assert_eq!(reason("open"), "its signature has a resource");
    let methods = &rig.module.describe().methods;
    assert!(
        methods.iter().any(|method| method.name == "[constructor]counter" && method.not_callable.is_some())
    );
}

#[tokio::test]
async fn docs_version_and_description_come_with_the_module() {
    let rig = hostile();
    let module = rig.module.describe();
    assert_eq!(module.description.as_deref(), Some("Does what a host must survive."));
    assert_eq!(module.method("exit").unwrap().docs.as_deref().map(|docs| docs.len() > 20), Some(true));
    assert!(module.version.is_some());
    assert_eq!(rig.module.warnings(), [""; 0]);
}
