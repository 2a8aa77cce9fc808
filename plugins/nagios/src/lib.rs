//! The module `nagios`: checks, as the owner of the host grants them. What each method does is said in `wit/nagios.wit`.

mod output;

use std::time::Duration;

use failure::{Error, Package, or_install};
use minion_sdk::process::{Command, Output, Status};
use minion_sdk::{job, settings};

use exports::minion::nagios::nagios::{Checked, Guest, State};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:nagios/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct Nagios;

export!(Nagios);

/// Where hosts keep checks, unless the owner sets `folders`.
const FOLDERS: [&str; 2] = ["/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins"];

/// After how long a check is ended, in seconds.
const USUAL: u32 = 30;
const MOST: u32 = 300;

const PACKAGES: [Package; 1] =
    [Package { program: "check", apt: "monitoring-plugins-basic", dnf: "nagios-plugins-all" }];

impl Guest for Nagios {
    fn list() -> Result<Vec<String>, Error> {
        let mut checks = Vec::new();
        let mut missing = 0;
        let folders = folders()?;
        for folder in &folders {
            match failure::run(&["ls", "-1", "--", folder])? {
                output if output.success() => {
                    checks.extend(output.stdout_text().lines().filter(|it| is_name(it)).map(str::to_owned))
                }
                output if output.status == Status::Exited(2) => missing += 1,
                output => return Err(failure::failed(&["ls", "-1", "--", folder], &output)),
            }
        }
        if missing == folders.len() {
            return Err(without(&folders));
        }
        checks.sort();
        checks.dedup();
        Ok(checks)
    }

    fn run(
        check: String,
        warning: Option<String>,
        critical: Option<String>,
        args: Option<Vec<String>>,
        timeout_s: Option<u32>,
    ) -> Result<Checked, Error> {
        if !is_name(&check) {
            return Err(Error::Invalid(
                "`check` is no name: write that of a file, as `check_load`, without its folder".to_owned(),
            ));
        }
        let seconds = timeout_s.unwrap_or(USUAL);
        if !(1..=MOST).contains(&seconds) {
            return Err(Error::Invalid(format!("{seconds} seconds: wait 1 to {MOST}")));
        }
        let threshold = |option: &str, value: Option<String>| value.map(|value| [option.to_owned(), value]);
        let words: Vec<String> = threshold("-w", warning)
            .into_iter()
            .chain(threshold("-c", critical))
            .flatten()
            .chain(args.unwrap_or_default())
            .collect();
        if words.iter().any(|word| word.contains('\0')) {
            return Err(Error::Invalid("no check can be given an argument with a NUL byte".to_owned()));
        }
        job::progress(0, 0, &format!("{check} runs"));
        first_that_is_there(&check, &words, seconds)
    }
}

/// The folders of checks, as the owner of the host says.
fn folders() -> Result<Vec<String>, Error> {
    match settings::texts("folders") {
        Ok(Some(folders)) => Ok(folders),
        Ok(None) => Ok(FOLDERS.map(str::to_owned).to_vec()),
        Err(error) => Err(Error::Denied(String::from(error))),
    }
}

fn is_name(check: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    check.starts_with(|c: char| c.is_ascii_alphanumeric()) && check.chars().all(goes_on)
}

/// Runs the check of this name in the first folder that has it.
fn first_that_is_there(check: &str, words: &[String], seconds: u32) -> Result<Checked, Error> {
    let folders = folders()?;
    let mut denied = None;
    for folder in &folders {
        let path = format!("{folder}/{check}");
        let command = Command::new(&path).args(words.iter().map(String::as_str)).env("LC_ALL", "C");
        match command.timeout(Duration::from_secs(seconds.into())).run().map_err(failure::of_host) {
            Ok(output) => return checked(&path, words, seconds, &output),
            Err(Error::Unsupported(_)) => {}
            // It may be granted in the next one.
            Err(Error::Denied(why)) => denied = denied.or(Some(Error::Denied(why))),
            Err(error) => return Err(error),
        }
    }
    Err(denied.unwrap_or_else(|| {
        Error::NotFound(format!(
            "there is no check \"{check}\" in {}: `nagios.list` lists them",
            folders.join(", ")
        ))
    }))
}

