//! The module `groups`: the groups of the host. What each method does is said in `wit/groups.wit`.

use accounts::{check_name, find_group, find_user};
use failure::{Change, Error, change, changed};

use exports::minion::groups::groups::{Group, Guest};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:groups/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Groups;

export!(Groups);

impl Guest for Groups {
    fn list() -> Result<Vec<Group>, Error> {
        Ok(accounts::groups()?.into_iter().map(shown).collect())
    }

    fn info(name: String) -> Result<Group, Error> {
        there(&name).map(shown)
    }

    fn ensure(name: String, gid: Option<u32>, non_unique: Option<bool>) -> Result<Change, Error> {
        check_name("group", &name)?;
        let before = find_group(&name)?;
        let gid = gid.filter(|gid| before.as_ref().map(|group| group.gid) != Some(*gid));
        let may_share = non_unique.unwrap_or(false);
        if let Some(gid) = gid.filter(|_| !may_share) {
            check_free(gid)?;
        }
        let mut changes = Vec::new();
        if before.is_none() {
            change(&["groupadd", "--", &name])?;
            changes.push("made the group".to_owned());
        }
        if let Some(gid) = gid {
            let number = gid.to_string();
            match may_share {
                true => change(&["groupmod", "-g", &number, "-o", "--", &name])?,
                false => change(&["groupmod", "-g", &number, "--", &name])?,
            };
            changes.push(format!("set the number to {gid}"));
        }
        Ok(changed(changes))
    }

    fn rename(name: String, new_name: String) -> Result<Change, Error> {
        check_name("group", &name)?;
        check_name("new group", &new_name)?;
        match (find_group(&name)?, find_group(&new_name)?) {
            (Some(_), None) => {
                change(&["groupmod", "-n", &new_name, "--", &name])?;
                Ok(changed(vec![format!("named the group {new_name}")]))
            }
            (Some(_), Some(_)) if name != new_name => {
                Err(Error::Invalid(format!("there is a group \"{new_name}\" already")))
            }
            (_, Some(_)) => Ok(changed(Vec::new())),
            (None, None) => Err(Error::NotFound(format!("there is no group \"{name}\""))),
        }
    }

    fn remove(name: String) -> Result<Change, Error> {
        check_name("group", &name)?;
        if find_group(&name)?.is_none() {
            return Ok(changed(Vec::new()));
        }
        change(&["groupdel", "--", &name])?;
        Ok(changed(vec!["removed the group".to_owned()]))
    }

    fn add_member(name: String, user: String) -> Result<Change, Error> {
        if is_member(&name, &user)? {
            return Ok(changed(Vec::new()));
        }
        change(&["gpasswd", "-a", &user, &name])?;
        Ok(changed(vec![format!("put {user} into it")]))
    }

    fn remove_member(name: String, user: String) -> Result<Change, Error> {
        if !is_member(&name, &user)? {
            return Ok(changed(Vec::new()));
        }
        change(&["gpasswd", "-d", &user, &name])?;
        Ok(changed(vec![format!("took {user} out of it")]))
    }
}

/// That no group has a number.
fn check_free(gid: u32) -> Result<(), Error> {
    match find_group(&gid.to_string())? {
        Some(other) => Err(Error::Invalid(format!(
            "the number {gid} is that of the group \"{}\": take another, or say `non-unique` as well",
            other.name
        ))),
        None => Ok(()),
    }
}

/// Whether a user, who is there, is in a group, which is there.
fn is_member(name: &str, user: &str) -> Result<bool, Error> {
    check_name("user", user)?;
    let group = there(name)?;
    if find_user(user)?.is_none() {
        return Err(Error::NotFound(format!("there is no user \"{user}\"")));
    }
    Ok(group.members.iter().any(|member| member == user))
}

fn there(name: &str) -> Result<accounts::Group, Error> {
    check_name("group", name)?;
    find_group(name)?.ok_or_else(|| Error::NotFound(format!("there is no group \"{name}\"")))
}

fn shown(group: accounts::Group) -> Group {
    Group { name: group.name, gid: group.gid, members: group.members }
}
