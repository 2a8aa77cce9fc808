//! What is to come of an archive, once all of it was looked at.

use std::collections::HashMap;
use std::io::{self, Read};

use failure::Error;

use crate::entry::{Found, What};
use crate::format;
use crate::names::{check_target, refused, within};

/// The most entries that are unpacked.
const MOST_ENTRIES: u32 = 100_000;

/// What is unpacked.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What each path becomes: of two entries of one path the last one counts.
    pub(crate) paths: HashMap<String, Step>,
    /// How many bytes all files have.
    pub(crate) bytes: u64,
}

/// What a path becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The number of its entry in the archive.
    pub(crate) entry: u32,
    pub(crate) what: Becomes,
}

/// What something becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Becomes {
    File,
    Folder,
    Link(String),
    /// A copy of what another path becomes.
    Copy(String),
}

impl Plan {
    /// Looks at all of an archive, and refuses it where anything in it is to be refused.
    pub(crate) fn of(archive: &str, strip: u32, most: u64) -> Result<Self, Error> {
        let (mut plan, mut number) = (Self::default(), 0);
        format::each(archive, most, &mut |found, content| {
            let size = found.size;
            plan.add(number, found, strip)?;
            number += 1;
            plan.bytes = plan.bytes.saturating_add(size);
            if number > MOST_ENTRIES || plan.bytes > most {
                return Err(Error::Denied(format!(
                    "\"{archive}\" has more than {MOST_ENTRIES} entries, or more than {most} bytes, which `most-bytes` allows"
                )));
            }
            read(content, size, archive)
        })?;
        plan.check()?;
        Ok(plan)
    }

    fn add(&mut self, entry: u32, found: Found, strip: u32) -> Result<(), Error> {
        let Some(path) = within(&found.name, strip)? else { return Ok(()) };
        let what = match found.what {
            What::File => Becomes::File,
            What::Folder => Becomes::Folder,
            What::Link(target) => {
                check_target(&path, &target)?;
                Becomes::Link(target)
            }
            What::HardLink(first) => match within(&first, strip)? {
                Some(first) if matches!(self.paths.get(&first), Some(Step { what: Becomes::File, .. })) => {
                    Becomes::Copy(first)
                }
                _ => return Err(refused(&found.name, "is another name of no file before it")),
            },
            What::Other => {
                return Err(refused(&found.name, "is of a device, a pipe, or a kind that is not known"));
            }
        };
        self.paths.insert(path, Step { entry, what });
        Ok(())
    }

    /// Refuses what lies below a link or a file, and copies of what another entry replaced.
    fn check(&self) -> Result<(), Error> {
        for (path, step) in &self.paths {
            let mut above = path.as_str();
            while let Some((folder, _)) = above.rsplit_once('/') {
                if self.paths.get(folder).is_some_and(|it| it.what != Becomes::Folder) {
                    return Err(refused(path, "lies below a link or a file"));
                }
                above = folder;
            }
            if let Becomes::Copy(first) = &step.what {
                let first = self.paths.get(first);
                if first.is_none_or(|first| first.what != Becomes::File || first.entry > step.entry) {
                    return Err(refused(path, "is another name of no file before it"));
                }
            }
        }
        Ok(())
    }
}

/// Reads all of an entry, which must have as many bytes as it says.
fn read(content: &mut dyn Read, size: u64, archive: &str) -> Result<(), Error> {
    match io::copy(content, &mut io::sink()) {
        Ok(read) if read == size || size == 0 => Ok(()),
        Ok(_) => {
            Err(Error::Invalid(format!("\"{archive}\" is damaged: an entry has not the size that it says")))
        }
        Err(error) => Err(Error::Invalid(format!("\"{archive}\" is damaged: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(entries: &[(&str, What)]) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for (number, (name, what)) in (0..).zip(entries) {
            let what = match what {
                What::Link(target) => What::Link(target.clone()),
                What::HardLink(first) => What::HardLink(first.clone()),
                What::File => What::File,
                What::Folder => What::Folder,
                What::Other => What::Other,
            };
            let found = Found { name: (*name).to_owned(), what, size: 0, mode: 0o644, modified: None };
            plan.add(number, found, 0)?;
        }
        plan.check().map(|()| plan)
    }

    #[test]
    fn nothing_is_written_through_a_link_or_read_through_one() {
        let link = |target: &str| What::Link(target.to_owned());
        let hard = |first: &str| What::HardLink(first.to_owned());
        for entries in [
            &[("a", link("b")), ("a/x", What::File)][..],
            &[("a/x", What::File), ("a", link("b"))],
            &[("a", What::File), ("a/x/y", What::File)],
            &[("a", hard("b"))],
            &[("a", hard("/etc/shadow"))],
            &[("a", hard("../b"))],
            &[("b", link("c")), ("a", hard("b"))],
            &[("b", What::File), ("a", hard("b")), ("b", link("c"))],
            &[("b", What::File), ("a", hard("b")), ("b", What::File)],
            &[("a", What::Other)],
        ] {
            assert!(matches!(added(entries), Err(Error::Denied(_))), "{entries:?}");
        }
        // The last of two of one path counts.
        let plan = added(&[("a", link("b")), ("a", What::Folder), ("a/x", What::File), ("a/y", hard("a/x"))]);
        let plan = plan.expect("is fine");
        assert_eq!(plan.paths["a"], Step { entry: 1, what: Becomes::Folder });
        assert_eq!(plan.paths["a/y"].what, Becomes::Copy("a/x".to_owned()));
    }
}
