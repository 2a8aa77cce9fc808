use super::*;
use crate::digest::Digest;
use crate::message::call::LogLevel;
use crate::message::v1::{self, Method, Type};

fn module() -> Module {
    Module {
        name: "test".parse().expect("a name"),
        version: Some("1.0.0".into()),
        digest: Digest::of(b""),
        description: None,
        state: ModuleState::Active,
        methods: method("echo").interned(),
        imports: vec!["minion:job/job@0.1.0".into()],
        versions: vec![],
    }
}

/// The same with its types as trees.
fn old() -> v1::Module {
    v1::Module { methods: vec![method("echo")], ..v1::Module::from(&module()) }
}

fn method(name: &str) -> Method {
    Method {
        interface: Some("minion:test/test@0.1.0".into()),
        name: name.into(),
        params: vec![("value".into(), Type::Opaque("map<string, u32>".into()))],
        result: Some(Type::Record(vec![("a-field".into(), Type::Bool)])),
        is_async: false,
        not_callable: None,
        docs: None,
    }
}

fn line(message: &str, fields: usize, value: &str) -> LogLine {
    let fields = (0..fields).map(|n| (format!("field{n}"), value.to_owned())).collect();
    LogLine { level: LogLevel::Info, message: message.to_owned(), fields }
}

#[test]
fn texts_for_people_are_cut_with_a_note_and_only_once() {
    for text in ["x".repeat(5_000), "ä".repeat(5_000)] {
        let mut short = text.clone();
        cut(&mut short, 1_000);
        let (kept, note) = short.split_once('…').expect("a note");
        assert_eq!(note, format!(" ({} bytes left out)", text.len() - kept.len()));
        assert!(short.len() <= 1_000 && short.len() > 900, "{} bytes", short.len());
        let once = short.clone();
        cut(&mut short, 1_000);
        assert_eq!(short, once);
    }
}

#[test]
fn a_log_line_is_never_larger_than_its_cap_and_says_what_it_lost() {
    for (given, kept) in [
        (line("hello", 3, "world"), 3),
        (line(&"m".repeat(1 << 20), 1, "v"), 1),
        (line("m", 100_000, ""), MAX_FIELDS),
        (line("m", 20, &"v".repeat(1 << 20)), 5),
    ] {
        let mut cut = given.clone();
        cut.cut();
        let size: usize = cut.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(cut.message.len() + size <= MAX_LINE);
        assert_eq!(cut.fields.len(), kept);
        if kept < given.fields.len() {
            let left_out = format!("{} fields left out", given.fields.len() - kept + 1);
            assert_eq!(cut.fields.last(), Some(&("…".to_owned(), left_out)));
        }
        let once = cut.clone();
        cut.cut();
        assert_eq!(cut, once);
    }
}

#[test]
fn what_a_good_minion_says_of_a_module_is_taken_as_it_is() {
    let mut given = module();
    given.fit().expect("fits");
    assert_eq!(given, module());
}

