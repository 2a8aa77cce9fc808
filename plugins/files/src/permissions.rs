//! Modes and owners: what somebody wishes, and what has to be done for it.

use failure::{Change, Error, Kind, Permissions, changed};
use host_files::status::Status;
use host_files::{paths, status};

/// The bits that a change of the owner takes away.
const SET_ID: u32 = 0o6000;

/// The bits that let others than the owner write; all of a group is others.
const OTHERS_WRITE: u32 = 0o022;
/// The bit that keeps everybody in a folder from replacing what is not theirs.
const STICKY: u32 = 0o1000;

/// What the permissions of a file are to be. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    mode: Option<u32>,
    user: Option<String>,
    group: Option<String>,
}

/// What has to be done so that permissions are as wished.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    owner: Option<String>,
    mode: Option<u32>,
    /// The same in words.
    pub(crate) words: Vec<String>,
}

impl Wish {
    /// From how they are written.
    pub(crate) fn new(mode: Option<String>, owner: Option<String>) -> Result<Self, Error> {
        let mode = mode.map(|text| self::mode(&text)).transpose()?;
        let (user, group) = match owner {
            Some(text) => self::owner(&text)?,
            None => (None, None),
        };
        Ok(Self { mode, user, group })
    }

    /// The same, with this mode where none is wished.
    pub(crate) fn or_mode(&self, mode: u32) -> Self {
        Self { mode: self.mode.or(Some(mode)), ..self.clone() }
    }

    /// To be as these.
    pub(crate) fn like(there: &Permissions) -> Result<Self, Error> {
        let (user, group) = (Some(there.uid.to_string()), Some(there.gid.to_string()));
        Ok(Self { mode: Some(mode(&there.mode)?), user, group })
    }

    /// The same, with what is left out from how it is.
    pub(crate) fn over(&self, there: &Permissions) -> Result<Self, Error> {
        let there = Self::like(there)?;
        Ok(Self {
            mode: self.mode.or(there.mode),
            user: self.user.clone().or(there.user),
            group: self.group.clone().or(there.group),
        })
    }

    /// What differs from how it is; all that is wished, where nothing is there.
    pub(crate) fn steps(&self, there: Option<&Permissions>) -> Result<Steps, Error> {
        let is =
            |wished: &String, name: &String, number: u32| wished == name || *wished == number.to_string();
        let user = self.user.as_ref().filter(|user| there.is_none_or(|it| !is(user, &it.user, it.uid)));
        let group = self.group.as_ref().filter(|group| there.is_none_or(|it| !is(group, &it.group, it.gid)));
        let now = there.map(|there| mode(&there.mode)).transpose()?;
        let mut steps = Steps { mode: self.mode.filter(|mode| now != Some(*mode)), ..Steps::default() };
        if let Some(owner) = owner_text(user, group) {
            steps.words.push(format!("set the owner to {owner}"));
            steps.owner = Some(owner);
        }
        if let Some(mode) = steps.mode {
            steps.words.push(format!("set the mode to {mode:04o}"));
        }
        let wanted = self.mode.or(now).filter(|mode| steps.owner.is_some() && mode & SET_ID != 0);
        steps.mode = steps.mode.or(wanted);
        Ok(steps)
    }
}

impl Steps {
    /// Does it, where nobody can put something else there meanwhile.
    pub(crate) fn take(&self, path: &str) -> Result<(), Error> {
        if self.owner.is_none() && self.mode.is_none() {
            return Ok(());
        }
        self.refuse_where_others_write(path)?;
        if let Some(owner) = &self.owner {
            failure::change(&["chown", "-h", "--", owner, path]).map_err(|error| of_owner(error, owner))?;
        }
        if let Some(mode) = self.mode {
            // With five digits also a bit that a folder passes on to what is made in it is taken away.
            failure::change(&["chmod", "--", &format!("{mode:05o}"), path])?;
        }
        Ok(())
    }
}

impl Steps {
    /// Refuses what somebody else than root could replace: `chmod` and `chown` go by the path, and would change whatever is
    /// there by then, such as what a link leads to.
    fn refuse_where_others_write(&self, path: &str) -> Result<(), Error> {
        let mut above = Vec::new();
        let mut left = path;
        while let Some((folder, _)) = paths::split(left) {
            above.push(folder.to_owned());
            left = folder;
        }
        let folders = status::all(&above)?;
        let mut is_safe = folders.len() == above.len();
        for folder in &folders {
            let mode = mode(&folder.permissions.mode)?;
            let (is_shared, is_sticky) = (mode & OTHERS_WRITE != 0, mode & STICKY != 0);
            is_safe &= folder.permissions.uid == 0 && (!is_shared || is_sticky);
            // In a folder such as /tmp everybody may replace what is theirs.
            if is_shared && folder.path == above[0] {
                let is_roots = status::of(path)?.permissions.uid == 0;
                is_safe &= is_roots && !(self.owner.is_some() && self.mode.is_some());
            }
        }
        if is_safe {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "\"{path}\" lies where others than root may write, who could put another file in its place meanwhile: change it as \
             the user whose it is, with `command.run` and its `user`"
        )))
    }
}

