//! What is to be done to the packages of a host.

use failure::Error;

use crate::exports::minion::packages::package::Installed;
use crate::given::Wish;
use crate::table::{is_named, is_there, is_whole};

/// A change of what is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// These are to be there.
    Install(Vec<Wish>),
    /// These are not to be there, and with `purge` their files of configuration neither.
    Remove { names: Vec<String>, purge: bool },
    /// These are to be in their newest version.
    Upgrade(Vec<String>),
    /// All are.
    UpgradeAll,
}

impl Plan {
    /// What is left to do where this is installed; `None` where all is so already.
    ///
    /// `is_version` says whether a version is the one that is wished for.
    pub(crate) fn needed(
        self,
        table: &[Installed],
        is_version: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<Self>, Error> {
        Ok(match self {
            Plan::Install(mut wishes) => {
                wishes.retain(|wish| {
                    let is_so = |row: &Installed| {
                        let version = wish.version.as_deref();
                        is_whole(row)
                            && is_named(row, &wish.name)
                            && version.is_none_or(|version| is_version(&row.version, version))
                    };
                    !table.iter().any(is_so)
                });
                (!wishes.is_empty()).then_some(Plan::Install(wishes))
            }
            Plan::Remove { mut names, purge } => {
                let is_left = |row: &Installed| is_there(row) || (purge && row.state == "config-files");
                names.retain(|name| table.iter().any(|row| is_left(row) && is_named(row, name)));
                (!names.is_empty()).then_some(Plan::Remove { names, purge })
            }
            Plan::Upgrade(names) => {
                let is_missing =
                    |name: &&String| !table.iter().any(|row| is_there(row) && is_named(row, name));
                if let Some(name) = names.iter().find(is_missing) {
                    return Err(Error::NotFound(format!("package \"{name}\" is not installed")));
                }
                (!names.is_empty()).then_some(Plan::Upgrade(names))
            }
            Plan::UpgradeAll => Some(Plan::UpgradeAll),
        })
    }

    /// Whether it removes files of configuration.
    pub(crate) fn is_purge(&self) -> bool {
        matches!(self, Plan::Remove { purge: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::wish;
    use crate::table::tests::row;

    fn needed(plan: Plan) -> Result<Option<Plan>, Error> {
        let left = Installed { state: "config-files".into(), ..row("left", "1") };
        let half = Installed { state: "half-configured".into(), ..row("half", "1") };
        plan.needed(&[row("bash", "5.2"), left, half], |has, wished| has == wished)
    }

    #[test]
    fn only_what_is_not_so_already_is_done() {
        let install =
            |words: &[&str]| Plan::Install(words.iter().map(|it| wish(it).expect("a wish")).collect());
        assert_eq!(needed(install(&["bash", "bash=5.2", "bash:amd64"])), Ok(None));
        assert_eq!(needed(install(&["bash", "zsh"])), Ok(Some(install(&["zsh"]))));
        assert_eq!(
            needed(install(&["bash=5.3", "left", "half"])),
            Ok(Some(install(&["bash=5.3", "left", "half"])))
        );

        let remove = |name: &str, purge| Plan::Remove { names: vec![name.into()], purge };
        assert_eq!(needed(remove("zsh", true)), Ok(None));
        assert_eq!(needed(remove("left", false)), Ok(None));
        assert_eq!(needed(remove("left", true)), Ok(Some(remove("left", true))));
        assert_eq!(needed(remove("half", false)), Ok(Some(remove("half", false))));

        assert!(matches!(needed(Plan::Upgrade(vec!["zsh".into()])), Err(Error::NotFound(_))));
        assert_eq!(needed(Plan::Upgrade(Vec::new())), Ok(None));
        assert_eq!(needed(Plan::UpgradeAll), Ok(Some(Plan::UpgradeAll)));
    }
}
