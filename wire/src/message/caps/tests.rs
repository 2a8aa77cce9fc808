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

type Fitted = fn(String) -> Option<String>;

fn failure(text: String, of: fn(Failure) -> Option<String>) -> Option<String> {
    let (stderr, backtrace) = (Some(text.clone()), Some(text.clone()));
    let kind = crate::message::outcome::FailureKind::Trapped;
    let failure = Failure { kind, message: text, value: None, stderr, backtrace };
    let mut report = Report::without_run(Outcome::Failed(failure), 1);
    report.cut();
    let Outcome::Failed(failure) = report.outcome else { return None };
    of(failure)
}

fn method_of(text: &str) -> crate::value::method::Method {
    let text = Some(text.to_owned());
    let method = Method { docs: text.clone(), not_callable: text, ..method("echo") };
    let mut module = Module::from(v1::Module { methods: vec![method], ..old() });
    module.fit().expect("fits");
    module.methods.iter().next().expect("the method").method().clone()
}

fn cut_line(line: LogLine) -> LogLine {
    let mut update = JobUpdate::Log(line);
    update.cut();
    let JobUpdate::Log(line) = update else { panic!("{update:?}") };
    line
}

#[test]
fn each_text_for_people_is_whole_up_to_its_length_and_cut_beyond() {
    let texts: [(&str, usize, Fitted); 12] = [
        ("note", 1_024, |note| {
            let mut update = JobUpdate::Progress(Progress { done: 1, total: 2, note });
            update.cut();
            if let JobUpdate::Progress(progress) = update { Some(progress.note) } else { None }
        }),
        ("chunk", 1_048_576, |text| {
            let mut update = JobUpdate::Chunk(text);
            update.cut();
            if let JobUpdate::Chunk(text) = update { Some(text) } else { None }
        }),
        ("line", 32_768, |text| Some(cut_line(line(&text, 0, "")).message)),
        ("name of a field", 256, |text| {
            let fields = vec![(text, String::new())];
            Some(cut_line(LogLine { fields, ..line("", 0, "") }).fields.remove(0).0)
        }),
        ("field", 16_384, |text| Some(cut_line(line("", 1, &text)).fields.remove(0).1)),
        ("docs", 16_384, |text| method_of(&text).docs),
        ("why a method cannot be called", 4_096, |text| method_of(&text).not_callable),
        ("description", 1_024, |text| {
            let mut module = Module { description: Some(text), ..module() };
            module.fit().expect("fits");
            module.description
        }),
        ("why a version failed", 4_096, |text| {
            let state = ModuleState::Failed(text);
            let version =
                ModuleVersion { digest: Digest::of(b""), version: None, state, since: 1, signer: None };
            let mut module = Module { versions: vec![version], ..module() };
            module.fit().expect("fits");
            let state = module.versions.remove(0).state;
            if let ModuleState::Failed(reason) = state { Some(reason) } else { None }
        }),
        ("message", 16_384, |text| failure(text, |failure| Some(failure.message))),
        ("stderr", 65_536, |text| failure(text, |failure| failure.stderr)),
        ("effect", 8_192, |text| {
            let mut report = Report { would: vec![text], ..Report::without_run(Outcome::Ok(None), 1) };
            report.cut();
            report.would.pop()
        }),
    ];
    for (what, most, fitted) in texts {
        let whole = "x".repeat(most);
        assert!(fitted(whole.clone()) == Some(whole), "a {what} of {most} bytes was cut");
        let cut = fitted("x".repeat(most + 1)).expect("a text");
        assert!(cut.contains("bytes left out") && cut.len() <= most, "{what}: {} bytes", cut.len());
        assert!(cut.len() > most - 48, "{what}: {} bytes", cut.len());
    }
}

#[test]
fn a_log_line_that_just_fits_is_whole_and_keeps_what_just_fits() {
    let sized = |message: usize, fields: &[usize]| {
        let field = |bytes: &usize| ("f".to_owned(), "v".repeat(bytes - 1));
        let fields = fields.iter().map(field).collect();
        let mut line = LogLine { level: LogLevel::Info, message: "m".repeat(message), fields };
        line.cut();
        line
    };
    // 64 KiB in all.
    assert_eq!(sized(30_000, &[12_000, 12_000, 11_536]).fields.len(), 3);
    let over = sized(30_001, &[12_000, 12_000, 11_536]);
    assert_eq!(over.fields[2], ("…".to_owned(), "1 fields left out".to_owned()));
    // 48 bytes less, where what was left out is told besides.
    let kept = sized(30_000, &[12_000, 12_000, 11_488, 100]);
    assert_eq!((kept.fields.len(), kept.fields[3].1.as_str()), (4, "1 fields left out"));
    let kept = sized(30_001, &[12_000, 12_000, 11_488, 100]);
    assert_eq!((kept.fields.len(), kept.fields[2].1.as_str()), (3, "2 fields left out"));
    let many = |count| sized(1, &vec![2; count]);
    assert_eq!((many(64).fields.len(), many(65).fields.len()), (64, 64));
    assert_eq!(many(65).fields[63].1, "2 fields left out");
}

