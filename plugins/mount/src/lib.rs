//! The module `mount`: what is mounted, how full it is, and `/etc/fstab`. What each method does is said in `wit/mount.wit`.

mod check;
mod fstab;
mod table;
mod usage;

use failure::{Change, Changes, Error, Failure};

use exports::minion::mount::mount::{Entry, Fullness, Guest, Mounted, Source, Wish};
use fstab::plain;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:mount/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Mount;

/// The most things that are unmounted in one place, one over the other.
const MOST_LAYERS: usize = 32;

export!(Mount);

impl Guest for Mount {
    fn list(kind: Option<String>) -> Result<Vec<Mounted>, Error> {
        let all = table::mounted()?;
        Ok(all.into_iter().filter(|one| kind.as_ref().is_none_or(|kind| one.kind == *kind)).collect())
    }

    fn usage(path: Option<String>, over: Option<u32>) -> Result<Vec<Fullness>, Error> {
        path.iter().try_for_each(|path| check::path(path))?;
        usage::of(path.as_deref(), over)
    }

    fn fstab() -> Result<Vec<Entry>, Error> {
        let mounted = table::mounted()?;
        let lines = fstab::read()?.unwrap_or_default();
        Ok(fstab::lines(&lines).map(|line| line.entry(&mounted)).collect())
    }

    fn mount(path: String, source: Option<Source>) -> Result<Change, Error> {
        check::path(&path)?;
        source.iter().try_for_each(check::source)?;
        let path = plain(&path);
        let mut changes = Changes::default();
        let source = source.as_ref().map(Wanted::of);
        let listed = fstab::read()?.unwrap_or_default();
        let line = fstab::lines(&listed).find(|line| line.path == path);
        let wanted = match (&source, &line) {
            (Some(source), _) => source.clone(),
            (None, Some(line)) => Wanted::listed(line),
            (None, None) => {
                return Err(Error::NotFound(format!(
                    "/etc/fstab says nothing of {path}: give the source as well, or write it there with `mount.ensure`"
                )));
            }
        };
        let all = table::mounted()?;
        match all.iter().rfind(|there| there.path == path) {
            Some(there) => wanted.adjust(there, &all, &mut changes)?,
            None => wanted.mount(&path, source.is_none(), &mut changes)?,
        }
        Ok(changes.told())
    }

    fn unmount(path: String, lazy: Option<bool>, force: Option<bool>) -> Result<Change, Error> {
        check::path(&path)?;
        let path = plain(&path);
        if path == "/" {
            return Err(Error::Invalid("\"/\" is never unmounted".to_owned()));
        }
        let mut argv = vec!["umount"];
        argv.extend(force.unwrap_or(false).then_some("-f"));
        argv.extend(lazy.unwrap_or(false).then_some("-l"));
        argv.extend(["--", &path]);
        let mut changes = Changes::default();
        let there = table::mounted()?.into_iter().filter(|there| there.path == path);
        for there in there.take(MOST_LAYERS).collect::<Vec<_>>().iter().rev() {
            changes.make(&format!("unmounted {} from {path}", there.source), &argv).map_err(of_tool)?;
        }
        Ok(changes.told())
    }

    fn ensure(entry: Wish) -> Result<Change, Error> {
        check::entry(&entry)?;
        fstab::ensure(&Wish { path: plain(&entry.path), ..entry })
    }

    fn remove(path: String) -> Result<Change, Error> {
        check::path(&path)?;
        fstab::remove(&plain(&path))
    }
}

/// What is to be mounted in a place.
#[derive(Clone, Debug)]
struct Wanted {
    source: String,
    kind: Option<String>,
    options: Vec<String>,
    make_folder: bool,
}

impl Wanted {
    fn of(source: &Source) -> Self {
        Self {
            source: source.source.clone(),
            kind: source.kind.clone(),
            options: source.options.clone().unwrap_or_default(),
            make_folder: source.make_folder.unwrap_or(false),
        }
    }

    fn listed(line: &fstab::Line) -> Self {
        Self {
            source: line.source.clone(),
            kind: Some(line.kind.clone()),
            options: line.options.clone(),
            make_folder: false,
        }
    }

    /// Mounts it where nothing is mounted.
    fn mount(&self, path: &str, is_listed: bool, changes: &mut Changes) -> Result<(), Error> {
        if self.make_folder {
            // It does nothing where there is one, and nobody has to be told of that.
            failure::change(&["mkdir", "-p", "--", path])?;
        }
        let options = self.options.join(",");
        let mut argv = vec!["mount"];
        if !is_listed {
            argv.extend(self.kind.iter().flat_map(|kind| ["-t", kind]));
            if !options.is_empty() {
                argv.extend(["-o", &options]);
            }
        }
        argv.push("--");
        argv.extend((!is_listed).then_some(self.source.as_str()));
        argv.push(path);
        changes.make(&format!("mounted {} on {path}", self.source), &argv).map_err(of_tool)
    }

