//! What each field of a message may be, by its meaning.
//!
//! A text for people that is too long is cut, with a note of how much is left out. A list with too many elements,
//! or a name that no name can be, is refused: no peer of ours sends that, and it ends the connection.

use crate::message::call::{LogLine, Progress};
use crate::message::inventory::MAX_MODULES;
use crate::message::link::{Hello, JobUpdate, ModuleAnswer, Notice, Staging, Welcome};
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::message::outcome::{Failure, Outcome, Report};
use crate::message::renewal::{MAX_SIGNING_REQUEST, Renewal};
use crate::value::method::{Method, Type, TypeRef};

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
/// The most certificates in one chain, and the most authorities that are trusted at once.
pub const MAX_CERTIFICATES: usize = 8;
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
            Notice::Facts(_) | Notice::Proof => Ok(()),
            Notice::Renew(request) | Notice::Move(request) => {
                few("bytes of a signing request", request.len(), MAX_SIGNING_REQUEST)
            }
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

impl Renewal {
    pub(crate) fn fit_caps(&mut self) -> Result<(), Unfit> {
        match self {
            Renewal::Renewed { credentials, .. } => {
                few("certificates", credentials.chain.len(), MAX_CERTIFICATES)?;
                few("authorities", credentials.authorities.len(), MAX_CERTIFICATES)
            }
            Renewal::Refused(why) => {
                cut(why, MAX_REASON);
                Ok(())
            }
        }
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
        self.imports.iter().try_for_each(|import| name("name of an import", import, MAX_NAME))?;
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
mod tests;