#[test]
fn a_greeting_has_as_many_jobs_as_there_can_be_and_versions_that_are_some() {
    use crate::message::inventory::Inventory;
    use crate::message::job::JobId;
    let hello = |version: &str, jobs: usize| Hello {
        version: version.to_owned(),
        modules: Inventory::default(),
        unacknowledged: vec![JobId::from_bytes([0; 16]); jobs],
        facts: String::new(),
        instance: None,
    };
    let welcome = |version: &str, jobs: usize| Welcome {
        name: "web1".parse().expect("a name"),
        version: version.to_owned(),
        settled: vec![JobId::from_bytes([0; 16]); jobs],
        renew_in_ms: None,
        heartbeat_ms: None,
    };
    at_most(10_000, |jobs| hello("1.0.0", jobs), |mut hello| hello.fit());
    at_most(10_000, |jobs| welcome("1.0.0", jobs), |mut welcome| welcome.fit_caps());
    at_most(256, |bytes| hello(&"1".repeat(bytes), 0), |mut hello| hello.fit());
    at_most(256, |bytes| welcome(&"1".repeat(bytes), 0), |mut welcome| welcome.fit_caps());
    assert_eq!(hello("1.0.0 (of today)", 0).fit(), Ok(()));
    for mut notice in [
        Notice::Hello(hello("1\n", 0)),
        Notice::Modules(Inventory {
            modules: vec![Module { version: Some("ä".into()), ..module() }],
            left_out: 0,
        }),
    ] {
        assert!(notice.fit_caps().is_err(), "{notice:?}");
    }
    let mut bad = Staging::Staged(Box::new(Module { version: Some("\t".into()), ..module() }));
    assert!(bad.fit_caps().is_err());
}

#[test]
fn a_name_of_a_type_may_have_its_interface_in_it() {
    use crate::value::method::{Definition, Methods, Type as Kind, Types};
    let named = |bytes: usize| {
        let rows = vec![Definition { name: Some("t".repeat(bytes)), ty: Kind::Enum(vec!["a".into()]) }];
        let bytes = postcard::to_stdvec(&rows).expect("encodes");
        let types: Types = postcard::from_bytes(&bytes).expect("decodes");
        Module { methods: Methods::new(types, Vec::new()).expect("methods"), ..module() }
    };
    at_most(2_048, named, |mut module| module.fit());
}

#[test]
fn a_type_that_cannot_be_passed_is_told_in_words_of_visible_letters() {
    let opaque = |text: &str| {
        let methods = vec![Method { result: Some(Type::Opaque(text.into())), ..method("echo") }];
        Module::from(v1::Module { methods, ..old() }).fit()
    };
    assert_eq!(opaque("type nested deeper than 64 levels"), Ok(()));
    assert!(opaque("own<\u{1b}[2J>").is_err());
}

#[test]
fn what_is_refused_is_said_with_what_it_is_and_what_may_be() {
    let long = Module { imports: vec!["i".repeat(1_025)], ..module() }.fit();
    let said = "it has a name of an import of 1025 bytes, and 1024 are the most";
    assert_eq!(long.expect_err("refused").to_string(), said);
    let none = Module { imports: vec!["é".repeat(90)], ..module() }.fit();
    let said = format!("it has a name of an import that is none: {:?}", "é".repeat(80));
    assert_eq!(none.expect_err("refused").to_string(), said);
    let many = Module { imports: vec!["i".into(); 4_097], ..module() }.fit();
    let said = "it has 4097 imports of a module, and 4096 are the most";
    assert_eq!(many.expect_err("refused").to_string(), said);
}

#[test]
fn a_report_keeps_the_version_that_ran_where_it_is_one() {
    use crate::message::outcome::ModuleRef;
    for (version, is_kept) in [("1.0.0", true), ("", true), ("1\u{1b}[2J", false)] {
        let module = ModuleRef { version: Some(version.to_owned()), digest: Digest::ZERO };
        let mut report = Report { module: Some(module), ..Report::without_run(Outcome::Ok(None), 1) };
        report.cut();
        let module = report.module.expect("the module");
        assert_eq!(module.version.as_deref(), is_kept.then_some(version));
    }
}