    /// Sees to it that what is there is this, with the options that can be set.
    fn adjust(&self, there: &Mounted, all: &[Mounted], changes: &mut Changes) -> Result<(), Error> {
        let other_kind = self.kind.as_ref().is_some_and(|kind| *kind != there.kind && table::is_told(kind));
        let is_bound = self.options.iter().any(|option| matches!(option.as_str(), "bind" | "rbind"));
        let is_same = table::is_same(&self.source, is_bound, there, all)?;
        if !is_same || (other_kind && !is_bound) {
            return Err(Error::Busy(format!(
                "{} is mounted on {}, of the kind {}: `mount.unmount {}` makes room",
                there.source, there.path, there.kind, there.path
            )));
        }
        let wanted = table::flags(&self.options);
        if wanted.iter().any(|flag| !table::holds(there, flag)) {
            let bind = if is_bound { "bind," } else { "" };
            let options = format!("remount,{bind}{}", wanted.join(","));
            let words = format!("set {} on {}", wanted.join(","), there.path);
            changes.make(&words, &["mount", "-o", &options, "--", &there.path]).map_err(of_tool)?;
        }
        Ok(())
    }
}

/// What it means that `mount` or `umount` fails.
fn of_tool(error: Error) -> Error {
    let Error::Failed(Failure { stderr, .. }) = &error else { return error };
    // What comes behind the first line is where else to look.
    let told = stderr.trim().lines().next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|words| told.contains(words));
    if has(&["target is busy", "already mounted"]) {
        return Error::Busy(format!("{told} `process.open-files` says what a process has open"));
    }
    if has(&["does not exist", "can't find"]) {
        return Error::NotFound(told.to_owned());
    }
    if has(&["permission denied", "must be superuser"]) {
        return Error::Denied(told.to_owned());
    }
    if has(&["unknown filesystem type"]) {
        return Error::Unsupported(told.to_owned());
    }
    error
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    const FINDMNT: [&str; 4] = ["findmnt", "--json", "--list", "--output=TARGET,SOURCE,FSTYPE,OPTIONS"];
    const THERE: &str = r#"{"filesystems": [
        {"target": "/", "source": "/dev/vda", "fstype": "ext4", "options": "rw,relatime"},
        {"target": "/mnt/my data", "source": "tmpfs", "fstype": "tmpfs", "options": "rw,nosuid,size=10k"},
        {"target": "/mnt/my data", "source": "/dev/vdb", "fstype": "xfs", "options": "rw"}]}"#;

    fn nothing() -> Output {
        Output::printed("", 0)
    }

    #[test]
    fn everything_in_a_place_is_unmounted_and_the_root_never() {
        let host = Host::new()
            .program(&FINDMNT, Output::printed(THERE, 0))
            .program(&["umount", "-l", "--", "/mnt/my data"], nothing());
        let done = Mount::unmount("/mnt//my data/".into(), Some(true), None).expect("unmounted");
        assert_eq!(
            done.changes,
            ["unmounted /dev/vdb from /mnt/my data", "unmounted tmpfs from /mnt/my data"]
        );
        assert_eq!(host.ran().len(), 3);
        assert_eq!(Mount::unmount("/srv".into(), None, None), Ok(failure::changed(vec![])));
        for root in ["/", "//", "/./"] {
            assert!(matches!(Mount::unmount(root.into(), Some(true), None), Err(Error::Invalid(_))));
        }
    }

    #[test]
    fn what_is_there_stays_unless_an_option_differs() {
        let remount = ["mount", "-o", "remount,ro,nosuid", "--", "/"];
        let host = Host::new().program(&FINDMNT, Output::printed(THERE, 0)).program(&remount, nothing());
        let host = ["/dev/vda", "/dev/vdb"].into_iter().fold(host, |host, device| {
            host.program(&["readlink", "-f", "--", device], Output::printed(device, 0))
        });
        let source = |options: &[&str]| Source {
            source: "/dev/vda".into(),
            kind: Some("ext4".into()),
            options: Some(options.iter().map(|&option| option.to_owned()).collect()),
            make_folder: None,
        };
        let mount = |path: &str, source: Source| Mount::mount(path.into(), Some(source));
        for same in [&[][..], &["defaults", "rw", "dev", "data=ordered", "nofail"]] {
            assert_eq!(mount("/", source(same)), Ok(failure::changed(vec![])), "{same:?}");
        }
        assert_eq!(mount("/", source(&["ro", "nosuid"])).map(|done| done.changed), Ok(true));
        assert!(host.ran().iter().any(|argv| *argv == remount));
        assert!(matches!(mount("/mnt/my data", source(&[])), Err(Error::Busy(_))));
    }
}
