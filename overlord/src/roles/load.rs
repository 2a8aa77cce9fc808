//! Where roles are written: `overlord.toml`, and files beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use machine::configuration::{self, ConfigError};
use serde::Deserialize;
use wire::name::RoleName;

use super::role::Role;

/// All roles, by name. The built-in one is among them.
pub(crate) type Rules = BTreeMap<RoleName, Role>;

/// A file of roles.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RolesFile {
    roles: Rules,
}

/// Puts the roles of `overlord.toml` together with those of the files `roles.d/*.toml` of its folder.
///
/// # Errors
/// [`ConfigError`] where a file cannot be read, holds something else than roles, or has a role that another file has
/// too.
pub(crate) fn load(dir: &Path, of_configuration: &Rules) -> Result<Rules, ConfigError> {
    let configuration = dir.join("overlord.toml");
    let (mut rules, mut places) = (Rules::new(), BTreeMap::new());
    let mut add = |path: &Path, roles: Rules| {
        for (name, role) in roles {
            let role = checked(path, &name, role)?;
            if let Some(other) = places.insert(name.clone(), path.to_owned()) {
                let other: PathBuf = other;
                return Err(misfit(path, format!("the role \"{name}\" is in \"{}\" too", other.display())));
            }
            rules.insert(name, role);
        }
        Ok(())
    };
    add(&configuration, of_configuration.clone())?;
    for path in files(&dir.join(FOLDER))? {
        let RolesFile { roles } = configuration::load(&path, &[])?;
        add(&path, roles)?;
    }
    rules.entry(admin()).or_insert_with(Role::admin);
    Ok(rules)
}

/// The name of the role that allows everything, and is built in.
pub(crate) fn admin() -> RoleName {
    // A literal that has the form of a role's name.
    "admin".parse().expect("\"admin\" is a role's name")
}

/// The role as it holds: the built-in one can only be given to further operators.
fn checked(path: &Path, name: &RoleName, role: Role) -> Result<Role, ConfigError> {
    match *name == admin() {
        false => Ok(role),
        true if role.says_only_who() => Ok(role.made_admin()),
        true => Err(misfit(
            path,
            "the role \"admin\" is built in and allows everything: let it have `operators` alone, or choose another \
             name"
                .to_owned(),
        )),
    }
}

fn misfit(path: &Path, cause: String) -> ConfigError {
    ConfigError::Parse { path: path.to_owned(), line: 1, cause }
}

/// The files of roles, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let failed = |source| ConfigError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What differs between two sets of roles, one line for each role.
pub(crate) fn changes(before: &Rules, after: &Rules) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name} removed"));
    let others = after.iter().filter_map(|(name, role)| match before.get(name) {
        None => Some(format!("{name} added")),
        Some(former) => {
            let keys = former.differs(role);
            (!keys.is_empty()).then(|| format!("{name} changed ({})", keys.join(", ")))
        }
    });
    others.chain(gone).collect()
}

/// The folder of further files.
const FOLDER: &str = "roles.d";

#[cfg(test)]
mod tests {
    use super::super::role::tests::role;
    use super::*;

    fn rules(roles: &[(&str, &str)]) -> Rules {
        roles
            .iter()
            .map(|(name, text)| (name.parse().expect("a name"), role(text).expect("a role")))
            .collect()
    }

    #[test]
    fn roles_come_from_the_configuration_and_from_files_beside_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let of_configuration = rules(&[("web", "targets = 'web*'")]);
        let names = |rules: Rules| rules.into_keys().map(String::from).collect::<Vec<_>>();
        assert_eq!(names(load(dir.path(), &of_configuration).expect("loads")), ["admin", "web"]);
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(folder.join("db.toml"), "[roles.db]\ntargets = 'db*'").expect("written");
        std::fs::write(folder.join("README"), "no roles").expect("written");
        assert_eq!(names(load(dir.path(), &of_configuration).expect("loads")), ["admin", "db", "web"]);
        for (text, said) in [
            ("[roles.web]\naudit = true", "overlord.toml\" too"),
            ("[roles.x]\ntarget = 'x'", "line 2"),
            ("listen = '[::]:1'", "unknown field"),
            ("[roles.admin]\naudit = true", "built in"),
            ("[roles.'a b']\naudit = true", "not a role name"),
        ] {
            std::fs::write(folder.join("x.toml"), text).expect("written");
            let error = load(dir.path(), &of_configuration).expect_err("refused").to_string();
            assert!(error.contains(said) && error.contains("roles.d/x.toml"), "{text}: {error}");
        }
        std::fs::write(folder.join("x.toml"), "[roles.admin]\noperators = ['ann']").expect("written");
        let loaded = load(dir.path(), &Rules::new()).expect("loads");
        let admin = &loaded[&admin()];
        assert!(admin.is_admin() && admin.is_of(&"ann".parse().expect("a name")));
    }

    #[test]
    fn what_changed_is_said_by_role_and_key() {
        let before = rules(&[("a", "targets = '*'"), ("b", "audit = true"), ("c", "")]);
        let after = rules(&[("a", "targets = 'web*'\nmethods = ['x.y']"), ("b", "audit = true"), ("d", "")]);
        assert_eq!(changes(&before, &after), ["a changed (methods, targets)", "d added", "c removed"]);
        assert_eq!(changes(&after, &after), Vec::<String>::new());
    }
}
