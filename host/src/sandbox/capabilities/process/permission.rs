//! What policy says of a command: which grant covers it, and in which folder it may run.

use std::path::Path;

use super::CAPABILITY;
use super::bindings::minion::process::process::{Command, Error};
use super::command_line::shown;
use super::folder::Folder;
use crate::policy::{FileMode, Grants, ModulePolicy, ProcessGrant};
use crate::sandbox::run::guest::Context;

/// The folder of a program for which the module asks for none. Only the host's own administrator writes there.
const ROOT: &str = "/";

/// A command that is granted.
pub(super) struct Permission<'a> {
    /// The grant that covers it.
    pub(super) grant: &'a ProcessGrant,
    /// The folder to run it in.
    pub(super) folder: Folder,
}

/// What the grants of a program do not cover of a command.
enum Lack {
    Arguments,
    Variable(String),
    Folder(String),
}

impl<'a> Permission<'a> {
    /// Compares a command with the grants of its module. An attempt that none covers goes to the audit log.
    ///
    /// # Errors
    /// [`Error::Denied`], which tells the module what would grant it.
    pub(super) fn of(job: &'a Context, command: &Command) -> Result<Self, Error> {
        let Some((name, args)) = command.argv.split_first() else {
            return Err(Error::Other("there is no program to run: `argv` is empty".into()));
        };
        let asked = command.cwd.as_deref().unwrap_or(ROOT);
        let folder = Folder::open(Path::new(asked)).ok().filter(|_| asked.starts_with('/'));
        let mut lack = Lack::Arguments;
        for grant in job.policy.grants.process.iter().filter(|grant| grant.allows(name, args)) {
            match missing(grant, command, asked, folder.as_ref()) {
                None => {
                    let folder = folder.ok_or_else(|| no_folder(asked))?;
                    return Ok(Self { grant, folder });
                }
                Some(more) if matches!(lack, Lack::Arguments) => lack = more,
                Some(_) => {}
            }
        }
        let covers = |grants: &Grants| {
            let mut covering = grants.process.iter().filter(|grant| grant.allows(name, args));
            covering.any(|grant| missing(grant, command, asked, folder.as_ref()).is_none())
        };
        Err(refuse(job, name, args, lack, covers))
    }

    /// Whether a dry run may run it: it changes nothing, and the module could not have put anything into its
    /// folder that makes it a program that does.
    pub(super) fn is_harmless(&self, policy: &ModulePolicy) -> bool {
        self.grant.read_only && !is_within_reach(self.folder.real(), policy)
    }
}

/// What a grant whose arguments fit does not cover of a command; `None` where it covers everything.
fn missing(grant: &ProcessGrant, command: &Command, asked: &str, folder: Option<&Folder>) -> Option<Lack> {
    let refused = command.env.iter().find(|(name, value)| !grant.allows_variable(name, value));
    if let Some((name, _)) = refused {
        return Some(Lack::Variable(name.clone()));
    }
    let granted = match folder {
        Some(folder) => folder.real() == Path::new(ROOT) || grant.allows_folder(folder.real()),
        // Whether a folder exists is told only where a folder of that name is granted.
        None => grant.names_folder(Path::new(asked)),
    };
    (!granted).then(|| Lack::Folder(asked.to_owned()))
}

fn refuse(job: &Context, name: &str, args: &[String], lack: Lack, covers: impl Fn(&Grants) -> bool) -> Error {
    let (line, module) = (shown(&[&[name.to_owned()], args].concat()), &job.method.module);
    let (attempt, remedy) = match lack {
        Lack::Arguments => {
            let words: Vec<String> = args.iter().map(|arg| format!("{arg:?}")).collect();
            let grant = format!("{{ command = {name:?}, args = [{}] }}", words.join(", "));
            let grants = &job.policy.grants.process;
            let reason = grants
                .iter()
                .find_map(|grant| grant.steered_by(name, args))
                .map_or_else(String::new, |arg| {
                    format!("; no \"*\" stands for {arg:?}, since it can change what the program does")
                });
            (line, format!("add {grant} to `process` in [modules.{module}]{reason}"))
        }
        Lack::Variable(variable) => (
            format!("{variable}=… {line}"),
            format!("add {variable:?} to `env` of the grant for {name:?} in `process` in [modules.{module}]"),
        ),
        Lack::Folder(folder) => (
            format!("{line} in {folder}"),
            format!("add {folder:?} to `cwd` of the grant for {name:?} in `process` in [modules.{module}]"),
        ),
    };
    let by_level = job.denied_unless(&CAPABILITY, attempt, covers);
    Error::Denied(by_level.map_or(remedy, |command| format!("run `{command}` on this host")))
}

fn no_folder(asked: &str) -> Error {
    Error::Other(format!("\"{asked}\" is not a folder to run a program in"))
}

/// Whether the module may write in a folder, or in another one further below it that programs look into.
fn is_within_reach(folder: &Path, policy: &ModulePolicy) -> bool {
    let chooses = policy.grants.process.iter().any(|grant| !grant.any.is_empty());
    if chooses && folder != Path::new(ROOT) {
        // A module that chooses the program may have written anywhere with it.
        return true;
    }
    let writable = policy.grants.files.iter().filter(|files| files.mode == FileMode::ReadWrite);
    let mut hosts = writable.map(|files| files.host.canonicalize().unwrap_or_else(|_| files.host.clone()));
    // Everything lies below the root, and programs do not go and look there.
    hosts.any(|host| folder.starts_with(&host) || (folder != Path::new(ROOT) && host.starts_with(folder)))
}
