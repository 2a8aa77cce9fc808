//! Which environment variables a module may set for a program.

use crate::wildcard::wildcard;

/// Variables that change how a program speaks and not what it does. A grant that says nothing of variables lets
/// them be set.
pub(crate) const USUAL: [&str; 7] = ["LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "COLUMNS", "NO_COLOR"];

/// Names that decide what a program does: which code it loads, what it runs, or which files it obeys. No `*`
/// stands for them. The list cannot be complete, which is why a `*` is only taken behind a family's name.
const DECIDING: &[&str] = &[
    "*PATH",
    "*PRELOAD*",
    "*ASKPASS*",
    "*BROWSER",
    "*CONFIG*",
    "*EDITOR",
    "*FLAGS",
    "*PAGER",
    "*RC",
    "*SHELL*",
    "*OPT",
    "*OPTS",
    "*OPTIONS",
    "*_CMD",
    "*_COMMAND",
    "*_DIR",
    "*_HOME",
    "*_OPTIONS",
    "*_PROXY",
    "*_proxy",
    "BASH*",
    "CARGO*",
    "CURL_*",
    "DBUS_*",
    "DOCKER_*",
    "ENV",
    "GCONV_*",
    "GIT_*",
    "GLIBC_*",
    "GO*",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "JAVA*",
    "JDK_*",
    "KUBE*",
    "LD_*",
    "LESS*",
    "MAKE*",
    "MALLOC_*",
    "MAN*",
    "NODE_*",
    "NPM_*",
    "OPENSSL_*",
    "PERL*",
    "PROMPT_*",
    "PS*",
    "PYTHON*",
    "RSYNC_*",
    "RUBY*",
    "RUST*",
    "SSH_*",
    "SSL_*",
    "SUDO_*",
    "SYSTEMD_*",
    "TAR_*",
    "TERMCAP",
    "TERMINFO*",
    "TMP*",
    "VISUAL",
    "XDG_*",
    "ZDOTDIR",
    "_JAVA_*",
    "npm_*",
];

/// Whether an entry of `env` covers a variable of this name.
///
/// A name stands for itself. A `*` stands for the rest of a name behind a family's, as in `APP_*`, and never
/// makes up a name that decides what programs do. `NAME=value` is what the grant sets, and covers nothing.
pub(crate) fn covers(entry: &str, name: &str) -> bool {
    match entry.split_once('*') {
        _ if !is_name(name) => false,
        None => entry == name,
        Some((family, _)) => family.ends_with('_') && wildcard(entry, name) && !decides(name),
    }
}

/// The variable and the value that an entry sets itself; `None` where it only lets the module set one.
pub(crate) fn fixed(entry: &str) -> Option<(&str, &str)> {
    entry.split_once('=').filter(|(name, _)| is_name(name))
}

/// Whether one of the usual variables has a value that cannot be taken for a file. `TZ` may name one below the
/// folder of time zones.
pub(crate) fn is_plain(name: &str, value: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.,:@+-<>/".contains(c);
    let inside = |part: &str| !part.starts_with('/') && part.split('/').all(|step| step != "..");
    let folders = name == "TZ" || !value.contains('/');
    value.chars().all(known) && folders && !value.starts_with(':') && value.split(':').all(inside)
}

fn decides(name: &str) -> bool {
    DECIDING.iter().any(|pattern| wildcard(pattern, name))
}

/// Whether a text can be the name of a variable and nothing more.
pub(crate) fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_rest_of_a_family_and_never_for_what_decides() {
        for (entry, name, covered) in [
            ("LD_PRELOAD", "LD_PRELOAD", true),
            ("GIT_DIR", "GIT_DIR", true),
            ("APP_*", "APP_COLOR", true),
            ("APP_*", "APP_PATH", false),
            ("APP_*", "APP_EDITOR", false),
            ("GIT_*", "GIT_SSH_COMMAND", false),
            ("LD_*", "LD_PRELOAD", false),
            ("PYTHON*", "PYTHONPATH", false),
            ("*", "IFS", false),
            ("*", "BASH_ENV", false),
            ("*", "COLOR", false),
            ("L*", "LANG", false),
            ("_APP", "_APP", true),
            ("1APP", "1APP", false),
            ("FOO=bar", "FOO", false),
            ("FOO=a_*", "FOO=a_b", false),
            ("FOO=bar", "FOO=bar", false),
            ("BASH_FUNC_ls%%", "BASH_FUNC_ls%%", false),
            ("", "", false),
        ] {
            assert_eq!(covers(entry, name), covered, "{entry:?} and {name:?}");
        }
        assert_eq!(fixed("FOO=a=b"), Some(("FOO", "a=b")));
        assert_eq!(fixed("FOO"), None);
    }

    #[test]
    fn the_usual_variables_name_no_files() {
        for (name, value, plain) in [
            ("LC_ALL", "de_DE.UTF-8", true),
            ("LANGUAGE", "de:en", true),
            ("TZ", "Europe/Berlin", true),
            ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", true),
            ("TZ", ":/etc/shadow", false),
            ("TZ", ":Europe/Berlin", false),
            ("LC_TIME", "C", true),
            ("NO_COLOR", "", true),
            ("TZ", "/etc/shadow", false),
            ("TZ", "../../../etc/shadow", false),
            ("LANGUAGE", "../../tmp/x", false),
            ("LANGUAGE", "de:/tmp/x", false),
            ("TERM", "x/y", false),
            ("LANG", "() { :; }; reboot", false),
        ] {
            assert_eq!(is_plain(name, value), plain, "{name}={value:?}");
        }
    }
}
