//! What the caller gave: the names and versions that package managers are handed are names and versions, and nothing that
//! they would take for an option, a file, an address, a group or a pattern.

use failure::Error;

/// The longest name or version.
const MAX_WORD: usize = 200;

/// The longest path.
const MAX_PATH: usize = 4096;

/// A package that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

/// Checks the name of a package. dpkg's may have an architecture behind a `:`, and rpm's behind a `.`.
pub(crate) fn name(given: &str) -> Result<(), Error> {
    // apt takes a `-` at the end for the wish to remove the package.
    let fits =
        is_word(given, "+-._:") && !given.ends_with(['-', ':', '.']) && given.matches(':').count() <= 1;
    if fits { Ok(()) } else { Err(invalid("the name of a package", "nginx, libc6:i386 or glibc.i686")) }
}

/// Checks the names of packages.
pub(crate) fn names(given: &[String]) -> Result<(), Error> {
    given.iter().try_for_each(|given| name(given))
}

/// Reads `NAME` or `NAME=VERSION`.
pub(crate) fn wish(given: &str) -> Result<Wish, Error> {
    let (of, version) = match given.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (given, None),
    };
    name(of)?;
    if version.is_some_and(|version| !is_word(version, "+-._:~^")) {
        return Err(invalid("the version of a package", "curl=7.88.1-10"));
    }
    Ok(Wish { name: of.to_owned(), version: version.map(str::to_owned) })
}

/// Checks what is searched for.
pub(crate) fn text(given: &str) -> Result<(), Error> {
    if is_word(given, "+-._: ") {
        Ok(())
    } else {
        Err(invalid("what is searched for", "nginx or \"web server\""))
    }
}

/// Checks the path of a file, and takes a `/` from its end.
pub(crate) fn path(given: &str) -> Result<&str, Error> {
    let steps_up = given.split('/').any(|part| part == "..");
    if !given.starts_with('/') || given.len() > MAX_PATH || steps_up || given.contains(char::is_control) {
        return Err(invalid("the path", "/usr/bin/env"));
    }
    let trimmed = given.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/" } else { trimmed })
}

/// Whether a name has the form of a pattern, in which each `*` stands for any text.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place is always good enough, since a star follows it.
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

fn is_word(given: &str, signs: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
    given.len() <= MAX_WORD
        && given.starts_with(|c: char| c.is_ascii_alphanumeric())
        && given.chars().all(fits)
}

fn invalid(what: &str, example: &str) -> Error {
    Error::Invalid(format!("{what} is none: write it like {example}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nothing_that_a_package_manager_takes_for_something_else() {
        for good in
            ["nginx", "g++", "libc6:i386", "python3.11", "glibc.i686", "NetworkManager", "0ad", "java_x"]
        {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(201);
        for bad in [
            "",
            "-y",
            "--root=/",
            "+x",
            "@group",
            "~nx",
            "?x",
            "a*",
            "a?",
            "a[b]",
            "nginx-",
            "a/stable",
            "./x.deb",
            "http://x",
            "a b",
            "a\nb",
            "a\0b",
            "a=1",
            "a^",
            "$(reboot)",
            "; x",
            "a:b:c",
            "a:",
            &long,
        ] {
            assert!(matches!(name(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_version_stands_behind_the_name() {
        let both = wish("g++=4:12.2.0-3~deb12+u1").expect("a wish");
        assert_eq!((both.name.as_str(), both.version.as_deref()), ("g++", Some("4:12.2.0-3~deb12+u1")));
        assert_eq!(wish("nginx").expect("a wish").version, None);
        for bad in ["nginx=", "nginx=-1", "nginx=1*", "=1", "nginx=1 2", "nginx=1=2", "nginx=1/2"] {
            assert!(matches!(wish(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_path_is_whole_and_goes_nowhere_up() {
        assert_eq!((path("/usr/bin/["), path("/usr//"), path("/")), (Ok("/usr/bin/["), Ok("/usr"), Ok("/")));
        for bad in ["", "usr", "/usr/../etc", "/a\nb", "-x", &format!("/{}", "x".repeat(5000))] {
            assert!(matches!(path(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, does) in [
            ("*", "bash", true),
            ("bash", "bash", true),
            ("bash", "bash-doc", false),
            ("lib*-dev", "libc6-dev", true),
            ("lib*-dev", "libc6-dev-i386", false),
            ("*ssl*", "openssl", true),
            ("a*b*b", "ab", false),
            ("", "bash", false),
        ] {
            assert_eq!(fits(pattern, name), does, "{pattern} {name}");
        }
    }
}
