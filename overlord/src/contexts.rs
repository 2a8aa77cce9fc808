//! Contexts: which overlords the command line of a folder can talk to, and as which operators.
//!
//! The folder's own identity, which `overlord init` made, is the context `local`. Each other one is a folder of its own in
//! `contexts/`, with a key, certificates and the overlord's address. The file `context` names the one that is in use.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use wire::identity::{Identity, create_private_dir, write_public};

use crate::folder::{Folder, FolderError};

/// The name of a context: 1 to 128 letters, digits, `.`, `_`, `@` and `-`, and no `.` at its beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextName(String);

/// The error for a text that is no name of a context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a context's name: use 1 to 128 letters, digits, \".\", \"_\", \"@\" or \"-\", and no \".\" first"
)]
pub struct BadContextName;

/// One context of a folder.
#[derive(Debug)]
pub struct Context {
    /// Its name.
    pub name: ContextName,
    /// Where its identity is.
    pub folder: Folder,
    /// Whether it is in use.
    pub current: bool,
}

impl ContextName {
    /// The name of the context that is the folder's own identity.
    pub fn local() -> Self {
        Self(LOCAL.to_owned())
    }

    /// A name for an operator at the overlord that is dialled at this address.
    pub fn for_operator(operator: &str, address: &str) -> Self {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let fit = |c: char| if fits(c) { c } else { '-' };
        let name: String = format!("{operator}@{host}").chars().map(fit).take(MAX_NAME).collect();
        Self(name.replacen('.', "-", usize::from(name.starts_with('.'))))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is that of the folder's own identity.
    pub fn is_local(&self) -> bool {
        self.0 == LOCAL
    }
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-')
}

impl FromStr for ContextName {
    type Err = BadContextName;

    fn from_str(text: &str) -> Result<Self, BadContextName> {
        let is_name =
            (1..=MAX_NAME).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('.');
        if is_name { Ok(Self(text.to_owned())) } else { Err(BadContextName) }
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Folder {
    /// The folder of the identity with which commands talk: that of the context in use, or the folder itself.
    ///
    /// # Errors
    /// [`FolderError::NoContext`], where the context in use is gone.
    pub fn current(&self) -> Result<Folder, FolderError> {
        match self.context_in_use() {
            Some(name) => self.context(&name),
            None => Ok(self.clone()),
        }
    }

    /// The folder of a context.
    ///
    /// # Errors
    /// [`FolderError::NoContext`], where there is none of that name.
    pub fn context(&self, name: &ContextName) -> Result<Folder, FolderError> {
        let folder = if name.is_local() { self.clone() } else { self.place_of(name) };
        match folder.dir().join("operator.key").exists() {
            true => Ok(folder),
            false => Err(FolderError::NoContext(name.to_string())),
        }
    }

    /// All contexts, by name; the folder's own first.
    pub fn contexts(&self) -> Vec<Context> {
        let entries = std::fs::read_dir(self.dir().join(CONTEXTS)).into_iter().flatten().flatten();
        let mut names: Vec<ContextName> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        names.insert(0, ContextName::local());
        let in_use = self.context_in_use().unwrap_or_else(ContextName::local);
        let context = |name: ContextName| {
            let folder = self.context(&name).ok()?;
            Some(Context { current: name == in_use, name, folder })
        };
        names.into_iter().filter_map(context).collect()
    }

    /// Lets commands talk with the identity of a context from now on.
    ///
    /// # Errors
    /// [`FolderError::NoContext`] where there is none of that name, and [`FolderError::Identity`] where the choice
    /// cannot be written down.
    pub fn use_context(&self, name: &ContextName) -> Result<(), FolderError> {
        self.context(name)?;
        Ok(write_public(&self.dir().join(IN_USE), format!("{name}\n").as_bytes())?)
    }

    /// Keeps an identity and the address of its overlord as a context, in place of one that had the name, and uses it.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be written.
    pub(crate) fn keep_context(
        &self,
        name: &ContextName,
        identity: &Identity,
        address: &str,
    ) -> Result<Folder, FolderError> {
        let folder = self.place_of(name);
        create_private_dir(folder.dir())?;
        identity.save(folder.dir(), "operator")?;
        write_public(&folder.dir().join("address"), address.as_bytes())?;
        self.use_context(name)?;
        Ok(folder)
    }

    fn place_of(&self, name: &ContextName) -> Folder {
        Folder::at(PathBuf::from(self.dir()).join(CONTEXTS).join(name.as_str()))
    }

    /// The context that was chosen; `None` where that is the folder's own identity.
    fn context_in_use(&self) -> Option<ContextName> {
        let text = std::fs::read_to_string(self.dir().join(IN_USE)).ok()?;
        text.trim().parse().ok().filter(|name: &ContextName| !name.is_local())
    }
}

const LOCAL: &str = "local";
const CONTEXTS: &str = "contexts";
const IN_USE: &str = "context";
const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use wire::identity::{Authority, Side};

    use super::*;

    fn name(text: &str) -> ContextName {
        text.parse().expect("a name")
    }

    #[test]
    fn no_name_leaves_the_folder_of_the_contexts() {
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n"] {
            assert_eq!(bad.parse::<ContextName>(), Err(BadContextName), "{bad:?}");
        }
        assert_eq!(ContextName::for_operator("bob", "o.example:7"), name("bob@o.example"));
        assert_eq!(ContextName::for_operator("bob", "[::1]:7"), name("bob@---1-"));
        assert_eq!(ContextName::for_operator(".b", "o:7"), name("-b@o"));
    }

    #[test]
    fn commands_talk_with_the_context_that_was_chosen_last() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        assert_eq!(folder.current().expect("itself").dir(), dir.path());
        assert!(folder.contexts().is_empty());
        let authority = Authority::create(dir.path()).expect("made");
        let identity = || authority.issue(Side::Operator, "bob").expect("issued");
        folder.keep_context(&name("one"), &identity(), "o:1").expect("kept");
        let two = folder.keep_context(&name("two"), &identity(), "o:2").expect("kept");
        assert_eq!(folder.current().expect("there").dir(), two.dir());
        assert_eq!(two.noted_address().as_deref(), Some("o:2"));
        folder.use_context(&name("one")).expect("there");
        let shown = |folder: &Folder| -> Vec<String> {
            let mark =
                |context: Context| format!("{}{}", context.name, if context.current { "*" } else { "" });
            folder.contexts().into_iter().map(mark).collect()
        };
        assert_eq!(shown(&folder), ["one*", "two"]);
        assert!(matches!(folder.use_context(&name("three")), Err(FolderError::NoContext(_))));
        assert!(matches!(folder.use_context(&ContextName::local()), Err(FolderError::NoContext(_))));
        identity().save(dir.path(), "operator").expect("saved");
        folder.use_context(&ContextName::local()).expect("there");
        assert_eq!(shown(&folder), ["local*", "one", "two"]);
    }
}
