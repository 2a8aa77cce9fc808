//! Names in archives, and where links lead.

use failure::Error;

/// The longest path that the system takes.
const LONGEST: usize = 4096;
/// The longest name in a folder.
const LONGEST_NAME: usize = 255;

/// The path in the folder that an archive is unpacked into, without so many folders at its beginning; none where it is the
/// folder itself, or nothing is left of it.
pub(crate) fn within(name: &str, strip: u32) -> Result<Option<String>, Error> {
    let refused = |why: &str| Err(refused(name, why));
    if name.starts_with('/') {
        return refused("begins with \"/\"");
    }
    if name.contains('\0') || name.contains(char::REPLACEMENT_CHARACTER) {
        return refused("is none that is UTF-8");
    }
    let steps: Vec<&str> = name.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    if steps.contains(&"..") {
        return refused("has a \"..\" in it");
    }
    if name.len() > LONGEST || steps.iter().any(|step| step.len() > LONGEST_NAME) {
        return refused("is longer than any path of the system");
    }
    let left = steps.get(strip as usize..).unwrap_or_default();
    Ok((!left.is_empty()).then(|| left.join("/")))
}

/// Refuses a link in a folder that could lead out of it. What is above its path is no link, so that each step up is one of
/// its own folders; one behind a name could be a step up from where another link leads.
pub(crate) fn check_target(path: &str, target: &str) -> Result<(), Error> {
    let depth = path.matches('/').count();
    let steps: Vec<&str> = target.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    let ups = steps.iter().take_while(|step| **step == "..").count();
    let leads_out = target.is_empty()
        || target.len() > LONGEST
        || target.starts_with('/')
        || target.contains(['\0', char::REPLACEMENT_CHARACTER])
        || ups > depth
        || steps[ups..].contains(&"..");
    if leads_out {
        Err(refused(path, &format!("is a link that leads elsewhere: {target:?}")))
    } else {
        Ok(())
    }
}

/// What an archive is refused for.
pub(crate) fn refused(name: &str, why: &str) -> Error {
    let shown: String = name.chars().take(200).collect();
    Error::Denied(format!(
        "nothing is unpacked, because a name in the archive, \"{}\", {why}",
        shown.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_the_folder() {
        for (name, strip, path) in [
            ("a", 0, Some("a")),
            ("./a//b/", 0, Some("a/b")),
            ("./", 0, None),
            ("top/a/b", 1, Some("a/b")),
            ("./top/a", 1, Some("a")),
            ("top", 1, None),
            ("top/", 9, None),
            ("..a/b..", 0, Some("..a/b..")),
        ] {
            assert_eq!(within(name, strip), Ok(path.map(str::to_owned)), "{name}");
        }
        for name in [
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a/..",
            "a\0",
            "\u{fffd}",
            &"x".repeat(256),
            &"x/".repeat(3000),
        ] {
            assert!(matches!(within(name, 1), Err(Error::Denied(_))), "{name}");
        }
    }

    #[test]
    fn a_link_stays_in_the_folder() {
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "./b/./c")] {
            assert_eq!(check_target(path, target), Ok(()), "{path} {target}");
        }
        for (path, target) in
            [("a", "/etc"), ("a", "../b"), ("a/b", "../../c"), ("a", "b/.."), ("a/b", "c/../../d"), ("a", "")]
        {
            assert!(matches!(check_target(path, target), Err(Error::Denied(_))), "{path} {target}");
        }
    }
}
