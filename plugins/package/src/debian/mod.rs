//! dpkg and apt.

mod said;

use failure::{Error, Failure, failed, read, run, watch};

use crate::deviations;
use crate::exports::minion::packages::package::{Details, Deviation, Found, Installed, Newer, Step};
use crate::family::Family;
use crate::plan::Plan;
use crate::table::is_there;
use crate::waiting::{self, Teller, Wait};

/// Hosts with dpkg and apt.
pub(crate) struct Debian;

/// What is asked of each package. The policy that the module suggests has the same words, as for all of these.
const ROWS: &str = "--showformat=${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${Installed-Size}\\t\
                    ${binary:Summary}\\n";

/// A name is a name, and no regular expression.
const EXACT: &str = "-oAPT::Cmd::Pattern-Only=true";

/// No question is asked, files of configuration stay as they are, and what is locked is waited for by the module.
const CHANGING: [&str; 8] = [
    "apt-get",
    "-q",
    "--yes",
    EXACT,
    "-oDPkg::Lock::Timeout=0",
    "-oDpkg::Use-Pty=0",
    "-oDpkg::Options::=--force-confold",
    "-oDpkg::Options::=--force-confdef",
];

impl Family for Debian {
    fn table(&self) -> Result<Vec<Installed>, Error> {
        let output = read(&["dpkg-query", "--show", ROWS])?;
        let rows = said::whole(&output)?;
        rows.lines().map(said::row).collect()
    }

    fn is_version(&self, has: &str, wished: &str) -> bool {
        has == wished
    }

    fn info(&self, name: &str) -> Result<Details, Error> {
        // Its rows are looked at one by one, since dpkg fails where it never heard of the name.
        let rows = run(&["dpkg-query", "--show", ROWS, "--", name])?.stdout_text();
        let rows: Vec<Installed> = rows.lines().map(said::row).collect::<Result<_, _>>()?;
        let installed = rows.into_iter().find(is_there);
        let policy = read(&["apt-cache", EXACT, "policy", "--", name])?.stdout_text();
        let candidate = said::policies(&policy).into_iter().next().and_then(|policy| policy.candidate);
        if installed.is_none() && candidate.is_none() {
            return Err(Error::NotFound(format!("there is no package \"{name}\" that could be installed")));
        }
        let shown = run(&["apt-cache", EXACT, "show", "--no-all-versions", "--", name])?.stdout_text();
        let field = |of: &str| said::field(&shown, of).map(str::to_owned);
        let automatic = match &installed {
            Some(_) => {
                Some(!read(&["apt-mark", EXACT, "showauto", "--", name])?.stdout_text().trim().is_empty())
            }
            None => None,
        };
        let size = installed.as_ref().map(|row| row.size);
        let summary = installed.as_ref().map(|row| row.summary.clone());
        Ok(Details {
            name: name.split(':').next().unwrap_or(name).to_owned(),
            architecture: installed
                .as_ref()
                .map(|row| row.architecture.clone())
                .or_else(|| field("Architecture")),
            held: self.held()?.iter().any(|held| held == name),
            automatic,
            size: size.unwrap_or_else(|| field("Installed-Size").and_then(|size| said::kibibytes(&size))),
            homepage: field("Homepage"),
            summary: summary.or_else(|| field("Description")).unwrap_or_default(),
            installed: installed.map(|row| row.version),
            candidate,
        })
    }

    fn search(&self, text: &str) -> Result<Vec<Found>, Error> {
        let (pattern, mut found) = (said::escaped(text, "+."), Vec::<Found>::new());
        let argv = ["apt-cache", "search", "--", &pattern];
        let output = watch(&argv, |line| found.extend(said::found(line)))?;
        match output {
            Some(output) if !output.success() => Err(of_apt(failed(&argv, &output))),
            _ => {
                found.sort_by(|one, other| one.name.cmp(&other.name));
                Ok(found)
            }
        }
    }

    fn upgradable(&self) -> Result<Vec<Newer>, Error> {
        let text = simulated(&["--with-new-pkgs", "upgrade"], &[])?;
        let steps = said::steps(&text, &[]).into_iter();
        let mut newer: Vec<Newer> = steps
            .filter_map(|step| {
                let (installed, candidate) = (step.before?, step.after?);
                Some(Newer { name: step.name, installed, candidate, kept_back: false })
            })
            .collect();
        let kept = said::kept_back(&text);
        if !kept.is_empty() {
            let argv: Vec<&str> =
                ["apt-cache", EXACT, "policy", "--"].into_iter().chain(kept.iter().copied()).collect();
            let policies = said::policies(&read(&argv)?.stdout_text());
            newer.extend(policies.into_iter().filter_map(|policy| {
                let (installed, candidate) = (policy.installed?, policy.candidate?);
                Some(Newer { name: policy.name, installed, candidate, kept_back: true })
            }));
        }
        newer.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(newer)
    }

    fn held(&self) -> Result<Vec<String>, Error> {
        Ok(read(&["apt-mark", EXACT, "showhold"])?.stdout_text().lines().map(str::to_owned).collect())
    }

    fn owner(&self, path: &str) -> Result<Vec<String>, Error> {
        for path in said::names_of(path) {
            let pattern = said::escaped(&path, "*?[]\\");
            let argv = ["dpkg-query", "--search", "--", &pattern];
            let output = run(&argv)?;
            let owners = said::owners(&output.stdout_text(), &path);
            if !owners.is_empty() {
                return Ok(owners);
            }
            if !output.success() && !output.stderr_text().contains("no path found matching") {
                return Err(failed(&argv, &output));
            }
        }
        Err(Error::NotFound(format!("no package has \"{path}\"")))
    }

