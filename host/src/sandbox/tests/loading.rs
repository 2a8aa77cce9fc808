//! Modules that are loaded, or not.

use wire::value::Value;

use super::{Limits, ModulePolicy, Rig, Sandbox, SandboxConfig, component, load, sandbox};
use crate::sandbox::{EngineMode, Standing};

fn refusal(component: &str) -> String {
    load(component, &ModulePolicy::default()).expect_err("refused").to_string()
}

#[test]
fn a_module_that_cannot_be_used_is_refused_in_one_line_that_names_it() {
    for bytes in
        [&b""[..], b"hello there", b"\0asm\x01\0\0\0", b"\x7fELF", &[7; 100], b"\0asm\x0d\0\x01\0\x01"]
    {
        let error = sandbox().load("guest".parse().unwrap(), bytes, &ModulePolicy::default());
        let told = error.expect_err("refused").to_string();
        assert!(told.starts_with("module \"guest\" ") && !told.contains('\n'), "{told}");
    }
}

#[test]
fn a_component_cut_off_at_any_byte_is_refused_or_a_smaller_one_but_never_a_panic() {
    let whole = wat::parse_str(component("(func (export \"f\"))", &[("f", "")])).unwrap();
    let mut refused = 0;
    for length in 0..whole.len() {
        let loaded = sandbox().load("guest".parse().unwrap(), &whole[..length], &ModulePolicy::default());
        refused += usize::from(loaded.is_err());
    }
    // A cut between two sections leaves what was before it.
    assert!(refused > whole.len() * 9 / 10, "{refused} of {}", whole.len());
}

#[test]
fn what_a_parser_says_in_many_lines_is_told_in_one() {
    // A core module whose first bytes are other ones; the parser shows both, byte by byte and line by line.
    let bytes = b"\0asm\x0d\0\x01\0\x01\x08\0asn\x01\0\0\0";
    let error = sandbox().load("guest".parse().unwrap(), bytes, &ModulePolicy::default());
    let told = error.expect_err("refused").to_string();
    assert!(told.contains("magic") && !told.contains('\n'), "{told}");
}

#[test]
fn of_very_many_missing_imports_some_are_told_and_the_others_counted() {
    let imports: String =
        (0..1_000).map(|n| format!("(import \"a:b/c{n}\" (instance (export \"f\" (func))))")).collect();
    let told = refusal(&format!("(component {imports})"));
    assert!(told.ends_with("; it has 980 further problems") && told.len() < 10_000, "{told}");
}

#[test]
fn every_missing_grant_is_told_at_once() {
    let told = refusal(
        r#"(component
            (import "minion:kv/kv@0.1.0" (instance (export "f" (func))))
            (import "minion:facts/facts@0.1.0" (instance (export "f" (func)))))"#,
    );
    assert!(
        told.contains("add `kv = ") && told.contains("; it needs \"minion:facts/facts@0.1.0\""),
        "{told}"
    );
}

#[test]
fn an_import_of_the_right_name_and_the_wrong_type_is_refused() {
    let told = refusal(
        r#"(component (import "minion:job/job@0.1.0" (instance (export "id" (func (result u32))))))"#,
    );
    assert!(told.contains("does not fit what this minion offers"), "{told}");
}

#[test]
fn what_does_not_fit_the_limits_is_refused_before_its_first_job() {
    let told = refusal(&component("(memory 2000) (func (export \"f\"))", &[("f", "")]));
    assert!(told.contains("begins with 125 MiB of memory and limits.memory is 64 MiB"), "{told}");
    let nine = component(&format!("{} (func (export \"f\"))", "(memory 1)".repeat(9)), &[("f", "")]);
    load(&nine, &ModulePolicy::default()).expect_err("refused");
    let table = component("(table 30000 funcref) (func (export \"f\"))", &[("f", "")]);
    assert!(refusal(&table).contains("has a table of 30000 elements and limits.table is 20000"));
    let limits = Limits { table: 30_000, ..Limits::default() };
    load(&table, &ModulePolicy { limits, ..ModulePolicy::default() }).unwrap();
}

