//! A minion that dies on a module's way into service goes on with the version before, and then with the new one.

use std::fs;

use machine::failpoint::{Daemon, Point};
use rig::until;
use serde_json::Value;

use crate::hotload::{Rig, which};

/// `which` as version 2, with so much in it that the compiler is busy for a while.
fn slow() -> Vec<u8> {
    let step = "(local.set 0 (i32.xor (i32.mul (local.get 0) (i32.load (local.get 1))) (local.get 0)))";
    let function = format!("(func (param i32 i32) (result i32) {} local.get 0)\n", step.repeat(STEPS));
    let text = format!(
        r#"(component
            (core module $m
                (memory 1)
                (func (export "version") (result i32) i32.const 2)
                {})
            (core instance $i (instantiate $m))
            (func (export "version") (result u32) (canon lift (core func $i "version")))
            (@custom "version" "2.0.0"))"#,
        function.repeat(FUNCTIONS)
    );
    wat::parse_str(text).expect("a component")
}

/// What was done to the module so far, as the minion's audit log has it, the newest last.
fn changes(rig: &Rig) -> Vec<(String, Option<String>)> {
    let log = fs::read_to_string(rig.fleet.minion_dir("web1").join("audit.jsonl")).expect("a log");
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let changes = entries.filter(|entry| entry["event"] == "module");
    changes.map(|entry| (text(&entry["change"]).expect("text"), text(&entry["version"]))).collect()
}

fn change(what: &str, version: &str) -> (String, Option<String>) {
    (what.to_owned(), Some(version.to_owned()))
}

/// Waits until a call is answered by this version.
fn await_answer(rig: &Rig, number: u32) {
    until(|| {
        let part = rig.called("which.version");
        if part["value"] == number { Ok(()) } else { Err(format!("not {number}: {part}")) }
    });
}

#[test]
fn wherever_a_minion_dies_on_a_versions_way_the_one_before_serves_until_the_new_one_does() {
    for point in Point::ALL.iter().copied().filter(|point| point.daemon() == Daemon::Modules) {
        // Shown only where it fails.
        println!("{point:?}");
        let mut rig = Rig::start(&[("which.wasm", &which(1))]);
        let failpoints = rig.fleet.failpoints("web1");
        failpoints.arm(point);
        rig.rename_into_place("which.wasm", &which(2));
        rig.fleet.take_minion("web1").await_kill();
        if matches!(point, Point::CompileBefore | Point::CompileAfter) {
            // The next life comes to the same point, and has the version before in service by then.
            rig.launch();
            rig.fleet.take_minion("web1").await_kill();
            assert_eq!(changes(&rig), [change("loaded", "1.0.0"), change("recalled", "1.0.0")]);
        }
        if matches!(point, Point::CompileBefore | Point::CompileAfter) {
            // The third does not try it, and the version before serves. Whoever wants it tried touches the file.
            rig.serve(2);
            rig.await_versions("which", &[("-", "failed"), ("1.0.0", "active")]);
            let listed = rig.listed().to_string();
            assert!(listed.contains("ended the minion while it loaded, 2 times"), "{listed}");
            failpoints.disarm();
            rig.touch("which.wasm");
        } else {
            failpoints.disarm();
            rig.serve(2);
        }
        rig.await_versions("which", &[("2.0.0", "active"), ("1.0.0", "retired")]);
        await_answer(&rig, 2);
    }
}

#[test]
fn calls_go_on_while_a_large_version_is_compiled_and_a_kill_in_the_middle_changes_nothing() {
    let mut rig = Rig::start(&[("which.wasm", &which(1))]);
    await_answer(&rig, 1);
    let slow = slow();
    rig.rename_into_place("which.wasm", &slow);
    let newest = |listed: &Value| listed["modules"][0]["versions"][0]["state"].clone();
    until(|| {
        let listed = rig.listed();
        if newest(&listed) == "compiling" { Ok(()) } else { Err(format!("{listed:#}")) }
    });
    assert_eq!(rig.called("which.version")["value"], 1);
    rig.await_versions("which", &[("-", "compiling"), ("1.0.0", "active")]);
    rig.fleet.take_minion("web1").kill();

    rig.serve(2);
    assert_eq!(rig.called("which.version")["outcome"], "ok");
    rig.await_versions("which", &[("2.0.0", "active"), ("1.0.0", "retired")]);
    await_answer(&rig, 2);
    assert_eq!(
        changes(&rig),
        [change("loaded", "1.0.0"), change("recalled", "1.0.0"), change("loaded", "2.0.0")]
    );
}

const FUNCTIONS: usize = 4000;
const STEPS: usize = 200;
