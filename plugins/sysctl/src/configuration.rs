//! What the host's configuration gives the settings at its start.

use std::collections::BTreeMap;

use failure::Error;
use host_files::texts;

use crate::name::Name;
use crate::value::are_alike;

/// The file of what this module makes persistent: of all names that are usual it is the last.
pub(crate) const OWN: &str = "/etc/sysctl.d/99-zz-overlord.conf";
const OWN_NAME: &str = "99-zz-overlord.conf";

/// What a new file of that begins with.
const HEAD: &str = "# Written by the module `sysctl` of the minion.\n";

/// The folders; a file in one takes the place of one of the same name in those behind it.
const FOLDERS: [&str; 4] = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];

/// Read by `sysctl --system` after all others; by systemd only where there is a link to it.
const LAST: &str = "/etc/sysctl.conf";

/// A line that gives a setting a value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// A name, or a pattern of names.
    name: Name,
    value: String,
    file: String,
}

/// What the host reads at its start, in that order.
pub(crate) struct Configuration {
    lines: Vec<Line>,
    /// The text of the module's own file, where it is there.
    own: Option<String>,
}

impl Configuration {
    /// That of the host.
    pub(crate) fn read() -> Result<Self, Error> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for folder in FOLDERS {
            for name in texts::names(folder)?.into_iter().filter(|name| name.ends_with(".conf")) {
                files.entry(name).or_insert_with_key(|name| format!("{folder}/{name}"));
            }
        }
        let mut lines = Vec::new();
        // A link that leads to what is not granted is left out, as one that leads nowhere.
        for file in files.into_values().chain([LAST.to_owned()]) {
            lines.extend(texts::optional(&file).iter().flat_map(|text| read(text, &file)));
        }
        Ok(Self { lines, own: texts::exact(OWN)? })
    }

    /// What a setting is going to be, and the file that says so. What names it whole goes before every pattern.
    pub(crate) fn of(&self, name: &Name) -> Option<(String, String)> {
        let last = |fits: &dyn Fn(&Line) -> bool| self.lines.iter().rfind(|line| fits(line));
        let found = last(&|line| line.name == *name).or_else(|| last(&|line| name.fits(&line.name)));
        found.map(|line| (line.value.clone(), line.file.clone()))
    }

    /// Whether the module's own file has a setting.
    pub(crate) fn has_own(&self, name: &Name) -> bool {
        self.own.iter().flat_map(|text| read(text, OWN)).any(|line| line.name == *name)
    }

    /// Gives a setting a value from the next start on, or none.
    ///
    /// # Errors
    /// Where another file gives it another one after this.
    pub(crate) fn put(&mut self, name: &Name, value: Option<&str>) -> Result<(), Error> {
        if let Some(value) = value {
            self.check_is_last(name, value)?;
        }
        let text = with(self.own.as_deref().unwrap_or(HEAD), name, value);
        texts::replace(OWN, text, self.own.is_some()).map(drop)
    }

    /// That no file which is read after the module's own gives a setting another value.
    fn check_is_last(&self, name: &Name, value: &str) -> Result<(), Error> {
        let is_after = |line: &&Line| {
            let file = line.file.rsplit('/').next().unwrap_or_default();
            line.name == *name && (line.file == LAST || file > OWN_NAME)
        };
        match self.lines.iter().rfind(is_after) {
            Some(line) if !are_alike(&line.value, value) => Err(Error::Invalid(format!(
                "{} sets {} to {}, and is read after {OWN}: take it out there first",
                line.file,
                name.shown(),
                line.value
            ))),
            _ => Ok(()),
        }
    }
}

/// The lines of a file that give settings values.
fn read<'a>(text: &'a str, file: &'a str) -> impl Iterator<Item = Line> + 'a {
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (name, value) = line.split_once('=')?;
        // With `-` in front, the host goes on where the setting cannot be set.
        let name = Name::read(name.trim().trim_start_matches('-').trim());
        Some(Line { name, value: value.trim().to_owned(), file: file.to_owned() })
    })
}

/// A text that gives a setting this value and no other, in the place of the first line that gives it one; or none.
fn with(text: &str, name: &Name, value: Option<&str>) -> String {
    let line = value.map(|value| format!("{} = {value}\n", name.shown()));
    texts::with_line(text, |there| read(there, OWN).any(|line| line.name == *name), line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(files: &[(&str, &str)]) -> Configuration {
        let lines = files.iter().flat_map(|(file, text)| read(text, file)).collect();
        Configuration { lines, own: None }
    }

    #[test]
    fn the_last_line_counts_and_a_whole_name_before_a_pattern() {
        let configuration = configuration(&[
            ("/etc/sysctl.d/10-a.conf", "# a\n; b\n-net/ipv4/conf/eth0/rp_filter=1\nvm.swappiness = 5\n"),
            ("/etc/sysctl.d/20-b.conf", "vm.swappiness=6\nnet.ipv4.conf.*.rp_filter = 2\n"),
        ]);
        let of = |name: &str| configuration.of(&Name::read(name));
        let told = |value: &str, file: &str| Some((value.to_owned(), format!("/etc/sysctl.d/{file}")));
        assert_eq!(of("vm.swappiness"), told("6", "20-b.conf"));
        assert_eq!(of("net.ipv4.conf.eth0.rp_filter"), told("1", "10-a.conf"));
        assert_eq!(of("net.ipv4.conf.eth1.rp_filter"), told("2", "20-b.conf"));
        assert_eq!(of("kernel.panic"), None);
    }

    #[test]
    fn what_is_read_later_is_in_the_way() {
        let mut configuration = configuration(&[("/etc/sysctl.conf", "vm.swappiness = 6\n")]);
        let error = configuration.put(&Name::read("vm.swappiness"), Some("7"));
        assert!(matches!(&error, Err(Error::Invalid(why)) if why.contains("/etc/sysctl.conf")), "{error:?}");
        assert_eq!(configuration.check_is_last(&Name::read("vm.swappiness"), "6"), Ok(()));
        assert_eq!(configuration.check_is_last(&Name::read("kernel.panic"), "6"), Ok(()));
    }

    #[test]
    fn a_setting_is_in_the_file_once() {
        let name = Name::read("vm.swappiness");
        let text = "# ours\nvm.swappiness=1\nkernel.panic = 3\nvm/swappiness = 2";
        assert_eq!(with(text, &name, Some("7")), "# ours\nvm.swappiness = 7\nkernel.panic = 3\n");
        assert_eq!(with("a=1", &name, Some("7")), "a=1\nvm.swappiness = 7\n");
        assert_eq!(with(text, &name, None), "# ours\nkernel.panic = 3\n");
    }
}
