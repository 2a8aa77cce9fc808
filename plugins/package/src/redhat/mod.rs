//! rpm and dnf.

mod said;

use failure::{Done, Error, Failure, failed, read, run, watch};

use crate::deviations;
use crate::exports::minion::packages::package::{Details, Deviation, Found, Installed, Newer, Step};
use crate::family::Family;
use crate::plan::Plan;
use crate::waiting::{self, Teller, Wait};

/// Hosts with rpm and dnf.
pub(crate) struct RedHat;

/// What is asked of each package. The policy that the module suggests has the same words, as for all of these.
const ROWS: &str = "--queryformat=%{NAME}\\t%{EVR}\\t%{ARCH}\\t%{SIZE}\\t%{URL}\\t%{SUMMARY}\\n";

/// Asks about what repositories have, as far as it was known when they were read last. Some versions of dnf put an empty
/// line behind each package.
const KNOWN: [&str; 4] = ["dnf", "--quiet", "--cacheonly", "repoquery"];

/// No question is asked, and what is locked is waited for by the module.
const CHANGING: [&str; 3] = ["dnf", "--assumeyes", "--setopt=exit_on_lock=True"];

impl Family for RedHat {
    fn table(&self) -> Result<Vec<Installed>, Error> {
        let output = read(&["rpm", "--query", "--all", ROWS])?;
        match output.stdout_dropped {
            0 => Ok(output.stdout_text().lines().filter_map(said::row).map(|row| row.installed).collect()),
            dropped => Err(Error::Other(format!(
                "the host has more packages than fit: {dropped} bytes are left out"
            ))),
        }
    }

    fn is_version(&self, has: &str, wished: &str) -> bool {
        let without_epoch = has.split_once(':').map_or(has, |(_, rest)| rest);
        let bare =
            |version: &str| version.rsplit_once('-').map_or(String::new(), |(bare, _)| bare.to_owned());
        [has, without_epoch, &bare(has), &bare(without_epoch)].contains(&wished)
    }

    fn info(&self, name: &str) -> Result<Details, Error> {
        let row = run(&["rpm", "--query", ROWS, "--", name])?.stdout_text().lines().find_map(said::row);
        let format = "--queryformat=%{name}\\t%{evr}\\t%{arch}\\t%{installsize}\\t%{url}\\t%{summary}\\n";
        let known = known(&["--latest-limit=1", format, "--", name]);
        let known = match known {
            Ok(text) => text.lines().find_map(said::row),
            // What is installed is known without any repository.
            Err(_) if row.is_some() => None,
            Err(error) => return Err(error),
        };
        let candidate = known.as_ref().map(|row| row.installed.version.clone());
        let automatic = match &row {
            Some(_) => automatic(name),
            None => None,
        };
        let version = row.as_ref().map(|row| row.installed.version.clone());
        let missing = || Error::NotFound(format!("there is no package \"{name}\" that could be installed"));
        let said::Row { installed: about, homepage } = row.or(known).ok_or_else(missing)?;
        Ok(Details {
            held: self.held().is_ok_and(|held| held.contains(&about.name)),
            name: about.name,
            installed: version,
            candidate,
            architecture: Some(about.architecture),
            automatic,
            size: about.size,
            homepage,
            summary: about.summary,
        })
    }

