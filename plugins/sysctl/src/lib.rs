//! The module `sysctl`: the settings of the kernel. What each method does is said in `wit/sysctl.wit`.
//!
//! Their values are read as the files below `/proc/sys`, since `sysctl` would also write where a name had a `=` in it.

mod configuration;
mod live;
mod name;
mod value;

use failure::{Change, Changes, Done, Error, change};

use configuration::Configuration;
use exports::minion::sysctl::sysctl::{Guest, Scope, Setting, State};
use name::Name;
use value::{are_alike, words};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:sysctl/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Sysctl;

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