#[test]
fn exports_of_interfaces_and_of_the_root_are_methods_and_those_of_wasi_are_not() {
    let loaded = load(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $unit (export "restart" (func $f)))
            (export "acme:service/unit@1.0.0" (instance $unit))
            (export "acme:service/timer@1.0.0" (instance $unit))
            (export "wasi:cli/run@0.2.0" (instance $unit))
            (export "ping" (func $f)))"#,
        &ModulePolicy::default(),
    )
    .unwrap();
    let names: Vec<String> = loaded.describe().methods.iter().map(|method| method.qualified()).collect();
    assert_eq!(names, ["unit/restart", "timer/restart", "ping"]);
    assert!(loaded.method("restart").unwrap_err().to_string().contains("is ambiguous"));
    assert!(loaded.method("unit/restart").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_of_two_versions_and_of_the_root_each_have_a_name_that_works() {
    let constant = |number: u8| {
        format!(
            r#"(core module $m{number} (func (export "f") (result i32) i32.const {number}))
               (core instance $i{number} (instantiate $m{number}))
               (func $f{number} (result u32) (canon lift (core func $i{number} "f")))"#
        )
    };
    let functions: String = (1..=3).map(constant).collect();
    let rig = Rig::new(&format!(
        r#"(component {functions}
            (instance $one (export "get" (func $f1)))
            (export "acme:kv/store@1.0.0" (instance $one))
            (instance $two (export "get" (func $f2)))
            (export "acme:kv/store@2.0.0" (instance $two))
            (export "get" (func $f3)))"#
    ));
    for (name, number) in [("acme:kv/store@1.0.0/get", 1), ("acme:kv/store@2.0.0/get", 2), ("/get", 3)] {
        assert_eq!(rig.value(name, "[]").await, Some(Value::Unsigned(number)), "{name}");
    }
    let module = rig.module.describe();
    let error = module.method("get").unwrap_err().to_string();
    for name in ["guest.acme:kv/store@1.0.0/get", "guest.acme:kv/store@2.0.0/get", "guest./get"] {
        assert!(
            error.contains(name) && module.description().contains(&format!("{name}()")),
            "{name}: {error}"
        );
    }
}

#[test]
fn what_has_no_methods_is_named_and_its_author_told_what_to_do() {
    let with = |exports: &str| {
        format!(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f"))) (instance $run (export "run" (func $f))) {exports})"#
        )
    };
    for (exports, what) in [
        (r#"(export "wasi:cli/run@0.2.3" (instance $run))"#, "exports \"wasi:cli/run\""),
        (r#"(export "wasi:http/incoming-handler@0.2.0" (instance $run))"#, "is an HTTP proxy"),
        (r#"(type $t u32) (export "id" (type $t))"#, "exports no function of its own"),
        ("", "exports nothing"),
    ] {
        let bytes = wat::parse_str(with(exports)).unwrap();
        let check = sandbox().check("guest".parse().unwrap(), &bytes, &ModulePolicy::default());
        let problems: Vec<String> = check.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1, "{exports}: {problems:?}");
        assert!(problems[0].starts_with(what) && problems[0].contains("has no methods"), "{problems:?}");
        assert!(problems[0].contains("`minion new`"), "{problems:?}");
    }
}

/// A component with a function of these parameters and this result: `init` of `exports`, and of the root.
fn with_init(at: &str, params: &str, result: &str) -> String {
    let export = match at {
        "" => r#"(export "init" (func $f))"#,
        _ => r#"(instance $e (export "init" (func $f))) (export "exports" (instance $e))"#,
    };
    let flat = "i32 ".repeat(2 * params.matches("string").count() + params.matches("bool").count());
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
                (func (export "f") (param {flat}) (result i32) i32.const 8))
            (core instance $i (instantiate $m))
            (type $r {result})
            (func $f {params} (result $r) (canon lift (core func $i "f")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
            {export})"#
    )
}

#[test]
fn what_a_tool_has_left_is_no_method_and_what_an_author_calls_so_is_one() {
    const FAILS: &str = "(result (error string))";
    let python = r#"(param "app-name" string) (param "symbols" string) (param "stub-wasi" bool)"#;
    let javascript = r#"(param "shim" string) (param "script" string)"#;
    for (at, params) in [("exports", python), ("", javascript)] {
        let bytes = wat::parse_str(with_init(at, params, FAILS)).unwrap();
        let check = sandbox().check("guest".parse().unwrap(), &bytes, &ModulePolicy::default());
        assert!(check.module.unwrap().methods.is_empty());
        assert!(check.notes[0].contains("componentize-"), "{:?}", check.notes);
    }
    for (at, params, result) in [
        ("exports", javascript, FAILS),
        ("", python, FAILS),
        ("", javascript, "(result string (error string))"),
        ("", r#"(param "script" string) (param "shim" string)"#, FAILS),
        ("exports", r#"(param "c" string)"#, FAILS),
    ] {
        let loaded = load(&with_init(at, params, result), &ModulePolicy::default()).unwrap();
        assert_eq!(loaded.describe().methods.len(), 1, "{at} {params} {result}");
    }
    let both = r#"(component (core module $m (func (export "f")) (func (export "g") (result i32) i32.const 7))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (func $g (result u32) (canon lift (core func $i "g")))
        (instance $e (export "f" (func $g)))
        (export "init" (func $f)) (export "exports" (instance $e)))"#;
    let loaded = load(both, &ModulePolicy::default()).unwrap();
    let names: Vec<String> = loaded.describe().methods.iter().map(|method| method.qualified()).collect();
    assert_eq!(names, ["init", "exports/f"]);
}

#[test]
fn the_cache_is_used_and_what_was_tampered_with_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache_dir = folder.path().join("cache");
    let bytes = wat::parse_str(component("(func (export \"f\"))", &[("f", "")])).unwrap();
    let load = || {
        let config = SandboxConfig { cache_dir: Some(cache_dir.clone()), ..SandboxConfig::default() };
        let sandbox = Sandbox::new(config).unwrap();
        sandbox.load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
        let status = sandbox.status();
        assert_eq!(status.cache_problem, None);
        (status.cache_hits, status.cache_misses)
    };
    let code = || {
        let files = std::fs::read_dir(&cache_dir).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "cwasm")).collect::<Vec<_>>()
    };
    assert_eq!(load(), (0, 1));
    assert_eq!(load(), (1, 0));
    let [file] = code().try_into().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    for damaged in [&altered[..], &whole[..whole.len() / 2], b""] {
        std::fs::write(&file, damaged).unwrap();
        assert_eq!(load(), (0, 1));
        assert_eq!(std::fs::read(&file).unwrap(), whole);
    }
    // With another key nothing that is there counts.
    std::fs::write(cache_dir.join("key"), [7; 32]).unwrap();
    assert_eq!(load(), (0, 1));
}

