//! The module `sysctl`: the settings of the kernel. What each method does is said in `wit/sysctl.wit`.
//!
//! Their values are read as the files below `/proc/sys`, since `sysctl` would also write where a name had a `=` in it.

mod configuration;
mod live;
mod name;

use failure::{Change, Changes, Done, Error, change};

use configuration::Configuration;
use exports::minion::sysctl::sysctl::{Guest, Scope, Setting, State};
use name::Name;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:sysctl/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Sysctl;

/// The longest value that is set.
const MAX_VALUE: usize = 1000;

export!(Sysctl);

impl Guest for Sysctl {
    fn list(prefix: Option<String>) -> Result<Vec<Setting>, Error> {
        live::list(prefix.as_deref().map(Name::given).transpose()?.as_ref())
    }

    fn get(name: String) -> Result<State, Error> {
        let name = Name::given(&name)?;
        let value = live::value(&name)?;
        let (persistent, file) = Configuration::read()?.of(&name).unzip();
        Ok(State { name: name.shown(), value, persistent, file })
    }

    fn set(name: String, value: String, scope: Option<Scope>) -> Result<Change, Error> {
        let (name, value) = (Name::given(&name)?, words(&value)?);
        let scope = scope.unwrap_or(Scope::Live);
        let before = live::value(&name)?;
        let mut changes = Changes::default();
        if scope != Scope::Persistent && !are_alike(&before, &value) {
            live::set(&name, &before, &value)?;
            changes.add(format!("set {} from {} to {value}", name.shown(), before.trim()));
        }
        if scope != Scope::Live {
            let mut configuration = Configuration::read()?;
            if configuration.of(&name).is_none_or(|(kept, _)| !are_alike(&kept, &value)) {
                configuration.put(&name, Some(&value))?;
                changes.add(format!("set {} to {value} from the next start on", name.shown()));
            }
        }
        Ok(changes.told())
    }

    fn forget(name: String) -> Result<Change, Error> {
        let name = Name::given(&name)?;
        let (mut configuration, mut changes) = (Configuration::read()?, Changes::default());
        if configuration.has_own(&name) {
            configuration.put(&name, None)?;
            changes.add(format!("took {} out of {}", name.shown(), configuration::OWN));
        }
        Ok(changes.told())
    }
}

/// Whether two values are the same for the kernel, which takes any blanks for one.
fn are_alike(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// A value as it is set: one line, with one blank between its parts.
fn words(value: &str) -> Result<String, Error> {
    let value = value.trim();
    let is_fit = |c: char| !c.is_control() || c == '\t';
    if value.is_empty() || value.len() > MAX_VALUE || !value.chars().all(is_fit) {
        return Err(Error::Invalid(format!(
            "the value does not fit: write one line of 1 to {MAX_VALUE} bytes"
        )));
    }
    if value.split(['/', '=', ':', ',']).any(|part| part == "..") {
        return Err(Error::Invalid("the value has a step up in it: write paths without \"..\"".to_owned()));
    }
    Ok(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_their_words() {
        assert!(are_alike("4096\t131072\t6291456\n", "4096 131072  6291456") && !are_alike("1", "10"));
        assert_eq!(words(" 4 4\t1 7\n").as_deref(), Ok("4 4 1 7"));
        for bad in ["", " ", "a\nb", "a\0b", "|/srv/../bin/sh", &"x".repeat(2000)] {
            assert!(matches!(words(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
