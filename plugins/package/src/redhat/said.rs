//! What rpm and dnf say.

use crate::exports::minion::packages::package::{Found, Installed, Newer, Step};

/// A package, and where more is said of it.
pub(crate) struct Row {
    pub(crate) installed: Installed,
    pub(crate) homepage: Option<String>,
}

/// A line with name, version, architecture, size, address and summary; others are none.
pub(crate) fn row(line: &str) -> Option<Row> {
    let mut fields = line.splitn(6, '\t');
    let (name, version, architecture, size) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (homepage, summary) = (fields.next()?, fields.next()?);
    let installed = Installed {
        name: name.to_owned(),
        version: version.strip_prefix("0:").unwrap_or(version).to_owned(),
        architecture: architecture.to_owned(),
        state: "installed".to_owned(),
        size: size.parse().ok(),
        summary: summary.trim_end().to_owned(),
    };
    let is_said = !homepage.is_empty() && homepage != "(none)" && homepage != "None";
    Some(Row { installed, homepage: is_said.then(|| homepage.to_owned()) })
}

/// A line with name and summary.
pub(crate) fn found(line: &str) -> Option<Found> {
    let (name, summary) = line.split_once('\t')?;
    Some(Found { name: name.to_owned(), summary: summary.to_owned() })
}

/// Lines with name, version and architecture of what is newer than what is installed.
pub(crate) fn newer(text: &str, table: &[Installed], held: &[String]) -> Vec<Newer> {
    let mut newer: Vec<Newer> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(name), Some(version), Some(architecture)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let same = |row: &&Installed| row.name == name && row.architecture == architecture;
        let installed = table.iter().rfind(same).or_else(|| table.iter().rfind(|row| row.name == name));
        let Some(installed) = installed else { continue };
        newer.push(Newer {
            name: name.to_owned(),
            installed: installed.version.clone(),
            candidate: version.strip_prefix("0:").unwrap_or(version).to_owned(),
            kept_back: held.iter().any(|held| held == name),
        });
    }
    newer.sort_by(|one, other| one.name.cmp(&other.name));
    newer
}

/// The name in a line of `versionlock list`: `tried-0:1.0-1.*`. What is excluded begins with `!`.
pub(crate) fn locked(line: &str) -> Option<String> {
    let (rest, _) = line.trim().strip_suffix(".*")?.rsplit_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    (!name.starts_with('!')).then(|| name.to_owned())
}

/// What dnf shows before it asks whether it may: tables of what is installed, upgraded and removed, whose lines are broken
/// where they are too long for a terminal.
pub(crate) fn steps(text: &str, table: &[Installed]) -> Vec<Step> {
    let mut rows: Vec<(bool, Vec<&str>)> = Vec::new();
    let mut removes = None;
    for line in text.lines() {
        if line.starts_with("Transaction Summary") {
            break;
        }
        if let Some(title) = line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            removes = Some(title.starts_with("Removing"));
            continue;
        }
        let Some(removes) = removes.filter(|_| line.starts_with(' ')) else { continue };
        match (line.strip_prefix(' '), rows.last_mut()) {
            (Some(rest), Some((_, words))) if rest.starts_with(' ') => words.extend(rest.split_whitespace()),
            _ => rows.push((removes, line.split_whitespace().collect())),
        }
    }
    rows.iter().filter_map(|(removes, words)| step(*removes, words, table)).collect()
}

fn step(removes: bool, words: &[&str], table: &[Installed]) -> Option<Step> {
    let (name, architecture, version) = (words.first()?, words.get(1)?, (*words.get(2)?).to_owned());
    let known = table.iter().find(|row| row.name == *name && row.architecture == *architecture);
    let (before, after) = match removes {
        true => (Some(version), None),
        false => (known.map(|row| row.version.clone()), Some(version)),
    };
    Some(Step { name: (*name).to_owned(), architecture: (*architecture).to_owned(), before, after })
}

/// Who has locked what dnf needs, by what it wrote to its standard error.
pub(crate) fn holder(stderr: &str) -> Option<String> {
    let is_lock =
        |line: &&str| line.contains("already locked by") || line.contains("can't create transaction lock");
    let line = stderr.lines().find(is_lock)?.trim().to_owned();
    match stderr.lines().find_map(|line| line.split_once("The application with PID ")?.1.split_once(" is: "))
    {
        Some((_, program)) => Some(format!("{line} ({program})")),
        None => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::row as installed;

    fn noarch(name: &str, version: &str) -> Installed {
        Installed { architecture: "noarch".into(), ..installed(name, version) }
    }

    #[test]
    fn rows_are_packages_and_what_is_said_besides_is_none() {
        let found = row("tried\t1:2.0-1\tnoarch\t9\thttps://example.org\tThe package").expect("a row");
        assert_eq!((found.installed.version.as_str(), found.installed.size), ("1:2.0-1", Some(9)));
        assert_eq!(found.homepage.as_deref(), Some("https://example.org"));
        let found = row("gpg-pubkey\t0:1-2\t(none)\t0\t(none)\tgpg(x)").expect("a row");
        assert_eq!((found.installed.version.as_str(), found.homepage), ("1-2", None));
        assert!(row("package nonesuch is not installed").is_none() && row("").is_none());
        assert_eq!(locked("tried-0:2.0-1.*").as_deref(), Some("tried"));
        assert_eq!(locked("a-b-0:2.0-1.fc40.*").as_deref(), Some("a-b"));
        assert_eq!(
            (locked("!x-0:2.0-1.*"), locked("Last metadata expiration check: 0:00:24 ago")),
            (None, None)
        );
        let newer = newer("tried\t0:2.0-1\tnoarch\n\n", &[noarch("tried", "1.0-1")], &["tried".to_owned()]);
        assert!(newer[0].kept_back);
        assert_eq!((newer[0].installed.as_str(), newer[0].candidate.as_str()), ("1.0-1", "2.0-1"));
    }

    #[test]
    fn what_dnf_would_do_is_read_from_its_table() {
        let text = include_str!("dnf-install.txt");
        let told: Vec<_> = steps(text, &[noarch("tried", "2.0-1")])
            .into_iter()
            .map(|step| (step.name, step.before.unwrap_or_default(), step.after.unwrap_or_default()))
            .collect();
        let expected = [
            ("a-package-with-a-very-long-name-that-no-table-holds-in-eighty-columns", "", "1.0-1"),
            ("rpm", "", "4.18-1"),
            ("tried-base", "", "1.0-1"),
            ("tried", "2.0-1", "1.0-1"),
        ];
        let expected =
            expected.map(|(name, before, after)| (name.to_owned(), before.to_owned(), after.to_owned()));
        assert_eq!(told, expected);
        let text = include_str!("dnf-remove.txt");
        let told: Vec<_> =
            steps(text, &[]).into_iter().map(|step| (step.name, step.before, step.after)).collect();
        let one = || Some("1.0-1".to_owned());
        assert_eq!(told, [("tried-base".to_owned(), one(), None), ("tried".to_owned(), one(), None)]);
        assert_eq!(steps("Dependencies resolved.\nNothing to do.\nComplete!\n", &[]), []);
    }

    #[test]
    fn who_has_the_lock_is_named() {
        let said = "metadata already locked by 1730\n  The application with PID 1730 is: sleep\n    Memory : 1.5 M RSS\n";
        assert_eq!(holder(said).as_deref(), Some("metadata already locked by 1730 (sleep)"));
        let said = "error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)";
        assert_eq!(holder(said).as_deref(), Some(said));
        assert_eq!(holder("Error: Unable to find a match: nonesuch"), None);
    }
}
