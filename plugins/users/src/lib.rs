//! The module `users`: the users of the host. What each method does is said in `wit/users.wit`.
//!
//! It changes one thing of a user at a time, since each of the system's tools' calls can then be granted with all of its
//! arguments.

mod expiry;
mod keys;
mod line;

use accounts::{Group, check_field, check_name, check_path, find_group, find_user};
use failure::{Change, Error, Failure, change, change_with, changed, read};

use exports::minion::users::users::{AuthorisedKey, Guest, User, Wish};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:users/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Users;

export!(Users);

impl Guest for Users {
    fn list() -> Result<Vec<User>, Error> {
        let groups = accounts::groups()?;
        Ok(accounts::users()?.into_iter().map(|user| shown(user, &groups)).collect())
    }

    fn info(name: String) -> Result<User, Error> {
        Ok(shown(there(&name)?, &accounts::groups()?))
    }

    fn ensure(user: Wish) -> Result<Change, Error> {
        check(&user)?;
        let mut changes = Changes::default();
        let before = find_user(&user.name)?;
        if before.is_none() {
            let home = if user.make_home.unwrap_or(true) { "-m" } else { "-M" };
            changes.make("made the user", &["useradd", home, "--", &user.name])?;
        }
        for (words, option, value) in steps(&user, before.as_ref())? {
            changes.make(&words, &["usermod", option, &value, "--", &user.name])?;
        }
        Ok(changes.told())
    }

    fn remove(name: String, with_home: Option<bool>) -> Result<Change, Error> {
        check_name("user", &name)?;
        let mut changes = Changes::default();
        if find_user(&name)?.is_some() {
            match with_home.unwrap_or(false) {
                true => changes.make("removed the user and its home", &["userdel", "-r", "--", &name])?,
                false => changes.make("removed the user", &["userdel", "--", &name])?,
            }
        }
        Ok(changes.told())
    }

    fn is_locked(name: String) -> Result<bool, Error> {
        there(&name)?;
        is_locked(&name)
    }

    fn lock(name: String) -> Result<Change, Error> {
        there(&name)?;
        let mut changes = Changes::default();
        if !is_locked(&name)? {
            changes.make("locked the password", &["usermod", "-L", "--", &name])?;
        }
        Ok(changes.told())
    }

    fn unlock(name: String) -> Result<Change, Error> {
        there(&name)?;
        let mut changes = Changes::default();
        if is_locked(&name)? {
            changes.make("unlocked the password", &["usermod", "-U", "--", &name])?;
        }
        Ok(changes.told())
    }

    fn set_password(name: String, hash: String) -> Result<Change, Error> {
        there(&name)?;
        let hash = hash.trim_end_matches('\n');
        if !hash.starts_with('$')
            || hash.len() > 512
            || hash.contains(|c: char| c == ':' || c.is_control() || c == ' ')
        {
            return Err(Error::Invalid(
                "the hash is none: make it with `openssl passwd -6`, and give what that prints".to_owned(),
            ));
        }
        if has_hash(&name, hash)? {
            return Ok(changed(Vec::new()));
        }
        change_with(&["chpasswd", "-e"], format!("{name}:{hash}\n"))?;
        Ok(changed(vec!["set the password".to_owned()]))
    }

    fn expiry(name: String) -> Result<Option<String>, Error> {
        there(&name)?;
        expiry::of(&name)
    }

    fn keys(name: String) -> Result<Vec<AuthorisedKey>, Error> {
        keys::list(&there(&name)?)
    }

    fn add_key(name: String, key: String) -> Result<Change, Error> {
        keys::add(&there(&name)?, &key).map(changed)
    }

    fn remove_key(name: String, key: String) -> Result<Change, Error> {
        keys::remove(&there(&name)?, &key).map(changed)
    }
}

/// What has been changed so far.
#[derive(Default)]
struct Changes(Vec<String>);

impl Changes {
    fn make(&mut self, words: &str, argv: &[&str]) -> Result<(), Error> {
        change(argv)?;
        self.0.push(words.to_owned());
        Ok(())
    }

    fn told(self) -> Change {
        changed(self.0)
    }
}

/// The user of this name; an error where there is none.
fn there(name: &str) -> Result<accounts::User, Error> {
    check_name("user", name)?;
    find_user(name)?.ok_or_else(|| Error::NotFound(format!("there is no user \"{name}\"")))
}

fn shown(user: accounts::User, groups: &[Group]) -> User {
    let first = groups.iter().find(|group| group.gid == user.gid);
    let others = groups.iter().filter(|group| group.members.contains(&user.name));
    let may_log_in = !user.shell.ends_with("/nologin") && !user.shell.ends_with("/false");
    User {
        group: first.map(|group| group.name.clone()),
        groups: others.map(|group| group.name.clone()).collect(),
        may_log_in,
        name: user.name,
        uid: user.uid,
        gid: user.gid,
        comment: user.comment,
        home: user.home,
        shell: user.shell,
    }
}