fn checked(path: &str, words: &[String], seconds: u32, output: &Output) -> Result<Checked, Error> {
    let argv: Vec<&str> = [path].into_iter().chain(words.iter().map(String::as_str)).collect();
    let state = match output.status {
        Status::Exited(0) => State::Ok,
        Status::Exited(1) => State::Warning,
        Status::Exited(2) => State::Critical,
        Status::Exited(_) => State::Unknown,
        Status::Signalled(_) | Status::TimedOut => {
            let mut error = failure::failed(&argv, output);
            if let (Error::Failed(failure), Status::TimedOut) = (&mut error, output.status) {
                failure.stderr =
                    format!("{}\nended after {seconds} s", failure.stderr).trim_start().to_owned();
            }
            return Err(error);
        }
    };
    let mut checked = output::read(state, &output.stdout_text());
    if checked.summary.is_empty() {
        // What it does not understand it complains of elsewhere.
        checked.summary = failure::tail(&output.stderr_text());
    }
    Ok(checked)
}

/// What a host without checks is told.
fn without(folders: &[String]) -> Error {
    or_install(
        Error::Unsupported(format!("this host has no folder {}", folders.join(" or "))),
        "check",
        &PACKAGES,
    )
}

#[cfg(test)]
mod tests {
    use minion_sdk::testing::Host;

    use super::*;

    fn run(check: &str, words: &[&str]) -> Result<Checked, Error> {
        let args = words.iter().map(|word| (*word).to_owned()).collect();
        Nagios::run(check.to_owned(), Some("5".to_owned()), None, Some(args), None)
    }

    #[test]
    fn an_exit_code_is_a_state_whatever_folder_the_check_is_in() {
        for (exit, state) in [
            (0, State::Ok),
            (1, State::Warning),
            (2, State::Critical),
            (3, State::Unknown),
            (127, State::Unknown),
        ] {
            let argv = ["/usr/lib64/nagios/plugins/check_x", "-w", "5", "-H", "db1"];
            let missing = Host::new().missing("/usr/lib/nagios/plugins/check_x");
            let _host = missing.program(&argv, Output::printed("SAYS IT\n", exit));
            let checked = run("check_x", &["-H", "db1"]).expect("checked");
            assert_eq!((checked.state, checked.summary.as_str()), (state, "SAYS IT"));
        }
        let complaint = Output { stderr: b"what?\n".to_vec(), ..Output::printed("", 3) };
        let _host = Host::new()
            .missing("/opt/check_y")
            .program(&["/opt/check_x", "-w", "5"], complaint)
            .setting("folders", ["/opt"]);
        assert_eq!(run("check_x", &[]).map(|checked| checked.summary), Ok("what?".to_owned()));
        assert!(matches!(run("check_y", &[]), Err(Error::NotFound(why)) if why.contains("/opt")));
    }

    #[test]
    fn a_check_that_does_not_end_is_an_error_and_what_is_no_name_is_never_run() {
        let late = Output { status: Status::TimedOut, ..Output::printed("", 0) };
        let host = Host::new().program(&["/usr/lib/nagios/plugins/check_x", "-w", "5"], late);
        assert!(
            matches!(run("check_x", &[]), Err(Error::Failed(failure)) if failure.stderr == "ended after 30 s")
        );
        for bad in ["", "../x", "a/b", "-x", "a b", "a\0b", ".x"] {
            assert!(matches!(run(bad, &[]), Err(Error::Invalid(_))), "{bad}");
        }
        assert!(matches!(run("check_x", &["a\0b"]), Err(Error::Invalid(_))));
        assert_eq!(host.ran().len(), 1);
    }

    #[test]
    fn checks_are_listed_and_a_host_without_any_is_told_what_to_install() {
        let listing = |folder: &str, exit| {
            (
                ["ls".to_owned(), "-1".to_owned(), "--".to_owned(), folder.to_owned()],
                Output::printed("check_b\ncheck_a\nutils.sh\n", exit),
            )
        };
        let host_with = |exits: [i32; 2]| {
            FOLDERS.iter().zip(exits).fold(Host::new(), |host, (folder, exit)| {
                let (argv, output) = listing(folder, exit);
                host.program(&argv.each_ref().map(String::as_str), output)
            })
        };
        let host = host_with([0, 2]);
        assert_eq!(
            Nagios::list(),
            Ok(vec!["check_a".to_owned(), "check_b".to_owned(), "utils.sh".to_owned()])
        );
        drop(host);
        let _host = host_with([2, 2]);
        assert!(
            matches!(Nagios::list(), Err(Error::Unsupported(why)) if why.contains("monitoring-plugins-basic"))
        );
    }
}
