//! What dpkg and apt say.

use failure::Error;
use minion_sdk::process::Output;

use crate::exports::minion::packages::package::{Found, Installed, Step};
use crate::table::is_named;

/// What is on the standard output of a program, if all of it was kept.
pub(crate) fn whole(output: &Output) -> Result<String, Error> {
    match output.stdout_dropped {
        0 => Ok(output.stdout_text()),
        dropped => Err(Error::Other(format!("this is more than fits: {dropped} bytes are left out"))),
    }
}

/// A line of `dpkg-query --show`.
pub(crate) fn row(line: &str) -> Result<Installed, Error> {
    let mut fields = line.splitn(6, '\t');
    let mut next = || fields.next();
    let mut row = || -> Option<Installed> {
        Some(Installed {
            state: next()?.to_owned(),
            name: next()?.to_owned(),
            version: next()?.to_owned(),
            architecture: next()?.to_owned(),
            size: kibibytes(next()?),
            summary: next()?.to_owned(),
        })
    };
    row().ok_or_else(|| Error::Other(format!("`dpkg-query` said what cannot be read: {line:?}")))
}

/// Bytes, of a number of kibibytes.
pub(crate) fn kibibytes(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(1024)
}

/// What `apt-cache policy` says of a package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) installed: Option<String>,
    pub(crate) candidate: Option<String>,
}

/// What `apt-cache policy` says.
pub(crate) fn policies(text: &str) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            policies.push(Policy { name: name.to_owned(), installed: None, candidate: None });
        }
        let Some(policy) = policies.last_mut() else { continue };
        let version = |of: &str| line.strip_prefix(of).filter(|it| *it != "(none)").map(str::to_owned);
        policy.installed = policy.installed.take().or_else(|| version("  Installed: "));
        policy.candidate = policy.candidate.take().or_else(|| version("  Candidate: "));
    }
    policies
}

/// A field of the first paragraph that has it, as `apt-cache show` prints them.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A line of `apt-cache search`.
pub(crate) fn found(line: &str) -> Option<Found> {
    let (name, summary) = line.split_once(" - ")?;
    Some(Found { name: name.to_owned(), summary: summary.to_owned() })
}

/// A text with a `\` before each of these characters, which patterns have a meaning for.
pub(crate) fn escaped(text: &str, which: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if which.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The paths by which dpkg may know a file: on hosts where `/bin` leads to `/usr/bin`, packages still have either.
pub(crate) fn names_of(path: &str) -> Vec<String> {
    let moved = |path: &str| ["/bin/", "/sbin/", "/lib"].iter().any(|folder| path.starts_with(folder));
    let mut names = vec![path.to_owned()];
    match path.strip_prefix("/usr") {
        Some(rest) if moved(rest) => names.push(rest.to_owned()),
        None if moved(path) => names.push(format!("/usr{path}")),
        _ => {}
    }
    names
}

/// The packages that `dpkg-query --search` names for this path: `bash, zsh:amd64: /etc/skel`.
pub(crate) fn owners(text: &str, path: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("diversion by "));
    let names = lines.filter_map(|line| line.strip_suffix(path)?.strip_suffix(": "));
    let mut owners: Vec<String> = names.flat_map(|names| names.split(", ")).map(str::to_owned).collect();
    owners.sort();
    owners.dedup();
    owners
}

/// The paths that `dpkg-query --listfiles` names. Lines of diversions stand among them, and the root is `/.`.
pub(crate) fn files(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with('/') && *line != "/.").map(str::to_owned).collect()
}

/// What `apt-get --simulate` would do. Of what is removed it does not say of which architecture it is.
pub(crate) fn steps(text: &str, table: &[Installed]) -> Vec<Step> {
    text.lines().filter_map(|line| step(line, table)).collect()
}

/// `Inst bash [5.1] (5.2 Debian:12/stable [amd64])`, `Inst sl (5.02-1 Debian [amd64]) []`, `Remv sl [5.02-1]`.
fn step(line: &str, table: &[Installed]) -> Option<Step> {
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let before = rest.strip_prefix('[').and_then(|rest| Some(rest.split_once(']')?.0.to_owned()));
    let bare = name.split(':').next()?.to_owned();
    let known = table.iter().find(|row| is_named(row, name));
    match verb {
        "Inst" => {
            let new = rest.split_once('(')?.1.split_once(')')?.0;
            let (version, _) = new.split_once(' ')?;
            let architecture = new.rsplit_once('[')?.1.trim_end_matches(']').to_owned();
            Some(Step { name: bare, architecture, before, after: Some(version.to_owned()) })
        }
        "Remv" | "Purg" => {
            let architecture = known.map(|row| row.architecture.clone()).unwrap_or_default();
            before.as_ref()?;
            Some(Step { name: bare, architecture, before, after: None })
        }
        _ => None,
    }
}

/// The packages that `apt-get upgrade` leaves as they are although there are newer versions.
pub(crate) fn kept_back(text: &str) -> Vec<&str> {
    let mut lines = text.lines().skip_while(|line| *line != "The following packages have been kept back:");
    lines.next();
    lines.take_while(|line| line.starts_with("  ")).flat_map(str::split_whitespace).collect()
}