fn check(wish: &Wish) -> Result<(), Error> {
    check_name("user", &wish.name)?;
    for group in wish.group.iter().chain(wish.groups.iter().flatten()) {
        check_name("group", group)?;
    }
    wish.expires.iter().try_for_each(|day| expiry::check(day))?;
    wish.comment.iter().try_for_each(|comment| check_field("comment", comment))?;
    wish.home.iter().try_for_each(|home| check_path("home", home))?;
    wish.shell.iter().try_for_each(|shell| check_path("shell", shell))
}

/// What is to be set of a user: in words, the option of `usermod`, and its value.
type Step = (String, &'static str, String);

fn steps(wish: &Wish, before: Option<&accounts::User>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let differs = |now: Option<&str>, wanted: &str| now != Some(wanted);
    let mut set = |what: &str, option: &'static str, value: &str| {
        steps.push((format!("set the {what} to {value}"), option, value.to_owned()));
    };
    if let Some(uid) = wish.uid.filter(|uid| before.map(|user| user.uid) != Some(*uid)) {
        set("number", "-u", &uid.to_string());
    }
    if let Some(group) = &wish.group {
        let found = find_group(group)?.ok_or_else(|| no_group(group))?;
        if before.map(|user| user.gid) != Some(found.gid) {
            set("first group", "-g", group);
        }
    }
    if let Some(comment) =
        wish.comment.as_deref().filter(|it| differs(before.map(|user| user.comment.as_str()), it))
    {
        set("comment", "-c", comment);
    }
    if let Some(home) = wish.home.as_deref().filter(|it| differs(before.map(|user| user.home.as_str()), it)) {
        set("home", "-d", home);
    }
    if let Some(shell) =
        wish.shell.as_deref().filter(|it| differs(before.map(|user| user.shell.as_str()), it))
    {
        set("shell", "-s", shell);
    }
    if let Some(expires) = &wish.expires {
        steps.extend(expiration(&wish.name, expires, before.is_some())?);
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
    Ok(Some((words, "-G", wanted.join(","))))
}

/// The step to the end on this day, if there is another now.
fn expiration(name: &str, wanted: &str, is_there: bool) -> Result<Option<Step>, Error> {
    let now = if is_there { expiry::of(name)? } else { None };
    if now.as_deref().unwrap_or(expiry::NEVER) == wanted {
        return Ok(None);
    }
    let value = if wanted == expiry::NEVER { "" } else { wanted };
    Ok(Some((format!("set the expiry to {wanted}"), "-e", value.to_owned())))
}

/// Whether the password of a user has this hash already.
fn has_hash(name: &str, hash: &str) -> Result<bool, Error> {
    let text = match read(&["getent", "shadow", "--", name]) {
        // There is no such entry, or none that the minion's user may see.
        Err(Error::Failed(Failure { exit: Some(2), .. })) => return Ok(false),
        output => output?.stdout_text(),
    };
    Ok(text.split(':').nth(1) == Some(hash))
}

fn no_group(name: &str) -> Error {
    Error::NotFound(format!("there is no group \"{name}\": make it with groups.ensure"))
}

/// Whether `passwd -S` says `L`, as it does of a password that is locked.
fn is_locked(name: &str) -> Result<bool, Error> {
    let text = match read(&["passwd", "-S", "--", name]) {
        // Only root may ask that.
        Err(Error::Failed(Failure { exit: Some(1), stderr, .. })) => {
            return Err(Error::Denied(format!("the minion's user may not look at passwords: {stderr}")));
        }
        output => output?.stdout_text(),
    };
    Ok(text.split_whitespace().nth(1).is_some_and(|state| state.starts_with('L')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str) -> Wish {
        Wish {
            name: name.to_owned(),
            uid: None,
            group: None,
            groups: None,
            comment: None,
            home: None,
            shell: None,
            make_home: None,
            expires: None,
        }
    }

    #[test]
    fn every_text_of_a_wish_is_looked_at() {
        assert!(check(&wish("ann")).is_ok());
        for bad in ["; rm -rf /", "$(reboot)", "-r", "a\nb", "a\0b", "..", "a:b"] {
            let some = || Some(bad.to_owned());
            let wishes = [
                wish(bad),
                Wish { group: some(), ..wish("ann") },
                Wish { groups: Some(vec!["adm".to_owned(), bad.to_owned()]), ..wish("ann") },
                Wish { home: some(), ..wish("ann") },
                Wish { shell: some(), ..wish("ann") },
                Wish { expires: some(), ..wish("ann") },
            ];
            for wish in wishes {
                assert!(matches!(check(&wish), Err(Error::Invalid(_))), "{wish:?}");
            }
        }
        assert!(check(&Wish { comment: Some("a:b".to_owned()), ..wish("ann") }).is_err());
    }

    #[test]
    fn only_what_differs_is_a_step() {
        let before = accounts::User {
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
        assert_eq!(steps(&same, Some(&before)), Ok(vec![]));
        let other = Wish { uid: Some(1000), shell: Some("/bin/bash".into()), ..wish("ann") };
        let expected = ("set the shell to /bin/bash".to_owned(), "-s", "/bin/bash".to_owned());
        assert_eq!(steps(&other, Some(&before)), Ok(vec![expected]));
        assert_eq!(steps(&other, None).map(|steps| steps.len()), Ok(2));
    }
}