#[cfg(unix)]
#[test]
fn the_cache_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let cache_dir = folder.path().join("cache");
    std::fs::create_dir(&cache_dir).unwrap();
    std::fs::set_permissions(&cache_dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    Sandbox::new(SandboxConfig { cache_dir: Some(cache_dir.clone()), ..SandboxConfig::default() }).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache_dir), mode(&cache_dir.join("key"))), (0o700, 0o600));
}

#[test]
fn daemons_that_share_a_cache_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = wat::parse_str(component("(func (export \"f\"))", &[("f", "")])).unwrap();
    let hits = || {
        let cache_dir = Some(folder.path().to_owned());
        let sandbox = Sandbox::new(SandboxConfig { cache_dir, ..SandboxConfig::default() }).unwrap();
        sandbox.load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
        sandbox.status().cache_hits
    };
    std::thread::scope(|threads| {
        let daemons: Vec<_> = (0..8).map(|_| threads.spawn(hits)).collect();
        daemons.into_iter().for_each(|daemon| assert!(daemon.join().unwrap() <= 1));
    });
    assert_eq!(hits(), 1);
}

#[test]
fn a_cache_that_cannot_be_used_is_told_and_nothing_else_suffers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = SandboxConfig { cache_dir: Some(file.path().to_owned()), ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config).unwrap();
    assert!(sandbox.status().cache_problem.unwrap().contains("cannot be used"));
    let bytes = wat::parse_str("(component)").unwrap();
    sandbox.load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
}

#[test]
fn the_status_tells_how_instances_are_allocated() {
    let status = sandbox().status();
    assert_eq!(status.mode, EngineMode::Pooling);
    assert!(status.slots >= 4);
}

#[test]
fn a_check_tells_what_a_module_is_and_all_that_stands_in_its_way() {
    let bytes = std::fs::read(xtask::guests::fixture("capabilities")).unwrap();
    let check = sandbox().check("guest".parse().unwrap(), &bytes, &ModulePolicy::default());
    assert!(check.module.unwrap().methods.iter().any(|method| method.name == "compare-and-set"));
    let missing = check.imports.iter().filter_map(|import| match import.standing {
        Standing::NotGranted(_) => import.capability,
        _ => None,
    });
    let mut missing: Vec<_> = missing.collect();
    missing.sort_unstable();
    assert_eq!(missing, ["facts", "kv", "process"]);
    assert_eq!(check.problems.len(), 3);
    assert!(
        check.warnings.iter().any(|told| told.starts_with("passes the bytes of \"process/feed\"")),
        "{:?}",
        check.warnings
    );
    let check = sandbox().check("guest".parse().unwrap(), b"(module)", &ModulePolicy::default());
    assert!(check.module.is_none() && check.problems.len() == 1);
}
