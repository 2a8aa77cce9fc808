//! `echo`.

use rig::{binary, bundled_dir, said};
use serde_json::{Value, json};
use std::process::Command;

/// What a method of `echo` gives back, called with this value.
fn echoed(method: &str, value: &Value) -> Value {
    let mut command = Command::new(binary("minion"));
    command.args(["call", "--json"]).arg(bundled_dir().join("echo.wasm")).arg(method);
    let said = said(command.args(["--args", &json!([value]).to_string()]));
    assert_eq!(said.code, 0, "{method} {value}: {said:?}");
    said.json()["value"].clone()
}

#[test]
fn every_type_comes_back_as_it_went() {
    let point = json!({ "x": 0.5, "y": -3.7e-32, "label": null });
    for (method, values) in [
        ("run-string", json!(["", "ß \u{1f600} \\ \" \n\t\u{0}", "x".repeat(100_000)])),
        ("run-bool", json!([true, false])),
        ("run-u8", json!([0, 255])),
        ("run-u16", json!([0, 65535])),
        ("run-u32", json!([0, u32::MAX])),
        ("run-s8", json!([-128, 127])),
        ("run-s16", json!([-32768, 32767])),
        ("run-s32", json!([i32::MIN, i32::MAX])),
        ("run-u64", json!([0, 37, "18446744073709551615"])),
        ("run-s64", json!([-1, "-9223372036854775808", "9223372036854775807"])),
        ("run-f32", json!([0.5, -1.0, "NaN", "Infinity"])),
        ("run-f64", json!([123.456, 123121232.23, 3.7e-32, 2.342_342_342_342_342e20, "-Infinity"])),
        ("run-char", json!(["a", "ß", "\u{1f600}"])),
        ("run-bytes", json!(["", "AP8KDQ=="])),
        ("run-list", json!([[], ["a", "", "ß"]])),
        ("run-tuple", json!([["a", -1, true]])),
        ("run-record", json!([point, { "x": 1.0, "y": 2.0, "label": "here" }])),
        ("run-variant", json!(["nothing", { "circle": 2.0 }, { "polygon": [point] }])),
        ("run-enum", json!(["first", "second", "third"])),
        ("run-flags", json!([[], ["read", "execute"], ["read", "write", "execute"]])),
        ("run-option", json!([null, "none", ""])),
        ("run-nested", json!([[null, { "ok": [point, "nothing"] }, { "err": "third" }]])),
    ] {
        for value in values.as_array().expect("a list") {
            assert_eq!(&echoed(method, value), value, "{method}");
        }
    }
    assert_eq!(echoed("run-result", &json!({ "ok": "done" })), "done");
}

#[test]
fn what_is_none_of_a_type_is_refused_before_it_runs() {
    for (method, value) in [
        ("run-u8", "256"),
        ("run-s8", "-- -129"),
        ("run-bool", "yes"),
        ("run-char", "ab"),
        ("run-enum", "fourth"),
        ("run-flags", "{fly}"),
    ] {
        let mut command = Command::new(binary("minion"));
        command.arg("call").arg(bundled_dir().join("echo.wasm")).arg(method);
        let said = said(command.args(value.split(' ')));
        assert_eq!(said.code, 2, "{method} {value}: {said:?}");
    }
    let mut command = Command::new(binary("minion"));
    command.arg("call").arg(bundled_dir().join("echo.wasm"));
    let failed = said(command.args(["run-result", "err(\"broken\")"]));
    assert!(failed.code == 1 && failed.err.contains("broken"), "{failed:?}");
}
