//! Why a module could not be loaded, or a sandbox could not be made.

use wire::document::text::{counted, printable};
use wire::message::caps::Unfit;
use wire::message::module::MAX_HELD;
use wire::name::ModuleName;

use crate::policy::ByteSize;
use crate::sandbox::component::remedy::Remedy;

/// The largest module that is accepted, in bytes.
pub const MAX_MODULE: usize = 64 << 20;

/// The largest function, in bytes. A compiler takes some three hundred times as much memory for one; the largest
/// function of an interpreter for Python has half a megabyte.
pub(in crate::sandbox) const MAX_FUNCTION: usize = 1 << 20;

/// How many defects are told one by one, since a module can have a million imports.
const MAX_LISTED: usize = 20;

/// How many characters are told of what others say of a module.
const MAX_LINE: usize = 1_000;

/// Why the sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No engine could be made.
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Engine(String),
    /// The thread that moves the epoch could not be started.
    #[error("the epoch thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The error for a module that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("module \"{module}\" {}", listed(.defects))]
pub struct LoadError {
    /// The module.
    pub module: ModuleName,
    /// Everything that is wrong with it, as far as it was looked at.
    pub defects: Vec<Defect>,
}

impl LoadError {
    /// What is wrong, without the module's name in front.
    pub fn reason(&self) -> String {
        listed(&self.defects)
    }
}

/// All defects as one sentence, whose subject is the module.
fn listed(defects: &[Defect]) -> String {
    let mut told: Vec<String> = defects.iter().take(MAX_LISTED).map(Defect::to_string).collect();
    if let Some(more @ 1..) = defects.len().checked_sub(MAX_LISTED) {
        told.push(format!("has {}", counted(more, "further problem")));
    }
    told.join("; it ")
}

/// The words of a parser, or a name from the module itself, as one line of bounded length.
pub(super) fn in_one_line(text: &str) -> String {
    let text = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_LINE) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What an overlord would not take of a module, in words.
fn unfit(problem: &Unfit) -> String {
    match problem {
        Unfit::NoName { .. } => in_one_line(&problem.to_string()),
        Unfit::TooMany { .. } | Unfit::TooLong { .. } => format!("its signatures are too large: {problem}"),
    }
}

/// What is wrong with a module. Each message reads on from the module's name, and says what to do about it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Defect {
    #[error("is an empty file: copy it again, and rename it into place when it is whole")]
    Empty,
    #[error("has {0} bytes, over the limit of {MAX_MODULE}: build it optimised and stripped")]
    TooLarge(usize),
    #[error("is text, not a component: build it, or assemble it first")]
    Text,
    #[error("is precompiled machine code, which is never taken: give the component that it was made from")]
    MachineCode,
    #[error("is not WebAssembly: build it for the target wasm32-wasip2")]
    NotWasm,
    #[error(
        "is a core module, not a component: build it for wasm32-wasip2, or make it one with `minion pack FILE.wasm \
         --wit DIR -o NAME.wasm`"
    )]
    CoreModule,
    #[error("is damaged or uses what this minion does not support: {}", in_one_line(.0))]
    Invalid(String),
    /// An import that the host does not have at all, or not in this version.
    #[error("needs \"{}\", which this minion does not have; {offered}", in_one_line(.import))]
    Unknown { import: String, offered: String },
    /// An import that needs a grant which the policy does not give.
    #[error("needs \"{}\", which is not granted: {remedy}", in_one_line(.import))]
    NotGranted { import: String, remedy: Remedy },
    /// A grant that cannot be honoured.
    #[error("has a grant that cannot be used: {0}")]
    Grant(String),
    #[error(
        "cannot be told of: its signatures are too large: with its imports and documentation they take more than {}; \
         divide it into several modules", ByteSize(MAX_HELD as u64)
    )]
    TooMuchToTell,
    /// Something valid that is not run here; reads on from the module's name.
    #[error("{0}, which this minion does not support: build it without")]
    Unsupported(&'static str),
    #[error(
        "{0}, and so has no methods: export the functions that are to be called, as a module of `minion new` does"
    )]
    NoMethods(&'static str),
    #[error("has a function of {0} bytes, and {MAX_FUNCTION} are the most: divide it")]
    LargeFunction(usize),
    #[error("cannot be told of: {}", unfit(.0))]
    Unfit(Unfit),
    #[error("does not fit its limits: {}", in_one_line(.0))]
    OverLimits(String),
    #[error("cannot be compiled: {}", in_one_line(.0))]
    Compile(String),
    #[error("does not fit what this minion offers: {}", in_one_line(.0))]
    Link(String),
}