    fn search(&self, text: &str) -> Result<Vec<Found>, Error> {
        let wanted = text.to_lowercase();
        let mut found: Vec<Found> = Vec::new();
        let argv = [&KNOWN[..], &["--queryformat=%{name}\\t%{summary}\\n"]].concat();
        let output = watch(&argv, |line| {
            if line.to_lowercase().contains(&wanted) {
                found.extend(said::found(line));
            }
        })?;
        if let Some(output) = output.filter(|output| !output.success()) {
            return Err(of_dnf(failed(&argv, &output)));
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found.dedup_by(|one, other| one.name == other.name);
        Ok(found)
    }

    fn upgradable(&self) -> Result<Vec<Newer>, Error> {
        let table = self.table()?;
        let text = known(&["--upgrades", "--queryformat=%{name}\\t%{evr}\\t%{arch}\\n"])?;
        // Without the plugin that holds packages none is held.
        Ok(said::newer(&text, &table, &self.held().unwrap_or_default()))
    }

    fn held(&self) -> Result<Vec<String>, Error> {
        let text = read(&["dnf", "--quiet", "versionlock", "list"]).map_err(of_dnf)?.stdout_text();
        Ok(text.lines().filter_map(said::locked).collect())
    }

    fn owner(&self, path: &str) -> Result<Vec<String>, Error> {
        let output = run(&["rpm", "--query", "--file", "--queryformat=%{NAME}\\n", "--", path])?;
        if !output.success() {
            return Err(Error::NotFound(format!("no package has \"{path}\"")));
        }
        Ok(output.stdout_text().lines().map(str::to_owned).collect())
    }

    fn files(&self, name: &str) -> Result<Vec<String>, Error> {
        let argv = ["rpm", "--query", "--list", "--", name];
        let output = run(&argv)?;
        if output.stdout_dropped > 0 {
            let dropped = output.stdout_dropped;
            return Err(Error::Other(format!(
                "the package has more files than fit: {dropped} bytes are left out"
            )));
        }
        match output.success() {
            true => Ok(output
                .stdout_text()
                .lines()
                .filter(|line| line.starts_with('/'))
                .map(str::to_owned)
                .collect()),
            false => Err(missing(name)),
        }
    }

    fn verify(&self, name: &str) -> Result<Vec<Deviation>, Error> {
        let argv = ["rpm", "--verify", "--", name];
        let output = run(&argv)?;
        let text = output.stdout_text();
        match deviations::read(&text) {
            found if found.is_empty() && text.contains("is not installed") => Err(missing(name)),
            // It fails where something deviates, also where that is no file but what the package needs.
            found if found.is_empty() && !output.success() && text.trim().is_empty() => {
                Err(failed(&argv, &output))
            }
            found => Ok(found),
        }
    }

    fn would(&self, plan: &Plan, table: &[Installed]) -> Result<Vec<Step>, Error> {
        let (verb, names) = words(plan);
        let argv = argv(&["dnf", "--assumeno"], verb, &names);
        let output = run(&argv)?;
        // It fails because nobody agreed to what it shows.
        if output.success() || output.stderr_text().contains("Operation aborted") {
            return Ok(said::steps(&output.stdout_text(), table));
        }
        Err(self.unless_held(plan, of_dnf(failed(&argv, &output))))
    }

    fn carry_out(&self, plan: &Plan, wait: Wait) -> Result<(), Error> {
        let (verb, names) = words(plan);
        let mut teller = Teller::default();
        let argv = argv(&CHANGING, verb, &names);
        let done = waiting::change(&argv, wait, said::holder, |line| teller.tell(line));
        done.map(drop).map_err(|error| self.unless_held(plan, of_dnf(error)))
    }

    fn refresh(&self, wait: Wait) -> Result<bool, Error> {
        let mut teller = Teller::default();
        let argv = argv(&CHANGING, &["--refresh", "makecache"], &[]);
        waiting::change(&argv, wait, said::holder, |line| teller.tell(line)).map_err(of_dnf)?;
        Ok(true)
    }

    fn mark(&self, hold: bool, names: &[String], wait: Wait) -> Result<(), Error> {
        let verb: &[&str] = if hold { &["versionlock", "add"] } else { &["versionlock", "delete"] };
        let mut unknown = None;
        let argv = argv(&CHANGING, verb, names);
        let done = waiting::change(&argv, wait, said::holder, |line| {
            // That is no failure for it.
            if line.starts_with("No package found for") {
                unknown = Some(line.to_owned());
            }
        });
        match (done.map_err(of_dnf)?, unknown) {
            (Done::Now, Some(line)) => Err(Error::NotFound(line)),
            _ => Ok(()),
        }
    }
}

impl RedHat {
    /// What it means that something cannot be installed: dnf knows no version but the one that is held.
    fn unless_held(&self, plan: &Plan, error: Error) -> Error {
        let (Error::NotFound(_), Plan::Install(wishes)) = (&error, plan) else { return error };
        let held = self.held().unwrap_or_default();
        match wishes.iter().find(|wish| held.contains(&wish.name)) {
            Some(wish) => {
                Error::Denied(format!("package \"{}\" is held, `package.unhold` lets it go", wish.name))
            }
            None => error,
        }
    }
}

/// What dnf is told to do for a plan: the words of it, and the packages.
fn words(plan: &Plan) -> (&'static [&'static str], Vec<String>) {
    match plan {
        Plan::Install(wishes) => {
            let word = |wish: &crate::given::Wish| match &wish.version {
                Some(version) => format!("{}-{version}", wish.name),
                None => wish.name.clone(),
            };
            (&["install"], wishes.iter().map(word).collect())
        }
        Plan::Remove { names, .. } => (&["--noautoremove", "remove"], names.clone()),
        Plan::Upgrade(names) => (&["upgrade"], names.clone()),
        Plan::UpgradeAll => (&["upgrade"], Vec::new()),
    }
}