    fn files(&self, name: &str) -> Result<Vec<String>, Error> {
        let output = read(&["dpkg-query", "--listfiles", "--", name]).map_err(of_apt)?;
        Ok(said::files(&said::whole(&output)?))
    }

    fn verify(&self, name: &str) -> Result<Vec<Deviation>, Error> {
        let argv = ["dpkg", "--verify", "--", name];
        let output = run(&argv)?;
        // Some versions say by their exit code as well that something deviates.
        let deviations = deviations::read(&output.stdout_text());
        match deviations.is_empty() && !output.success() {
            true => Err(of_apt(failed(&argv, &output))),
            false => Ok(deviations),
        }
    }

    fn would(&self, plan: &Plan, table: &[Installed]) -> Result<Vec<Step>, Error> {
        check_signs(plan)?;
        let (verb, names) = words(plan);
        Ok(said::steps(&simulated(verb, &names)?, table))
    }

    fn carry_out(&self, plan: &Plan, wait: Wait) -> Result<(), Error> {
        check_signs(plan)?;
        let (verb, names) = words(plan);
        let mut teller = Teller::default();
        let argv = argv(&[], verb, &names);
        waiting::change(&argv, wait, said::holder, |line| teller.tell(line)).map(drop).map_err(of_apt)
    }

    fn refresh(&self, wait: Wait) -> Result<bool, Error> {
        let (mut teller, mut is_new) = (Teller::default(), false);
        let argv = ["apt-get", "-q", "-oAPT::Update::Error-Mode=any", "update"];
        let done = waiting::change(&argv, wait, said::holder, |line| {
            is_new |= line.starts_with("Get:");
            teller.tell(line);
        });
        Ok(done.map_err(of_apt)? == failure::Done::Recorded || is_new)
    }

    fn mark(&self, hold: bool, names: &[String], wait: Wait) -> Result<(), Error> {
        let verb = if hold { "hold" } else { "unhold" };
        let argv: Vec<&str> =
            ["apt-mark", EXACT, verb, "--"].into_iter().chain(names.iter().map(String::as_str)).collect();
        waiting::change(&argv, wait, said::holder, |_| ()).map(drop).map_err(of_apt)
    }
}

/// Checks that names with a `+` at the end, as `g++`, are packages: apt takes the sign for the wish to install what stands
/// before it where there is none of the whole name.
fn check_signs(plan: &Plan) -> Result<(), Error> {
    let Plan::Install(wishes) = plan else { return Ok(()) };
    let signed: Vec<&str> =
        wishes.iter().map(|wish| wish.name.as_str()).filter(|name| name.ends_with('+')).collect();
    if signed.is_empty() {
        return Ok(());
    }
    let argv = [&["apt-cache", EXACT, "policy", "--"], &signed[..]].concat();
    let known = said::policies(&read(&argv)?.stdout_text());
    match signed.iter().find(|name| !known.iter().any(|policy| policy.name == **name)) {
        Some(name) => Err(unknown(&format!("there is no package \"{name}\""))),
        None => Ok(()),
    }
}

/// What is not known, as of the last time that the repositories were read.
fn unknown(why: &str) -> Error {
    Error::NotFound(format!("{why}; `package.refresh` reads the repositories anew"))
}

/// What apt is told to do for a plan: the words of it, and the packages.
fn words(plan: &Plan) -> (&'static [&'static str], Vec<String>) {
    match plan {
        Plan::Install(wishes) => {
            let word = |wish: &crate::given::Wish| match &wish.version {
                Some(version) => format!("{}={version}", wish.name),
                None => wish.name.clone(),
            };
            (&["--allow-downgrades", "install"], wishes.iter().map(word).collect())
        }
        Plan::Remove { names, purge: false } => (&["remove"], names.clone()),
        Plan::Remove { names, purge: true } => (&["purge"], names.clone()),
        Plan::Upgrade(names) => (&["--only-upgrade", "install"], names.clone()),
        Plan::UpgradeAll => (&["--with-new-pkgs", "upgrade"], Vec::new()),
    }
}

fn argv<'a>(more: &[&'a str], verb: &[&'a str], names: &'a [String]) -> Vec<&'a str> {
    let mut argv = [&CHANGING[..], more, verb].concat();
    if !names.is_empty() {
        argv.push("--");
        argv.extend(names.iter().map(String::as_str));
    }
    argv
}

/// What apt says that it would do.
fn simulated(verb: &[&str], names: &[String]) -> Result<String, Error> {
    let output = read(&argv(&["--simulate"], verb, names)).map_err(of_apt)?;
    said::whole(&output)
}

/// What it means that apt or dpkg fails.
fn of_apt(error: Error) -> Error {
    let Error::Failed(Failure { stderr, .. }) = &error else { return error };
    let line = |parts: &[&str]| {
        let found = stderr.lines().find(|line| parts.iter().any(|part| line.contains(part)));
        found.map(|line| {
            ["E: ", "dpkg-query: ", "dpkg: "]
                .iter()
                .fold(line, |line, tag| line.trim_start_matches(tag))
                .to_owned()
        })
    };
    let missing = [
        "Unable to locate package",
        "Couldn't find any package",
        "has no installation candidate",
        "was not found",
    ];
    if let Some(line) = line(&missing) {
        return unknown(&line);
    }
    if let Some(line) = line(&["is not installed"]) {
        return Error::NotFound(line);
    }
    if let Some(line) = line(&["Essential packages were removed"]) {
        return Error::Denied(format!("this host does not work without what would be removed: {line}"));
    }
    if let Some(line) = line(&["Held packages were changed"]) {
        return Error::Denied(format!("a package is held, `package.unhold` lets it go: {line}"));
    }
    match line(&["are you root?"]) {
        Some(line) => Error::Denied(format!("the minion may not change packages: {line}")),
        None => error,
    }
}
