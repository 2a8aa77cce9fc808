//! Modules that are commands.

use wire::message::outcome::FailureKind;
use wire::value::Value;

use super::capabilities::granted;
use super::guests::rig;
use super::{Limits, ModulePolicy, OutcomeKind, Rig, RunMode, load};

fn program() -> Rig {
    rig("program", ModulePolicy::default())
}

async fn printed(rig: &Rig, arguments: &str) -> String {
    match rig.value("run", arguments).await {
        Some(Value::String(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn arguments_environment_and_input_go_into_a_command_and_its_output_comes_back() {
    let rig = program();
    assert_eq!(printed(&rig, "[]").await, "guest has nothing to do\n");
    assert_eq!(printed(&rig, r#"[["say", "one", "two words", ""]]"#).await, "one\ntwo words\n\n");
    assert_eq!(printed(&rig, r#"{"args": ["copy"], "stdin": "grüß\n"}"#).await, "grüß\n");
    assert_eq!(printed(&rig, r#"[["copy"]]"#).await, "");
    assert_eq!(printed(&rig, r#"[["exit", "0"]]"#).await, "");
    assert!(rig.events.log.lock().unwrap().is_empty(), "its result is in the log too");
}

#[tokio::test]
async fn the_call_has_the_last_word_on_a_variable_that_is_granted() {
    assert_eq!(printed(&program(), r#"[["env"]]"#).await, "");
    let rig = rig("program", granted("env = ['PATH', 'CARGO_PKG_NAME']"));
    let path = std::env::var("PATH").unwrap();
    let said = printed(
        &rig,
        r#"[["env"], [["CARGO_PKG_NAME", "first"], ["A", "b=c"], ["CARGO_PKG_NAME", "mine"]]]"#,
    );
    assert_eq!(said.await, format!("A=b=c\nCARGO_PKG_NAME=mine\nPATH={path}\n"));
}

#[tokio::test]
async fn what_no_program_could_be_given_is_refused() {
    for (arguments, told) in [
        (r#"[["say", "a\u0000b"]]"#, "\"guest.run\" cannot take a NUL in an argument (args[1])"),
        (r#"[[], [["A=B", "c"]]]"#, "\"guest.run\" cannot take the variable \"A=B\""),
        (r#"[[], [["", "c"]]]"#, "\"guest.run\" cannot take the variable \"\""),
        (r#"[[], [["A", "\u0000"]]]"#, "\"guest.run\" cannot take the variable \"A\""),
    ] {
        let failure = program().failure("run", arguments).await;
        assert_eq!(failure.kind, FailureKind::BadArguments);
        assert!(failure.message.starts_with(told), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_exit_code_is_an_error_with_the_last_words_and_what_was_printed() {
    let rig = program();
    let failure = rig.failure("run", r#"[["fail"]]"#).await;
    assert_eq!(failure.kind, FailureKind::Error);
    assert_eq!(failure.message, "exited with code 1: no such unit");
    assert_eq!(failure.stderr.as_deref(), Some("looking\nno such unit\n"));
    let stdout = ("stdout".to_owned(), Value::String("as far as this\n".into()));
    let exit = Value::Record(vec![("code".into(), Value::Unsigned(1)), stdout]);
    assert_eq!(failure.value, Some(exit));
    assert_eq!(rig.failure("run", r#"[["exit", "4"]]"#).await.message, "exited with code 1");
}

/// A command without imports but one, which its `run` calls with 7 before it gives back this.
fn exiting(function: &str, param: &str, result: u8) -> String {
    format!(
        r#"(component
            (import "wasi:cli/exit@0.2.12" (instance $exit (export "{function}" (func (param {param})))))
            (core func $exit (canon lower (func $exit "{function}")))
            (core module $m
                (import "host" "exit" (func $exit (param i32)))
                (func (export "run") (result i32)
                    (if (i32.eq (i32.const {result}) (i32.const 0)) (then (call $exit (i32.const 7))))
                    (i32.const {result})))
            (core instance $i (instantiate $m (with "host" (instance (export "exit" (func $exit))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@0.2.12" (instance $cli)))"#
    )
}

#[tokio::test]
async fn a_command_that_can_say_its_code_is_understood() {
    let coded = exiting("exit-with-code", r#""status-code" u8"#, 0);
    assert_eq!(Rig::new(&coded).ends("run").await, (OutcomeKind::Error, "exited with code 7".to_owned()));
    let returned = exiting("exit-with-code", r#""status-code" u8"#, 1);
    assert_eq!(Rig::new(&returned).ends("run").await, (OutcomeKind::Error, "exited with code 1".to_owned()));
}

#[tokio::test]
async fn output_beyond_the_limit_is_no_result() {
    let limits = Limits { output: 100 << 10, ..Limits::default() };
    let rig = rig("program", ModulePolicy { limits, ..ModulePolicy::default() });
    assert_eq!(printed(&rig, r#"[["flood", "100000"]]"#).await.len(), 100_000);
    let failure = rig.failure("run", r#"[["flood", "200000"]]"#).await;
    assert_eq!(failure.kind, FailureKind::Trapped);
    assert_eq!(failure.message, "its result is over the output limit of 100 KiB (limits.output)");
    let logged: usize = rig.events.log.lock().unwrap().iter().map(|line| line.message.len()).sum();
    assert!((1..=20_000).contains(&logged), "{logged} bytes in the log");
}

#[tokio::test]
async fn output_that_is_no_text_is_shown_and_warned_of() {
    let rig = program();
    assert_eq!(printed(&rig, r#"[["latin"]]"#).await, "gr\u{fffd}\u{fffd}\n");
    let log = rig.events.log.lock().unwrap();
    assert!(log[0].message.starts_with("standard output is not text (UTF-8) at byte 2"), "{log:?}");
}

#[tokio::test]
async fn a_command_ends_as_every_method_does_and_what_it_printed_is_in_the_log() {
    let limits = Limits { cpu: std::time::Duration::from_millis(50), ..Limits::default() };
    let spinning = rig("program", ModulePolicy { limits, ..ModulePolicy::default() });
    let failure = spinning.failure("run", r#"[["spin"]]"#).await;
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert_eq!(spinning.events.log.lock().unwrap()[0].message, "begun");
    let cancelled = program();
    cancelled.cancel.cancel();
    assert_eq!(cancelled.failure("run", r#"[["spin"]]"#).await.kind, FailureKind::Killed);
    let panicked = program().failure("run", r#"[["panic"]]"#).await;
    assert_eq!(
        (panicked.kind, panicked.message.as_str()),
        (FailureKind::Trapped, "panicked: left the rails")
    );
}

#[tokio::test]
async fn a_dry_run_of_a_command_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = format!("files = [{{ host = '{}', guest = '/data', mode = 'rw' }}]", folder.path().display());
    let rig = Rig { mode: RunMode::Dry, ..rig("program", granted(&files)) };
    let report = rig.report("run", r#"[["save", "/data/it"]]"#).await;
    assert!(!folder.path().join("it").exists());
    assert!(report.would[0].contains("/data/it"), "{report:?}");
    let rig = Rig { mode: RunMode::Real, ..rig };
    assert_eq!(printed(&rig, r#"[["save", "/data/it"]]"#).await, "");
    assert_eq!(std::fs::read_to_string(folder.path().join("it")).unwrap(), "saved");
}

#[tokio::test]
async fn a_command_may_have_methods_of_its_own_and_a_run_of_its_own() {
    let with = |exports: &str| {
        format!(
            r#"(component
                (core module $m
                    (func (export "run") (result i32) i32.const 0)
                    (func (export "own") (result i32) i32.const 7))
                (core instance $i (instantiate $m))
                (func $run (result (result)) (canon lift (core func $i "run")))
                (func $own (result u32) (canon lift (core func $i "own")))
                (instance $cli (export "run" (func $run)))
                (export "wasi:cli/run@0.2.0" (instance $cli))
                {exports})"#
        )
    };
    let both = Rig::new(&with(r#"(export "count" (func $own))"#));
    assert_eq!(both.value("count", "[]").await, Some(Value::Unsigned(7)));
    assert_eq!(printed(&both, "[]").await, "");
    let clash = Rig::new(&with(r#"(export "run" (func $own))"#));
    assert_eq!(clash.value("run", "[]").await, Some(Value::Unsigned(7)));
    assert_eq!(clash.value("run/run", "[]").await, Some(Value::String(String::new())));
    assert_eq!(clash.value("wasi:cli/run@0.2.0/run", "[]").await, Some(Value::String(String::new())));
}

#[tokio::test]
async fn a_command_of_0_3_is_one_too() {
    let rig = Rig::new(
        r#"(component
            (import "wasi:cli/environment@0.3.0" (instance $x
                (export "get-arguments" (func (result (list string))))))
            (core module $libc
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
            (core instance $libc (instantiate $libc))
            (core func $call (canon lower (func $x "get-arguments")
                (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
            (core module $m
                (import "libc" "memory" (memory 1))
                (import "host" "call" (func $call (param i32)))
                (func (export "run") (result i32)
                    (call $call (i32.const 512))
                    (i32.ne (i32.load (i32.const 516)) (i32.const 3))))
            (core instance $i (instantiate $m
                (with "libc" (instance $libc))
                (with "host" (instance (export "call" (func $call))))))
            (func $run async (result (result)) (canon lift (core func $i "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@0.3.0" (instance $cli)))"#,
    );
    assert_eq!(printed(&rig, r#"[["a", "b"]]"#).await, "");
    assert_eq!(rig.failure("run", r#"[["a"]]"#).await.message, "exited with code 1");
}

#[test]
fn a_module_without_methods_is_listed_as_what_it_is() {
    let proxy = r#"(component
        (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (instance $x (export "handle" (func $f)))
        (export "wasi:http/incoming-handler@0.2.0" (instance $x)))"#;
    let module = load(proxy, &ModulePolicy::default()).unwrap();
    let module = module.describe();
    assert_eq!(module.count_of_methods(), "no methods");
    assert_eq!(module.description.as_deref(), Some("is an HTTP proxy, which serves requests"));
    assert!(module.description().contains("no methods"));
}
