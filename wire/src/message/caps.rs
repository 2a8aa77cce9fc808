//! What each field of a message may be, by its meaning.
//!
//! A text for people that is too long is cut, with a note of how much is left out. A list with too many elements,
//! or a name that no name can be, is refused: no peer of ours sends that, and it ends the connection.

use crate::message::call::{LogLine, Progress};
use crate::message::link::{Hello, JobUpdate, ModuleAnswer, Notice, Staging, Welcome};
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::message::outcome::{Failure, Outcome, Report};
use crate::value::signature::{Method, Type, TypeRef};

/// Why a message that was decoded is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A list has more elements than it can have.
    #[error("it has {count} {what}, and {most} are the most")]
    TooMany {
        /// What the elements are.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A name is longer than names can be.
    #[error("it has a {what} of {bytes} bytes, and {most} are the most")]
    TooLong {
        /// What the name is the name of.
        what: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A text is no name.
    #[error("it has a {what} that is none: {given:?}")]
    NoName {
        /// What the text should be the name of.
        what: &'static str,
        /// The text, at most the first 80 characters of it.
        given: String,
    },
}

/// The most modules of one minion.
pub const MAX_MODULES: usize = 1_024;
/// The most methods of one module.
pub const MAX_METHODS: usize = 4_096;
/// The most parameters of one method.
pub const MAX_PARAMS: usize = 1_024;
/// The most fields, cases or names of one type: as many as a component may have.
pub const MAX_MEMBERS: usize = 10_000;
/// The most imports of one module.
pub const MAX_IMPORTS: usize = 4_096;
/// The most versions of one module that a minion tells of.
pub const MAX_VERSIONS: usize = 256;
/// The most ids of jobs in one greeting.
pub const MAX_JOBS: usize = 10_000;
/// The longest name of a method, a parameter, a field or an import, in bytes.
pub const MAX_NAME: usize = 1 << 10;
/// The longest version, or public key as text, in bytes.
pub const MAX_VERSION: usize = 256;
/// The longest line that describes something, in bytes.
pub const MAX_DESCRIPTION: usize = 1 << 10;
/// The longest documentation of a method, in bytes.
pub const MAX_DOCS: usize = 16 << 10;
/// The longest reason why something is refused, failed or cannot be called, in bytes.
pub const MAX_REASON: usize = 4 << 10;
/// The longest note of a progress report, in bytes.
pub const MAX_NOTE: usize = 1 << 10;
/// The longest log line, with its fields, in bytes.
pub const MAX_LINE: usize = 64 << 10;
/// The most fields of a log line.
pub const MAX_FIELDS: usize = 64;
/// The longest chunk of a result, in bytes.
pub const MAX_CHUNK: usize = 1 << 20;
/// The longest message of a failure, in bytes. The value that a method returned lies beside it and is not counted.
pub const MAX_FAILURE: usize = 16 << 10;
/// The most that is told of what a guest wrote last, or of its stack, in bytes.
pub const MAX_REMAINS: usize = 64 << 10;
/// The most lines of what a dry run would have done.
pub const MAX_EFFECTS: usize = 1_024;
/// The longest of these lines, in bytes.
pub const MAX_EFFECT: usize = 8 << 10;

/// Cuts a text for people to `most` bytes, the note of how much is left out among them. Where `most` is less than
/// such a note takes, the text is the note alone.
pub fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let kept = text.floor_char_boundary(most.saturating_sub(ROOM_FOR_NOTE));
    let left_out = text.len() - kept;
    text.truncate(kept);
    text.push_str(&format!("… ({left_out} bytes left out)"));
    text.shrink_to_fit();
}

/// The most bytes that the note of a cut takes.
const ROOM_FOR_NOTE: usize = 48;

fn cut_if_any(text: &mut Option<String>, most: usize) {
    if let Some(text) = text {
        cut(text, most);
    }
}

fn few(what: &'static str, count: usize, most: usize) -> Result<(), Unfit> {
    if count <= most { Ok(()) } else { Err(Unfit::TooMany { what, count, most }) }
}

