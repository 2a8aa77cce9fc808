//! What is to be set of a user so that it is as wished: each thing by a call of its own.

use accounts::{Group, User, find_group, find_user};
use failure::Error;

use crate::expiry;
use crate::exports::minion::users::users::Wish;
use crate::password::password_state;

/// One thing that is to be set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does, in words.
    pub(crate) words: String,
    /// The options of `usermod`.
    options: Vec<String>,
}

impl Step {
    fn new(words: String, options: &[&str]) -> Self {
        Self { words, options: options.iter().map(|&option| option.to_owned()).collect() }
    }

    fn set(what: &str, option: &str, value: &str) -> Self {
        Self::new(format!("set the {what} to {value}"), &[option, value])
    }

    /// How it is done to a user.
    pub(crate) fn argv<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let options = self.options.iter().map(String::as_str);
        ["usermod"].into_iter().chain(options).chain(["--", name]).collect()
    }

    /// Whether it moves the home folder with all that is in it.
    pub(crate) fn moves_home(&self) -> bool {
        self.options.iter().any(|option| option == "-m")
    }
}

/// That nobody else has the number which is wished, unless that may be so.
pub(crate) fn check_number(wish: &Wish, before: Option<&User>) -> Result<(), Error> {
    let Some(uid) = wish.uid.filter(|uid| before.map(|user| user.uid) != Some(*uid)) else { return Ok(()) };
    if wish.non_unique == Some(true) {
        return Ok(());
    }
    match find_user(&uid.to_string())? {
        Some(other) => Err(Error::Invalid(format!(
            "the number {uid} is that of the user \"{}\": take another, or wish `non-unique` as well",
            other.name
        ))),
        None => Ok(()),
    }
}

/// What is to be set of a user who was so before, or is new.
pub(crate) fn of(wish: &Wish, before: Option<&User>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let differs = |now: Option<&String>, wanted: &str| now.map(String::as_str) != Some(wanted);
    if let Some(uid) = wish.uid.filter(|uid| before.map(|user| user.uid) != Some(*uid)) {
        let (words, value) = (format!("set the number to {uid}"), uid.to_string());
        let options = ["-u", &value, "-o"];
        steps.push(Step::new(words, &options[..if wish.non_unique == Some(true) { 3 } else { 2 }]));
    }
    if let Some(group) = &wish.group {
        let found = find_group(group)?.ok_or_else(|| no_group(group))?;
        if before.map(|user| user.gid) != Some(found.gid) {
            steps.push(Step::set("first group", "-g", group));
        }
    }
    if let Some(comment) = wish.comment.as_deref().filter(|it| differs(before.map(|user| &user.comment), it))
    {
        steps.push(Step::set("comment", "-c", comment));
    }
    // A new user was made with it.
    if let (Some(home), Some(before)) = (wish.home.as_deref(), before)
        && before.home != home
    {
        steps.push(match wish.move_home == Some(true) {
            true => Step::new(format!("moved the home to {home}"), &["-d", home, "-m"]),
            false => Step::set("home", "-d", home),
        });
    }
    if let Some(shell) = wish.shell.as_deref().filter(|it| differs(before.map(|user| &user.shell), it)) {
        steps.push(Step::set("shell", "-s", shell));
    }
    if let Some(expires) = &wish.expires {
        steps.extend(expiration(&wish.name, expires, before.is_some())?);
    }
    if let Some(days) = wish.inactive {
        steps.extend(inactivity(&wish.name, days, before.is_some())?);
    }
    if let Some(groups) = &wish.groups {
        steps.extend(memberships(&wish.name, groups)?);
    }
    Ok(steps)
}

/// The step to these other groups, if it is in others now.
fn memberships(name: &str, wanted: &[String]) -> Result<Option<Step>, Error> {
    let all = accounts::groups()?;
    if let Some(missing) = wanted.iter().find(|wanted| !all.iter().any(|group| group.name == **wanted)) {
        return Err(no_group(missing));
    }
    let is_in = |group: &&Group| group.members.iter().any(|member| member == name);
    let mut now: Vec<&str> = all.iter().filter(is_in).map(|group| group.name.as_str()).collect();
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    now.sort_unstable();
    wanted.sort_unstable();
    wanted.dedup();
    if now == wanted {
        return Ok(None);
    }
    let words = match wanted.as_slice() {
        [] => "took it out of all other groups".to_owned(),
        wanted => format!("set the other groups to {}", wanted.join(", ")),
    };
    Ok(Some(Step::new(words, &["-G", &wanted.join(",")])))
}

/// The step to the end on this day, if there is another now.
fn expiration(name: &str, wanted: &str, is_there: bool) -> Result<Option<Step>, Error> {
    let now = if is_there { expiry::of(name)? } else { None };
    if now.as_deref().unwrap_or(expiry::NEVER) == wanted {
        return Ok(None);
    }
    let value = if wanted == expiry::NEVER { "" } else { wanted };
    Ok(Some(Step::new(format!("set the expiry to {wanted}"), &["-e", value])))
}

/// The step to so many days between the end of a password and that of the user, if there are others now.
fn inactivity(name: &str, wanted: i32, is_there: bool) -> Result<Option<Step>, Error> {
    let wanted = wanted.to_string();
    if is_there && password_state(name)?.get(6) == Some(&wanted) {
        return Ok(None);
    }
    Ok(Some(Step::set("days of inactivity", "-f", &wanted)))
}

fn no_group(name: &str) -> Error {
    Error::NotFound(format!("there is no group \"{name}\": make it with groups.ensure"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::wish;

    #[test]
    fn only_what_differs_is_a_step() {
        let before = User {
            name: "ann".into(),
            uid: 1000,
            gid: 1000,
            comment: "Ann".into(),
            home: "/home/ann".into(),
            shell: "/bin/sh".into(),
        };
        let same = Wish {
            uid: Some(1000),
            comment: Some("Ann".into()),
            shell: Some("/bin/sh".into()),
            ..wish("ann")
        };
        assert_eq!(of(&same, Some(&before)), Ok(vec![]));
        let other = Wish { uid: Some(1000), shell: Some("/bin/bash".into()), ..wish("ann") };
        let shell = Step::set("shell", "-s", "/bin/bash");
        assert_eq!(shell.argv("ann"), ["usermod", "-s", "/bin/bash", "--", "ann"]);
        assert_eq!(of(&other, Some(&before)), Ok(vec![shell]));
        assert_eq!(of(&other, None).map(|steps| steps.len()), Ok(2));
        let home = |home: &str, move_home| Wish { home: Some(home.into()), move_home, ..wish("ann") };
        let steps = of(&home("/srv/ann", Some(true)), Some(&before)).expect("steps");
        assert!(steps[0].moves_home(), "{steps:?}");
        let steps = of(&home("/srv/ann", None), Some(&before)).expect("steps");
        assert!(!steps[0].moves_home(), "{steps:?}");
        assert_eq!(of(&home("/srv/ann", Some(true)), None), Ok(vec![]));
        assert_eq!(of(&home("/home/ann", Some(true)), Some(&before)), Ok(vec![]));
        assert_eq!(check_number(&same, Some(&before)), Ok(()));
    }
}