#[test]
fn names_with_anything_but_visible_ascii_are_refused_wherever_they_are() {
    for bad in ["", "a\u{1b}[2J", "a b\n", "caf\u{202e}e", "\u{9b}31m", &"x".repeat(MAX_NAME + 1)] {
        let bad = bad.to_owned();
        let mut of = [old(), old(), old(), old(), old(), old()];
        of[0].methods[0].name = bad.clone();
        of[1].methods[0].interface = Some(bad.clone());
        of[2].methods[0].params[0].0 = bad.clone();
        of[3].methods[0].result = Some(Type::List(Box::new(Type::Record(vec![(bad.clone(), Type::Bool)]))));
        of[4].methods[0].result = Some(Type::Enum(vec![bad.clone()]));
        of[5].imports[0] = bad.clone();
        for (place, module) in of.into_iter().enumerate() {
            let refused = Module::from(module).fit();
            assert!(
                matches!(refused, Err(Unfit::NoName { .. } | Unfit::TooLong { .. })),
                "{bad:?} was taken at {place}"
            );
        }
    }
    let mut module = module();
    module.version = Some("1.0\u{1b}]52;c;AAAA\u{7}".into());
    let refused = module.fit().expect_err("refused").to_string();
    assert!(!refused.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn more_than_there_can_be_is_refused() {
    let methods = vec![method("echo"); MAX_METHODS + 1];
    let mut many = Module::from(v1::Module { methods, ..old() });
    let why = "it has 4097 methods in a module, and 4096 are the most";
    assert_eq!(many.fit().expect_err("refused").to_string(), why);
    let mut many = module();
    many.imports = vec!["a:b/c".into(); MAX_IMPORTS + 1];
    assert!(many.fit().is_err());
    let mut modules = vec![module(); MAX_MODULES + 1];
    assert!(fit_modules(&mut modules).is_err());
}

/// Fits with as many as there may be, and not with one more.
fn at_most<T>(most: usize, mut with: impl FnMut(usize) -> T, fit: impl Fn(T) -> Result<(), Unfit>) {
    assert_eq!(fit(with(most)), Ok(()));
    assert!(fit(with(most + 1)).is_err(), "{} were taken", most + 1);
}

#[test]
fn as_many_as_there_can_be_are_taken_and_no_more() {
    let fit = |mut module: Module| module.fit();
    let of_type = |ty: Type| {
        let methods = vec![Method { result: Some(ty), ..method("echo") }];
        Module::from(v1::Module { methods, ..old() })
    };
    let names = |count: usize| (0..count).map(|place| format!("n{place}")).collect::<Vec<_>>();
    at_most(MAX_IMPORTS, |count| Module { imports: vec!["a:b/c".into(); count], ..module() }, fit);
    at_most(MAX_NAME, |bytes| Module { imports: vec!["i".repeat(bytes)], ..module() }, fit);
    at_most(MAX_MEMBERS, |count| of_type(Type::Enum(names(count))), fit);
    at_most(MAX_MEMBERS, |count| of_type(Type::Flags(names(count))), fit);
    at_most(MAX_MEMBERS, |count| of_type(Type::Tuple(vec![Type::Bool; count])), fit);
    let fields = |count| names(count).into_iter().map(|name| (name, Type::Bool)).collect();
    at_most(MAX_MEMBERS, |count| of_type(Type::Record(fields(count))), fit);
    let cases = |count| names(count).into_iter().map(|name| (name, None)).collect();
    at_most(MAX_MEMBERS, |count| of_type(Type::Variant(cases(count))), fit);
    let version = |version: String| ModuleVersion {
        digest: Digest::of(b""),
        version: Some(version),
        state: ModuleState::Active,
        since: 1,
        signer: Some("k".into()),
    };
    let versions = |count| Module { versions: vec![version("1".into()); count], ..module() };
    at_most(MAX_VERSIONS, versions, fit);
    at_most(MAX_VERSION, |bytes| Module { versions: vec![version("1".repeat(bytes))], ..module() }, fit);
    let signed = |bytes| ModuleVersion { signer: Some("k".repeat(bytes)), ..version("1".into()) };
    at_most(MAX_VERSION, |bytes| Module { versions: vec![signed(bytes)], ..module() }, fit);
    let params = |count| {
        let params = names(count).into_iter().map(|name| (name, Type::Bool)).collect();
        Module::from(v1::Module { methods: vec![Method { params, ..method("echo") }], ..old() })
    };
    at_most(MAX_PARAMS, params, fit);
    at_most(MAX_MODULES, |count| vec![module(); count], |mut modules| fit_modules(&mut modules));
}

#[test]
fn reasons_and_remains_are_cut_wherever_they_are() {
    let long = || "r".repeat(1 << 20);
    let failed = ModuleState::Failed(long());
    let mut given = Module { state: failed.clone(), description: Some(long()), ..module() };
    given.fit().expect("fits");
    let ModuleState::Failed(reason) = &given.state else { panic!("{:?}", given.state) };
    assert!(reason.len() <= MAX_REASON, "{}", reason.len());
    assert!(given.description.is_some_and(|text| text.len() <= MAX_DESCRIPTION));
    for mut staging in [Staging::State(failed), Staging::Refused(long())] {
        staging.fit_caps().expect("fits");
        let (Staging::State(ModuleState::Failed(reason)) | Staging::Refused(reason)) = staging else {
            panic!("{staging:?}")
        };
        assert!(reason.len() <= MAX_REASON, "{}", reason.len());
    }
    let mut answer = ModuleAnswer::Refused(long());
    answer.fit_caps().expect("fits");
    assert!(matches!(&answer, ModuleAnswer::Refused(reason) if reason.len() <= MAX_REASON));
    let mut answer = ModuleAnswer::Done { before: None, now: None, version: Some("\n".into()) };
    assert!(answer.fit_caps().is_err());

    let failure = Failure {
        kind: crate::message::outcome::FailureKind::Trapped,
        message: long(),
        value: None,
        stderr: Some(long()),
        backtrace: Some(long()),
    };
    let mut report = Report::without_run(Outcome::Failed(failure), 1);
    report.would = vec![long(); MAX_EFFECTS + 5];
    report.cut();
    let Outcome::Failed(failure) = &report.outcome else { panic!("{report:?}") };
    assert!(failure.message.len() <= MAX_FAILURE);
    for text in [&failure.stderr, &failure.backtrace] {
        assert!(text.as_ref().is_some_and(|text| text.len() <= MAX_REMAINS));
    }
    assert_eq!(report.would.len(), MAX_EFFECTS);
    assert!(report.would.iter().all(|effect| effect.len() <= MAX_EFFECT));
    assert_eq!(report.would.last().map(String::as_str), Some("… (6 lines left out)"));
    let mut few = Report { would: vec![String::new(); MAX_EFFECTS], ..report };
    few.cut();
    assert_eq!(few.would, vec![String::new(); MAX_EFFECTS]);
}