/// Whether a text can be a name in a component: 1 to `most` bytes of visible ASCII.
pub fn is_name(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn name(what: &'static str, text: &str, most: usize) -> Result<(), Unfit> {
    if text.len() > most {
        return Err(Unfit::TooLong { what, bytes: text.len(), most });
    }
    if is_name(text, most) {
        return Ok(());
    }
    Err(Unfit::NoName { what, given: text.chars().take(80).collect() })
}

/// Checks a version, which may also have spaces or be empty.
fn version(text: Option<&str>) -> Result<(), Unfit> {
    match text {
        Some(text) if !is_version(text) => {
            Err(Unfit::NoName { what: "version", given: text.chars().take(80).collect() })
        }
        _ => Ok(()),
    }
}

/// Whether a text can be a version: one line of visible ASCII and spaces, at most [`MAX_VERSION`] bytes.
pub fn is_version(text: &str) -> bool {
    text.len() <= MAX_VERSION && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

impl Notice {
    pub(crate) fn fit_caps(&mut self) -> Result<(), Unfit> {
        match self {
            Notice::Hello(hello) => hello.fit(),
            Notice::Modules(modules) => fit_modules(&mut modules.modules),
            // The overlord looks at facts when it takes them: those over the limit are left, and the link goes on.
            Notice::Facts(_) => Ok(()),
        }
    }
}

impl Hello {
    /// Cuts texts that are too long, and checks everything else.
    ///
    /// # Errors
    /// [`Unfit`], where a list has too many elements or a name is none.
    pub fn fit(&mut self) -> Result<(), Unfit> {
        version(Some(&self.version))?;
        few("unacknowledged jobs", self.unacknowledged.len(), MAX_JOBS)?;
        fit_modules(&mut self.modules.modules)
    }
}

impl Welcome {
    pub(crate) fn fit_caps(&mut self) -> Result<(), Unfit> {
        version(Some(&self.version))?;
        few("settled jobs", self.settled.len(), MAX_JOBS)
    }
}

fn fit_modules(modules: &mut [Module]) -> Result<(), Unfit> {
    few("modules", modules.len(), MAX_MODULES)?;
    modules.iter_mut().try_for_each(Module::fit)
}

impl Module {
    /// Cuts texts that are too long, and checks everything else. A minion also applies it to what it read from a
    /// file.
    ///
    /// # Errors
    /// [`Unfit`], where a list has too many elements or a name is none.
    pub fn fit(&mut self) -> Result<(), Unfit> {
        version(self.version.as_deref())?;
        cut_if_any(&mut self.description, MAX_DESCRIPTION);
        self.state.cut();
        few("methods in a module", self.methods.len(), MAX_METHODS)?;
        self.methods.types().iter().try_for_each(check)?;
        self.methods.each_mut().try_for_each(Method::fit)?;
        few("imports of a module", self.imports.len(), MAX_IMPORTS)?;
        self.imports.iter().try_for_each(|import| name("import", import, MAX_NAME))?;
        few("versions of a module", self.versions.len(), MAX_VERSIONS)?;
        self.versions.iter_mut().try_for_each(ModuleVersion::fit)
    }
}

impl ModuleVersion {
    fn fit(&mut self) -> Result<(), Unfit> {
        version(self.version.as_deref())?;
        self.state.cut();
        self.signer.as_deref().map_or(Ok(()), |signer| name("public key", signer, MAX_VERSION))
    }
}

impl ModuleState {
    fn cut(&mut self) {
        if let ModuleState::Failed(reason) = self {
            cut(reason, MAX_REASON);
        }
    }
}

impl Method {
    fn fit(&mut self) -> Result<(), Unfit> {
        name("name of a method", &self.name, MAX_NAME)?;
        if let Some(interface) = &self.interface {
            name("name of an interface", interface, MAX_NAME)?;
        }
        few("parameters of a method", self.params.len(), MAX_PARAMS)?;
        self.params.iter().try_for_each(|(parameter, _)| name("name of a parameter", parameter, MAX_NAME))?;
        cut_if_any(&mut self.not_callable, MAX_REASON);
        cut_if_any(&mut self.docs, MAX_DOCS);
        Ok(())
    }
}

/// Refuses names in a type that are no names, and more members than a component's type can have.
fn check(ty: TypeRef<'_>) -> Result<(), Unfit> {
    let member = |text: &str| name("name in a type", text, MAX_NAME);
    // The name has the interface in it where another type has the same name.
    ty.name().map_or(Ok(()), |text| name("name of a type", text, 2 * MAX_NAME))?;
    match ty.kind() {
        Type::Tuple(types) => few("types in a tuple", types.len(), MAX_MEMBERS),
        Type::Record(fields) => {
            few("fields of a record", fields.len(), MAX_MEMBERS)?;
            fields.iter().try_for_each(|(text, _)| member(text))
        }
        Type::Variant(cases) => {
            few("cases of a variant", cases.len(), MAX_MEMBERS)?;
            cases.iter().try_for_each(|(text, _)| member(text))
        }
        Type::Enum(names) | Type::Flags(names) => {
            few("names in a type", names.len(), MAX_MEMBERS)?;
            names.iter().try_for_each(|text| member(text))
        }
        // Some of these are told in words: `type nested deeper than 64 levels` has spaces.
        Type::Opaque(text) => member(&text.replace(' ', "")),
        _ => Ok(()),
    }
}

impl Staging {
    pub(crate) fn fit_caps(&mut self) -> Result<(), Unfit> {
        match self {
            Staging::Send { .. } => {}
            Staging::State(state) => state.cut(),
            Staging::Staged(module) => module.fit()?,
            Staging::Refused(reason) => cut(reason, MAX_REASON),
        }
        Ok(())
    }
}

impl ModuleAnswer {
    pub(crate) fn fit_caps(&mut self) -> Result<(), Unfit> {
        match self {
            ModuleAnswer::Done { version: text, .. } => version(text.as_deref()),
            ModuleAnswer::Refused(reason) => {
                cut(reason, MAX_REASON);
                Ok(())
            }
        }
    }
}

impl JobUpdate {
    /// Cuts texts that are too long. Nothing here is refused: a job must be able to end.
    pub fn cut(&mut self) {
        match self {
            JobUpdate::Progress(progress) => progress.cut(),
            JobUpdate::Log(line) => line.cut(),
            JobUpdate::Chunk(text) => cut(text, MAX_CHUNK),
            JobUpdate::Finished { report, .. } => report.cut(),
            JobUpdate::State { .. } | JobUpdate::Skipped(_) | JobUpdate::Unknown => {}
        }
    }
}

impl Progress {
    /// Cuts the note to [`MAX_NOTE`] bytes.
    pub fn cut(&mut self) {
        cut(&mut self.note, MAX_NOTE);
    }
}

impl LogLine {
    /// Cuts the line to [`MAX_LINE`] bytes, and leaves out fields beyond [`MAX_FIELDS`] or for which no bytes are
    /// left.
    pub fn cut(&mut self) {
        cut(&mut self.message, MAX_LINE / 2);
        for (name, value) in &mut self.fields {
            cut(name, MAX_VERSION);
            cut(value, MAX_LINE / 4);
        }
        let sizes = |fields: &[(String, String)]| -> usize {
            fields.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        let given = self.fields.len();
        if given <= MAX_FIELDS && self.message.len() + sizes(&self.fields) <= MAX_LINE {
            return;
        }
        self.fields.truncate(MAX_FIELDS - 1);
        while self.message.len() + sizes(&self.fields) > MAX_LINE - ROOM_FOR_NOTE {
            self.fields.pop();
        }
        let left_out = given - self.fields.len();
        self.fields.push(("…".to_owned(), format!("{left_out} fields left out")));
        self.fields.shrink_to_fit();
    }
}

impl Report {
    /// Cuts the texts for people that are too long. Values stay as they are.
    pub fn cut(&mut self) {
        if let Outcome::Failed(Failure { message, stderr, backtrace, .. }) = &mut self.outcome {
            cut(message, MAX_FAILURE);
            cut_if_any(stderr, MAX_REMAINS);
            cut_if_any(backtrace, MAX_REMAINS);
        }
        if let Some(module) = &mut self.module {
            module.version.take_if(|text| !is_version(text));
        }
        let effects = self.would.len();
        if effects > MAX_EFFECTS {
            self.would.truncate(MAX_EFFECTS - 1);
            self.would.push(format!("… ({} lines left out)", effects - MAX_EFFECTS + 1));
            self.would.shrink_to_fit();
        }
        self.would.iter_mut().for_each(|effect| cut(effect, MAX_EFFECT));
    }
}

#[cfg(test)]
mod tests {
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
            of[3].methods[0].result =
                Some(Type::List(Box::new(Type::Record(vec![(bad.clone(), Type::Bool)]))));
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
}
