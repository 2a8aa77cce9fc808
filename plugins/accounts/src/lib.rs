//! Users and groups as the system tells of them, whatever it has them from.

use failure::{Error, Failure, read};

/// The longest name that the system's tools take.
const MAX_NAME: usize = 32;

/// A line of `passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The full name and what else is said.
    pub comment: String,
    /// The home folder.
    pub home: String,
    /// The program that is started at a login.
    pub shell: String,
}

/// A line of `group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// Those who are in it besides those whose first group it is.
    pub members: Vec<String>,
}

/// All users.
///
/// # Errors
/// Where `getent` cannot be run.
pub fn users() -> Result<Vec<User>, Error> {
    let text = read(&["getent", "passwd"])?.stdout_text();
    Ok(text.lines().filter_map(user).collect())
}

/// All groups.
///
/// # Errors
/// Where `getent` cannot be run.
pub fn groups() -> Result<Vec<Group>, Error> {
    let text = read(&["getent", "group"])?.stdout_text();
    Ok(text.lines().filter_map(group).collect())
}

/// The user of this name, if there is one.
///
/// # Errors
/// Where `getent` cannot be run.
pub fn find_user(name: &str) -> Result<Option<User>, Error> {
    Ok(entry("passwd", name)?.and_then(|line| user(&line)))
}

/// The group of this name, if there is one.
///
/// # Errors
/// Where `getent` cannot be run.
pub fn find_group(name: &str) -> Result<Option<Group>, Error> {
    Ok(entry("group", name)?.and_then(|line| group(&line)))
}

/// The line of a table that has this name or number.
fn entry(table: &str, name: &str) -> Result<Option<String>, Error> {
    match read(&["getent", table, "--", name]) {
        Ok(output) => Ok(output.stdout_text().lines().next().map(str::to_owned)),
        // What `getent` says where there is no such entry.
        Err(Error::Failed(Failure { exit: Some(2), .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (comment, home, shell) = (fields.next()?, fields.next()?, fields.next()?);
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment: comment.to_owned(),
        home: home.to_owned(),
        shell: shell.to_owned(),
    })
}

fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let (name, _, gid, members) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name: name.to_owned(), gid: gid.parse().ok()?, members })
}

/// That a text is the name of a user or a group as the system's own tools make them.
///
/// # Errors
/// With what a name is.
pub fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let starts = |c: char| c.is_ascii_lowercase() || c == '_';
    let goes_on = |c: char| starts(c) || c.is_ascii_digit() || c == '-';
    if name.starts_with(starts) && name.chars().all(goes_on) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the {what} is not a name: write lower-case letters, digits, \"_\" and \"-\", a letter or \"_\" first, {MAX_NAME} at most"
    )))
}

/// That a text is the whole path of a file or a folder, without steps up.
///
/// # Errors
/// With what a path is.
pub fn check_path(what: &str, path: &str) -> Result<(), Error> {
    let is_fit = |c: char| !c.is_control() && c != ':';
    if path.starts_with('/')
        && path.len() <= 4096
        && path.chars().all(is_fit)
        && path.split('/').all(|step| step != "..")
    {
        return Ok(());
    }
    Err(Error::Invalid(format!("the {what} is not a path: write it from \"/\" on, without \"..\" and \":\"")))
}

/// That a text fits into a field of `passwd`.
///
/// # Errors
/// With what does not.
pub fn check_field(what: &str, text: &str) -> Result<(), Error> {
    let is_fit = |c: char| !c.is_control() && c != ':';
    if !text.is_empty()
        && text.len() <= 1024
        && text.chars().all(is_fit)
        && !text.starts_with(['-', '+', '@'])
    {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the {what} does not fit: write one line of text without \":\", and no \"-\", \"+\" or \"@\" first"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_users_and_groups() {
        let found = user("www-data:x:33:34:www data,,,:/var/www:/usr/sbin/nologin").expect("a user");
        assert_eq!((found.name.as_str(), found.uid, found.gid), ("www-data", 33, 34));
        assert_eq!((found.comment.as_str(), found.home.as_str()), ("www data,,,", "/var/www"));
        let found = group("adm:x:4:syslog,ann").expect("a group");
        assert_eq!((found.gid, found.members), (4, vec!["syslog".to_owned(), "ann".to_owned()]));
        assert_eq!(group("empty:x:5:").map(|group| group.members), Some(Vec::new()));
        for line in ["", "root", "root:x:x:0::/:/bin/sh", "+nis"] {
            assert_eq!((user(line), group(line)), (None, None), "{line:?}");
        }
    }

    #[test]
    fn what_could_be_an_option_or_a_second_line_is_refused() {
        for bad in [
            "",
            "-r",
            "; rm -rf /",
            "$(reboot)",
            "a\nb",
            "a\0b",
            "..",
            "Ann",
            "1st",
            "ann@x",
            &"a".repeat(33),
        ] {
            assert!(matches!(check_name("user", bad), Err(Error::Invalid(_))), "{bad:?}");
            assert!(matches!(check_path("home", bad), Err(Error::Invalid(_))), "{bad:?}");
        }
        assert!(check_name("user", "www-data").is_ok() && check_name("user", "_apt").is_ok());
        assert!(check_path("home", "/srv/app").is_ok() && check_path("home", "/srv/../etc").is_err());
        assert!(check_field("comment", "Ann A., 2nd floor").is_ok());
        for bad in ["", "a:b", "a\nb", "-x", &"a".repeat(2000)] {
            assert!(matches!(check_field("comment", bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
