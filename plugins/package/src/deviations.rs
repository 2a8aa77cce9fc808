//! What `dpkg --verify` and `rpm --verify` say, which write alike.

use crate::exports::minion::packages::package::{Aspect, Deviation};

/// What each place of the first word stands for, by the letter that is there where something deviates.
const ASPECTS: [(char, Aspect); 9] = [
    ('S', Aspect::Size),
    ('M', Aspect::Mode),
    ('5', Aspect::Content),
    ('D', Aspect::Device),
    ('L', Aspect::Link),
    ('U', Aspect::User),
    ('G', Aspect::Group),
    ('T', Aspect::Time),
    ('P', Aspect::Capabilities),
];

/// The files that deviate; lines of something else are none.
pub(crate) fn read(text: &str) -> Vec<Deviation> {
    text.lines().filter_map(line).collect()
}

/// `S.5....T.  c /etc/tried.conf`, `missing     /opt/tried/version`, `??5??????   /usr/bin/tried`.
fn line(line: &str) -> Option<Deviation> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    // The kind of a file stands before it: `c` of configuration, `d` documentation, and others.
    let (kind, path) = match rest.split_once(' ') {
        Some((kind, path)) if kind.len() == 1 => (kind, path.trim_start()),
        _ => ("", rest),
    };
    if !path.starts_with('/') {
        return None;
    }
    let (path, aspects) = match word {
        // Behind it may stand why it cannot be seen.
        "missing" => (path.split(" (").next().unwrap_or(path), vec![Aspect::Missing]),
        word if word.len() >= ASPECTS.len() => (path, aspects(word)),
        _ => return None,
    };
    Some(Deviation { path: path.to_owned(), configuration: kind == "c", aspects })
}

fn aspects(word: &str) -> Vec<Aspect> {
    let found = word.chars().zip(ASPECTS).filter(|(c, (letter, _))| c == letter);
    let found: Vec<Aspect> = found.map(|(_, (_, aspect))| aspect).collect();
    if found.is_empty() { vec![Aspect::Unknown] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tools_say_what_deviates() {
        let text = "S.5....T.  c /etc/tried.conf\nmissing     /opt/tried/version\nmissing   d /usr/share/a b (Permission denied)\n\
                    ??5??????   /usr/bin/tried\n.M...UG..    /var/lib/tried\n.........  c /etc/x\npackage nonesuch is not installed\n\
                    Unsatisfied dependencies for tried-1.0-1.noarch:\n\n";
        let found = read(text);
        let told: Vec<(&str, bool, &[Aspect])> =
            found.iter().map(|it| (it.path.as_str(), it.configuration, it.aspects.as_slice())).collect();
        assert_eq!(
            told,
            [
                ("/etc/tried.conf", true, &[Aspect::Size, Aspect::Content, Aspect::Time][..]),
                ("/opt/tried/version", false, &[Aspect::Missing]),
                ("/usr/share/a b", false, &[Aspect::Missing]),
                ("/usr/bin/tried", false, &[Aspect::Content]),
                ("/var/lib/tried", false, &[Aspect::Mode, Aspect::User, Aspect::Group]),
                ("/etc/x", true, &[Aspect::Unknown]),
            ]
        );
    }
}