fn argv<'a>(dnf: &[&'a str], verb: &[&'a str], names: &'a [String]) -> Vec<&'a str> {
    let mut argv = [dnf, verb].concat();
    if !names.is_empty() {
        argv.push("--");
        argv.extend(names.iter().map(String::as_str));
    }
    argv
}

/// What dnf knows of the repositories without reading them.
fn known(arguments: &[&str]) -> Result<String, Error> {
    let output = read(&[&KNOWN[..], arguments].concat()).map_err(of_dnf)?;
    match output.stdout_dropped {
        0 => Ok(output.stdout_text()),
        dropped => Err(Error::Other(format!("this is more than fits: {dropped} bytes are left out"))),
    }
}

/// Whether a package that is installed is there because another needs it.
fn automatic(name: &str) -> Option<bool> {
    let text = known(&["--installed", "--queryformat=%{reason}\\n", "--", name]).ok()?;
    match text.lines().next()?.trim().to_lowercase().as_str() {
        "user" | "group" | "external user" => Some(false),
        "dependency" | "weak-dependency" | "weak dependency" => Some(true),
        _ => None,
    }
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("package \"{name}\" is not installed"))
}

/// What it means that dnf fails.
fn of_dnf(error: Error) -> Error {
    let Error::Failed(Failure { stderr, .. }) = &error else { return error };
    let line = |parts: &[&str]| {
        let found = stderr.lines().find(|line| parts.iter().any(|part| line.contains(part)));
        found.map(|line| line.trim_start_matches("Error: ").to_owned())
    };
    if let Some(line) = line(&["Unable to find a match", "No match for argument", "No packages marked for"]) {
        return Error::NotFound(format!("{line}; `package.refresh` reads the repositories anew"));
    }
    if line(&["No such command: versionlock", "Unknown argument \"versionlock\""]).is_some() {
        let plugin = "dnf's plugin `versionlock` is not installed";
        return Error::Unsupported(format!("{plugin}: without it this host cannot hold packages"));
    }
    if line(&["Cache-only enabled but no cache", "no cache for"]).is_some() {
        return Error::Other("this host never read its repositories: `package.refresh` does that".to_owned());
    }
    if let Some(line) = line(&["protected packages"]) {
        return Error::Denied(format!("this host does not work without what would be removed: {line}"));
    }
    match line(&["superuser privileges"]) {
        Some(line) => Error::Denied(format!("the minion may not change packages: {line}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_leave_out_epoch_and_release() {
        for wished in ["1:2.0-3.el9", "2.0-3.el9", "2.0", "1:2.0"] {
            assert!(RedHat.is_version("1:2.0-3.el9", wished), "{wished}");
        }
        for wished in ["2", "3.el9", "2.0-3", "1"] {
            assert!(!RedHat.is_version("1:2.0-3.el9", wished), "{wished}");
        }
    }
}
