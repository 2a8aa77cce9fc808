//! What is installed, and what became another way.

use std::collections::BTreeMap;

use crate::exports::minion::packages::package::{Installed, Step};

/// Whether a package is there: of one that was removed, dpkg still knows the files of configuration.
pub(crate) fn is_there(row: &Installed) -> bool {
    !matches!(row.state.as_str(), "config-files" | "not-installed")
}

/// Whether a package is wholly there.
pub(crate) fn is_whole(row: &Installed) -> bool {
    matches!(row.state.as_str(), "installed" | "triggers-awaited" | "triggers-pending")
}

/// Whether this is the package that somebody means by a name, which may have an architecture behind it.
pub(crate) fn is_named(row: &Installed, name: &str) -> bool {
    let rest = name.strip_prefix(row.name.as_str());
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix([':', '.']) == Some(row.architecture.as_str())
    })
}

/// What has to happen to get from one table to the other. Of some packages, as kernels, several versions are there at once.
pub(crate) fn difference(before: &[Installed], after: &[Installed]) -> Vec<Step> {
    type Versions<'a> = (Vec<&'a str>, Vec<&'a str>);
    let mut packages: BTreeMap<(&str, &str), Versions<'_>> = BTreeMap::new();
    for row in before.iter().filter(|row| is_there(row)) {
        packages.entry((&row.name, &row.architecture)).or_default().0.push(&row.version);
    }
    for row in after.iter().filter(|row| is_there(row)) {
        let (gone, come) = packages.entry((&row.name, &row.architecture)).or_default();
        match gone.iter().position(|version| *version == row.version) {
            Some(place) => drop(gone.remove(place)),
            None => come.push(&row.version),
        }
    }
    let mut steps = Vec::new();
    for ((name, architecture), (gone, come)) in packages {
        for place in 0..gone.len().max(come.len()) {
            let version = |of: &[&str]| of.get(place).map(|version| (*version).to_owned());
            steps.push(Step {
                name: name.to_owned(),
                architecture: architecture.to_owned(),
                before: version(&gone),
                after: version(&come),
            });
        }
    }
    steps
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row of a package that is installed.
    pub(crate) fn row(name: &str, version: &str) -> Installed {
        Installed {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            state: "installed".into(),
            size: None,
            summary: String::new(),
        }
    }

    fn told(before: &[Installed], after: &[Installed]) -> Vec<(String, Option<String>, Option<String>)> {
        difference(before, after).into_iter().map(|step| (step.name, step.before, step.after)).collect()
    }

    #[test]
    fn the_difference_of_two_tables_is_what_was_done() {
        let before = [row("a", "1"), row("b", "1"), row("c", "1")];
        let after = [row("a", "1"), row("b", "2"), row("d", "1")];
        let one = || Some("1".to_owned());
        assert_eq!(
            told(&before, &after),
            [("b".into(), one(), Some("2".into())), ("c".into(), one(), None), ("d".into(), None, one())]
        );
        assert_eq!(told(&after, &after), []);
        let left = Installed { state: "config-files".into(), ..row("a", "1") };
        assert_eq!(told(&[row("a", "1")], std::slice::from_ref(&left)), [("a".into(), one(), None)]);
        assert_eq!(told(&[left], &[]), []);
    }

    #[test]
    fn a_kernel_is_installed_besides_the_others() {
        let (old, new) = (row("kernel", "6.1"), row("kernel", "6.2"));
        assert_eq!(
            told(std::slice::from_ref(&old), &[old.clone(), new]),
            [("kernel".into(), None, Some("6.2".into()))]
        );
    }

    #[test]
    fn a_name_may_say_the_architecture() {
        let bash = row("bash", "5");
        assert!(is_named(&bash, "bash") && is_named(&bash, "bash:amd64") && is_named(&bash, "bash.amd64"));
        assert!(!is_named(&bash, "bash:i386") && !is_named(&bash, "bash-doc") && !is_named(&bash, "bas"));
    }
}