/// Sees to it that the permissions of what is at a path are as wished.
pub(crate) fn ensure(path: &str, wish: &Wish) -> Result<Change, Error> {
    let path = paths::place(path)?;
    let there = status::of(&path)?;
    refuse_link(&there)?;
    let steps = wish.steps(Some(&there.permissions))?;
    steps.take(&path)?;
    Ok(changed(steps.words))
}

/// Refuses what is a link: who wrote its path may not know where it leads.
pub(crate) fn refuse_link(there: &Status) -> Result<(), Error> {
    match (there.kind, &there.target) {
        (Kind::Link, target) => {
            let target = target.as_deref().unwrap_or("nowhere that can be seen");
            Err(Error::Invalid(format!(
                "\"{}\" is a link to {target}: name that, if it is meant",
                there.path
            )))
        }
        _ => Ok(()),
    }
}

fn mode(text: &str) -> Result<u32, Error> {
    let is_octal = (1..=5).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o7777);
    mode.ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        Error::Invalid(format!("\"{}\" is no mode: write octal digits, as 0644", shown.escape_debug()))
    })
}

fn owner(text: &str) -> Result<(Option<String>, Option<String>), Error> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let is_name = |name: &str| {
        let fits = |c: char| c.is_alphanumeric() || "_.-$@\\".contains(c);
        (1..=64).contains(&name.len()) && !name.starts_with(['-', '@']) && name.chars().all(fits)
    };
    let is_fine = (is_name(user) || (user.is_empty() && group.is_some())) && group.is_none_or(is_name);
    if !is_fine {
        let shown: String = text.chars().take(80).collect();
        return Err(Error::Invalid(format!(
            "\"{}\" is no owner: write USER, USER:GROUP or :GROUP, by names or numbers",
            shown.escape_debug()
        )));
    }
    Ok(((!user.is_empty()).then(|| user.to_owned()), group.map(str::to_owned)))
}

fn owner_text(user: Option<&String>, group: Option<&String>) -> Option<String> {
    match (user, group) {
        (Some(user), Some(group)) => Some(format!("{user}:{group}")),
        (Some(user), None) => Some(user.clone()),
        (None, Some(group)) => Some(format!(":{group}")),
        (None, None) => None,
    }
}

/// What it means that `chown` fails.
fn of_owner(error: Error, owner: &str) -> Error {
    match error {
        Error::Failed(failure) if failure.stderr.contains("invalid") => Error::NotFound(format!(
            "there is no user or no group of \"{owner}\" on this host; `users.ensure` makes one"
        )),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(mode: &str, owner: &str) -> Result<Wish, Error> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Wish::new(given(mode), given(owner))
    }

    fn there() -> Permissions {
        Permissions { mode: "4755".into(), user: "root".into(), uid: 0, group: "adm".into(), gid: 4 }
    }

    #[test]
    fn only_what_differs_is_set() {
        for (mode, owner, words) in [
            ("", "", &[][..]),
            ("4755", "root:adm", &[]),
            ("04755", "0:4", &[]),
            ("755", ":adm", &["set the mode to 0755"]),
            ("", "www:adm", &["set the owner to www"]),
            ("", ":www", &["set the owner to :www"]),
            ("0", "a:b", &["set the owner to a:b", "set the mode to 0000"]),
        ] {
            let steps = wish(mode, owner).unwrap().steps(Some(&there())).unwrap();
            assert_eq!(steps.words, words, "{mode} {owner}");
        }
        // What a change of the owner takes away comes back.
        let steps = wish("", "www").unwrap().steps(Some(&there())).unwrap();
        assert_eq!(steps.mode, Some(0o4755));
        let new = wish("0640", "").unwrap().steps(None).unwrap();
        assert_eq!((new.mode, new.owner), (Some(0o640), None));
    }

    #[test]
    fn what_is_no_mode_and_no_owner_is_refused() {
        for mode in ["", "8", "-1", "u+x", "10000", "000644", "+7"] {
            assert!(super::mode(mode).is_err(), "{mode}");
        }
        for owner in ["", ":", "a:", "-R", "a b", "a:b:c", "@x", "a\n"] {
            assert!(super::owner(owner).is_err(), "{owner:?}");
        }
    }
}
