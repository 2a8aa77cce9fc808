//! A checkout in which nothing is run.

use failure::{Done, Error, Failure, Package};
use host_files::paths;
use minion_sdk::process::Output;

use crate::{config, url};

const GIT: Package = Package { program: "git", apt: "git", dnf: "git" };

/// What each call of `git` begins with: what a checkout says is not obeyed, and nothing but these ways leads elsewhere. The
/// policy that the module suggests has the same words, and sets the variables that keep other configuration out.
const BEFORE: [&str; 27] = [
    "git",
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "submodule.recurse=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "protocol.https.allow=always",
    "-c",
    "protocol.http.allow=always",
    "-c",
    "protocol.ssh.allow=always",
    "-c",
    "protocol.git.allow=always",
    "-c",
    "protocol.file.allow=always",
];

/// A checkout whose configuration has nothing in it that could do harm.
pub(crate) struct Checkout {
    folder: String,
}

impl Checkout {
    /// Of a folder that was checked out. One that lies in a checkout is none: who may use a folder may not use what is above.
    pub(crate) fn open(folder: &str) -> Result<Self, Error> {
        paths::check(folder)?;
        let checkout = Self { folder: normal(folder) };
        let top = checkout.text(&["rev-parse", "--show-toplevel"])?;
        let top = top.trim_end_matches('\n');
        if top != checkout.folder {
            return Err(Error::NotFound(format!(
                "\"{folder}\" is no folder that was checked out, but leads to one: \"{top}\""
            )));
        }
        let names = checkout.text(&["config", "--local", "--null", "--name-only", "--list"])?;
        config::check(&names, folder)?;
        Ok(checkout)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// What `git` prints that only reads.
    pub(crate) fn text(&self, words: &[&str]) -> Result<String, Error> {
        let output = self.run(words)?;
        if output.success() {
            Ok(output.stdout_text())
        } else {
            Err(self.told(failure::failed(words, &output)))
        }
    }

    /// Runs `git`, which only reads, to its end, whatever it says about that.
    pub(crate) fn run(&self, words: &[&str]) -> Result<Output, Error> {
        failure::run(&self.argv(words)).map_err(or_install)
    }

    /// Runs `git`, which changes something.
    pub(crate) fn change(&self, words: &[&str]) -> Result<Done, Error> {
        failure::change(&self.argv(words)).map_err(|error| self.told(or_install(error)))
    }

    fn argv<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        BEFORE.iter().copied().chain(["-C", &self.folder]).chain(words.iter().copied()).collect()
    }

    /// What it means that `git` failed, without secrets that it may have said.
    fn told(&self, error: Error) -> Error {
        let Error::Failed(Failure { argv, exit, stderr }) = error else { return error };
        let folder = &self.folder;
        if stderr.contains("dubious ownership") {
            return Error::Denied(format!(
                "the checkout \"{folder}\" is not the user's that the minion runs as, who could be made to run what lies in it: \
                 use `git` as the user whose it is, with `command.run` and its `user`"
            ));
        }
        if [
            "not a git repository",
            "cannot change to",
            "cannot use bare repository",
            "must be run in a work tree",
        ]
        .iter()
        .any(|words| stderr.contains(words))
        {
            return Error::NotFound(format!("there is no checkout of git in \"{folder}\""));
        }
        Error::Failed(Failure { argv, exit, stderr: url::without_users(&stderr) })
    }
}

/// A path without what means nothing.
fn normal(path: &str) -> String {
    let steps: Vec<&str> = path.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    format!("/{}", steps.join("/"))
}

/// The same error, and what to install where it says that there is no such program.
fn or_install(error: Error) -> Error {
    failure::or_install(error, GIT.program, &[GIT])
}
