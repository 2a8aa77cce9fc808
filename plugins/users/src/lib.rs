//! The module `users`: the users of the host. What each method does is said in `wit/users.wit`.
//!
//! It changes one thing of a user at a time, since each of the system's tools' calls can then be granted with all of its
//! arguments.

mod expiry;
mod keys;
mod line;
mod password;
mod steps;

use accounts::{Group, check_field, check_name, check_path, find_user};
use failure::{Change, Changes, Error, Failure, change, change_with, changed, read};

use exports::minion::users::users::{AuthorisedKey, Guest, User, Wish};
use password::password_state;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:users/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Users;

/// What stands in the place of a shell where nobody is let in: the last three do what they are called, and end.
const NO_SHELLS: [&str; 5] = ["nologin", "false", "sync", "halt", "shutdown"];

export!(Users);

impl Guest for Users {
    fn list(may_log_in: Option<bool>) -> Result<Vec<User>, Error> {
        let groups = accounts::groups()?;
        let users = accounts::users()?.into_iter().map(|user| shown(user, &groups));
        Ok(users.filter(|user| may_log_in.is_none_or(|wanted| user.may_log_in == wanted)).collect())
    }

    fn info(name: String) -> Result<User, Error> {
        Ok(shown(there(&name)?, &accounts::groups()?))
    }

    fn ensure(user: Wish) -> Result<Change, Error> {
        check(&user)?;
        let mut changes = Changes::default();
        let before = find_user(&user.name)?;
        steps::check_number(&user, before.as_ref())?;
        if before.is_none() {
            let home = if user.make_home.unwrap_or(true) { "-m" } else { "-M" };
            let place = user.home.as_deref().map_or(vec![], |home| vec!["-d", home]);
            let argv = [&["useradd", home], place.as_slice(), &["--", &user.name]].concat();
            changes.make("made the user", &argv)?;
        }
        for step in steps::of(&user, before.as_ref())? {
            let done = changes.make(&step.words, &step.argv(&user.name));
            if let (Err(_), Some(before)) = (&done, before.as_ref().filter(|_| step.moves_home())) {
                // The tool names the new place before it moves anything there. Next time the move is tried again.
                change(&["usermod", "-d", &before.home, "--", &user.name])?;
            }
            done?;
        }
        Ok(changes.told())
    }

    fn rename(name: String, new_name: String) -> Result<Change, Error> {
        check_name("user", &name)?;
        check_name("new user", &new_name)?;
        let mut changes = Changes::default();
        match (find_user(&name)?, find_user(&new_name)?) {
            (Some(_), None) => {
                let words = format!("named the user {new_name}");
                changes.make(&words, &["usermod", "-l", &new_name, "--", &name])?;
            }
            (Some(_), Some(_)) if name != new_name => {
                return Err(Error::Invalid(format!("there is a user \"{new_name}\" already")));
            }
            (_, Some(_)) => {}
            (None, None) => return Err(Error::NotFound(format!("there is no user \"{name}\""))),
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

    fn set_plain_password(name: String, password: String) -> Result<Change, Error> {
        there(&name)?;
        let password = password.trim_end_matches('\n');
        if password.is_empty() || password.len() > MAX_PASSWORD || password.contains(char::is_control) {
            return Err(Error::Invalid(format!(
                "the password does not fit: write one line of 1 to {MAX_PASSWORD} bytes"
            )));
        }
        change_with(&["chpasswd"], format!("{name}:{password}\n"))?;
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

/// The longest password that the system's tools take.
const MAX_PASSWORD: usize = 511;

/// The user of this name; an error where there is none.
fn there(name: &str) -> Result<accounts::User, Error> {
    check_name("user", name)?;
    find_user(name)?.ok_or_else(|| Error::NotFound(format!("there is no user \"{name}\"")))
}

fn shown(user: accounts::User, groups: &[Group]) -> User {
    let first = groups.iter().find(|group| group.gid == user.gid);
    let others = groups.iter().filter(|group| group.members.contains(&user.name));
    let program = user.shell.rsplit('/').next().unwrap_or_default();
    let may_log_in = !NO_SHELLS.contains(&program);
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
    if wish.inactive.is_some_and(|days| days < -1) {
        return Err(Error::Invalid(
            "the days of inactivity are too few: write -1 for no end, or more".to_owned(),
        ));
    }
    wish.expires.iter().try_for_each(|day| expiry::check(day))?;
    wish.comment.iter().try_for_each(|comment| check_field("comment", comment))?;
    wish.home.iter().try_for_each(|home| check_path("home", home))?;
    wish.shell.iter().try_for_each(|shell| check_path("shell", shell))
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

/// Whether `passwd -S` says `L`, as it does of a password that is locked.
fn is_locked(name: &str) -> Result<bool, Error> {
    Ok(password_state(name)?.get(1).is_some_and(|state| state.starts_with('L')))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn wish(name: &str) -> Wish {
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
            move_home: None,
            non_unique: None,
            inactive: None,
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
}