/// Who has locked what apt or dpkg needs, by what those wrote to their standard error.
pub(crate) fn holder(stderr: &str) -> Option<String> {
    let is_lock = |line: &&str| {
        line.contains("Could not get lock")
            || line.contains("lock was locked by another process")
            || line.contains("database is locked")
    };
    let line = stderr.lines().find(is_lock)?;
    let line = line.trim_start_matches("E: ").trim_start_matches("dpkg: error: ");
    Some(line.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_packages_in_whatever_state() {
        let found = row("installed\tg++\t4:12.2.0-3\tamd64\t14\tGNU C++ compiler").expect("a row");
        assert_eq!(
            (found.name.as_str(), found.version.as_str(), found.size),
            ("g++", "4:12.2.0-3", Some(14 << 10))
        );
        let found = row("config-files\told\t1.0\tall\t\tA package\twith a tab").expect("a row");
        assert_eq!((found.size, found.summary.as_str()), (None, "A package\twith a tab"));
        assert!(row("installed\tg++").is_err());
    }

    #[test]
    fn policies_say_what_is_there_and_what_could_be() {
        let text = "bash:\n  Installed: 5.2.15-2+b8\n  Candidate: 5.2.15-2+b13\n  Version table:\n     5.2.15-2+b13 500\n\
                    \x20       500 http://deb.debian.org/debian bookworm/main amd64 Packages\n *** 5.2.15-2+b8 100\n\
                    \x20       100 /var/lib/dpkg/status\nmail-transport-agent:\n  Installed: (none)\n  Candidate: (none)\n\
                    \x20 Version table:\n";
        let found = policies(text);
        assert_eq!(found[0].installed.as_deref(), Some("5.2.15-2+b8"));
        assert_eq!(found[0].candidate.as_deref(), Some("5.2.15-2+b13"));
        assert_eq!((found.len(), found[1].name.as_str()), (2, "mail-transport-agent"));
        assert_eq!((&found[1].installed, &found[1].candidate), (&None, &None));
        let shown =
            "Package: sl\nDescription: Correct you\nDescription-md5: 64\nHomepage: https://example.org\n";
        assert_eq!((field(shown, "Homepage"), field(shown, "Tag")), (Some("https://example.org"), None));
        assert_eq!(field(shown, "Description"), Some("Correct you"));
    }

    #[test]
    fn what_apt_would_do_is_read_line_by_line() {
        let text = "The following packages have been kept back:\n  dpkg libc6 perl\n  zsh\n\
                    The following NEW packages will be installed:\n  sl\n2 upgraded, 1 newly installed, 2 to remove and 80 not upgraded.\n\
                    Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.14/oldstable [amd64])\nInst sl (5.02-1+b1 Debian:12.14/oldstable [amd64])\n\
                    Inst libc6:i386 [2.36-8] (2.36-9 Debian:12.14/oldstable, Debian-Security:12/oldstable-security [i386]) []\n\
                    Remv dash [0.5.12-2]\nPurg old [1.0]\nConf sl (5.02-1+b1 Debian:12.14/oldstable [amd64])\n";
        let dash = row("installed\tdash\t0.5.12-2\tamd64\t1\tshell").expect("a row");
        let found = steps(text, std::slice::from_ref(&dash));
        let told: Vec<(&str, &str, Option<&str>, Option<&str>)> = found
            .iter()
            .map(|step| {
                (
                    step.name.as_str(),
                    step.architecture.as_str(),
                    step.before.as_deref(),
                    step.after.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("bash", "amd64", Some("5.2.15-2+b8"), Some("5.2.15-2+b13")),
                ("sl", "amd64", None, Some("5.02-1+b1")),
                ("libc6", "i386", Some("2.36-8"), Some("2.36-9")),
                ("dash", "amd64", Some("0.5.12-2"), None),
                ("old", "", Some("1.0"), None),
            ]
        );
        assert_eq!(kept_back(text), ["dpkg", "libc6", "perl", "zsh"]);
        assert_eq!((kept_back("Reading\n"), steps("Reading package lists...\n", &[])), (vec![], vec![]));
    }

    #[test]
    fn owners_are_all_packages_of_the_path_and_no_diversions() {
        let said = "diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\ndash: /bin/sh\n";
        assert_eq!(owners(said, "/bin/sh"), ["dash"]);
        assert_eq!(
            owners("zip, zlib1g:amd64, apt: /usr/share/doc\n", "/usr/share/doc"),
            ["apt", "zip", "zlib1g:amd64"]
        );
        assert_eq!(owners("", "/x"), Vec::<String>::new());
        assert_eq!(names_of("/usr/bin/ls"), ["/usr/bin/ls", "/bin/ls"]);
        assert_eq!(names_of("/lib64/x"), ["/lib64/x", "/usr/lib64/x"]);
        assert_eq!(names_of("/usr/share/x"), ["/usr/share/x"]);
        assert_eq!(escaped("/usr/bin/[", "*?[]\\"), "/usr/bin/\\[");
        let listed =
            "/.\n/bin\n/bin/sh\npackage diverts others to: /bin/sh.distrib\nlocally diverted to: /x\n";
        assert_eq!(files(listed), ["/bin", "/bin/sh"]);
    }

    #[test]
    fn who_has_the_lock_is_named() {
        for (said, expected) in [
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 31988 (python3)\n\
                 E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n",
                Some("Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 31988 (python3)"),
            ),
            (
                "dpkg: error: dpkg frontend lock was locked by another process with pid 31988\nNote: removing the lock file\n",
                Some("dpkg frontend lock was locked by another process with pid 31988"),
            ),
            ("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)", None),
            ("E: Unable to locate package nonesuch", None),
        ] {
            assert_eq!(holder(said).as_deref(), expected);
        }
    }
}
