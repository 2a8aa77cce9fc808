//! The names of settings.

use failure::Error;

/// The longest name.
const MAX_NAME: usize = 255;

/// The name of a setting, or of all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(Vec<String>);

impl Name {
    /// A name as operators write it.
    ///
    /// # Errors
    /// With what a name is.
    pub(crate) fn given(text: &str) -> Result<Self, Error> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "._-/@+:".contains(c);
        let parts = Self::read(text).0;
        let are_parts = parts.iter().all(|part| !part.is_empty() && part != "." && part != "..");
        if text.len() <= MAX_NAME
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(is_fit)
            && are_parts
        {
            return Ok(Self(parts));
        }
        Err(Error::Invalid("the name is none of a setting: write it like net.ipv4.ip_forward".to_owned()))
    }

    /// A name as it stands in a file. What comes first of `.` and `/` is what stands between its parts.
    pub(crate) fn read(text: &str) -> Self {
        let is_path = text.find(['.', '/']).is_some_and(|first| text[first..].starts_with('/'));
        let part = |part: &str| if is_path { part.to_owned() } else { part.replace('/', ".") };
        Self(text.split(if is_path { '/' } else { '.' }).map(part).collect())
    }

    /// Whether it is below another one.
    pub(crate) fn is_below(&self, above: &Self) -> bool {
        self.0.len() > above.0.len() && self.0.starts_with(&above.0)
    }

    /// The file of its value.
    pub(crate) fn path(&self) -> String {
        format!("/proc/sys/{}", self.0.join("/"))
    }

    /// The name as `sysctl` writes it.
    pub(crate) fn shown(&self) -> String {
        self.0.iter().map(|part| part.replace('.', "/")).collect::<Vec<_>>().join(".")
    }

    /// Whether it fits a name in which parts may be patterns, as systemd has them: `net.ipv4.conf.*.forwarding`.
    pub(crate) fn fits(&self, pattern: &Self) -> bool {
        let fits = |(part, pattern): (&String, &String)| match pattern.split_once('*') {
            Some((head, tail)) => {
                part.len() + 1 >= pattern.len() && part.starts_with(head) && part.ends_with(tail)
            }
            None => part == pattern,
        };
        self.0.len() == pattern.0.len() && self.0.iter().zip(&pattern.0).all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_dots_or_slashes_between_its_parts() {
        for text in ["net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"] {
            let name = Name::given(text).expect("a name");
            assert_eq!(name.path(), "/proc/sys/net/ipv4/conf/eth0.100/forwarding");
            assert_eq!(name.shown(), "net.ipv4.conf.eth0/100.forwarding");
        }
        let below = |above: &str| Name::read("net.ipv4.conf.all").is_below(&Name::read(above));
        assert!(below("net.ipv4") && !below("net.ipv6") && !below("net.ipv4.conf.all") && !below("net.ipv"));
        for bad in [
            "",
            "-w",
            "kernel.x=1",
            "a\nb",
            "a\0b",
            "../x",
            "a/../b",
            "a.//.b",
            "a..b",
            ".a",
            "a.",
            "$(id)",
            "; id",
            &"a".repeat(300),
        ] {
            assert!(matches!(Name::given(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_stands_for_one_part() {
        let name = Name::read("net.ipv4.conf.eth0.rp_filter");
        for (pattern, fits) in [
            ("net.ipv4.conf.*.rp_filter", true),
            ("net/ipv4/conf/eth*/rp_filter", true),
            ("net.ipv4.conf.eth0.rp_filter", true),
            ("net.ipv4.*.rp_filter", false),
            ("net.ipv4.conf.eth0*0.rp_filter", false),
        ] {
            assert_eq!(name.fits(&Name::read(pattern)), fits, "{pattern}");
        }
    }
}
