//! The way from an open folder to the thing that a guest names in it.
//!
//! It is gone step by step, and before each step it is decided whether the guest may know what is there: otherwise
//! a link that leads to something hidden would tell whether that exists. The thing that is found is held by a
//! descriptor that neither reads nor writes it, and everything that follows is done with that descriptor. So
//! others who may change the folder cannot put something else in its place meanwhile, and a pipe or a device is
//! known before it is opened.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::Uid;

use super::kind::Kind;
use super::public;
use super::view::{Hidden, View};

/// The longest path, in bytes, as for the system itself.
const LONGEST: usize = 4096;
/// The most links that a path may lead through, as for the system itself.
const MOST_LINKS: usize = 40;
/// The most steps that a path may take, since each `..` begins again from the folder on.
const MOST_STEPS: usize = 10_000;
/// The flags that hold something without opening it.
const HELD: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// What a guest wants of the thing at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To look at it.
    Look,
    /// To open it. Where it is a folder that the system mounts on demand, it is mounted.
    Open,
}

/// What a way leads to.
pub(super) enum End {
    /// Something that exists.
    Found(Found),
    /// A name that nothing has, in a folder that exists.
    Missing(Missing),
}

/// Something that was found, and is held.
pub(super) struct Found {
    /// A descriptor that neither reads nor writes it.
    pub(super) file: File,
    /// What kind of thing it is.
    pub(super) kind: Kind,
    /// Whether the guest may read it, or list it.
    pub(super) is_shown: bool,
    /// Whether somebody else has put it into a folder where others may put things: who would make a file there does
    /// not write into theirs.
    pub(super) is_planted: bool,
}

/// A name that nothing has.
pub(super) struct Missing {
    /// The folder that has nothing of that name.
    pub(super) folder: File,
    /// The name.
    pub(super) name: OsString,
    /// Whether the path asks for a folder.
    pub(super) as_folder: bool,
}

/// Why a way does not lead to its end.
#[derive(Debug)]
pub(super) enum Blocked {
    /// The guest may not know what is there.
    Hidden(Hidden),
    /// The system says that it does not.
    Failed(io::Error),
}

impl From<io::Error> for Blocked {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Errno> for Blocked {
    fn from(error: Errno) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Hidden> for Blocked {
    fn from(hidden: Hidden) -> Self {
        Self::Hidden(hidden)
    }
}

/// Goes from a folder to the thing at a path; through the last link as well, where `follows` says so. A path that
/// leads out of the folder is not permitted.
pub(super) fn walk(folder: &File, path: &str, follows: bool, aim: Aim, view: &View) -> Result<End, Blocked> {
    if path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    if path.len() > LONGEST {
        return Err(Errno::ENAMETOOLONG.into());
    }
    view.may_begin(folder)?;
    let mut walk = Walk {
        folder,
        view,
        follows,
        aim,
        here: None,
        behind: Vec::new(),
        ahead: Vec::new(),
        as_folder: false,
        links: 0,
    };
    walk.turn(OsStr::new(path))?;
    walk.go()
}

/// A way that is being gone.
struct Walk<'a> {
    folder: &'a File,
    view: &'a View,
    follows: bool,
    aim: Aim,
    /// The folder that it has come to; `None` where that is the one that it began in.
    here: Option<File>,
    /// The names that lead there, from the first folder on.
    behind: Vec<OsString>,
    /// The names that are to come, the next one last.
    ahead: Vec<OsString>,
    /// Whether the path asks for a folder.
    as_folder: bool,
    links: usize,
}

impl Walk<'_> {
    /// Goes to the end.
    fn go(mut self) -> Result<End, Blocked> {
        for _ in 0..MOST_STEPS {
            let Some(name) = self.ahead.pop() else { return self.end_in_folder() };
            if name == ".." {
                self.back()?;
            } else if let Some(end) = self.step(name)? {
                return Ok(end);
            }
        }
        Err(Errno::ELOOP.into())
    }

    /// Goes on by this path, from here.
    fn turn(&mut self, path: &OsStr) -> Result<(), Blocked> {
        let bytes = path.as_bytes();
        if bytes.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if bytes.starts_with(b"/") {
            return Err(leads_out());
        }
        let mut names = bytes.split(|byte| *byte == b'/');
        if self.ahead.is_empty() {
            self.as_folder |= matches!(names.clone().next_back(), Some(b"" | b"." | b".."));
        }
        let mut names: Vec<OsString> = names
            .by_ref()
            .filter(|name| !matches!(*name, b"" | b"."))
            .map(|name| OsStr::from_bytes(name).to_owned())
            .collect();
        names.reverse();
        self.ahead.append(&mut names);
        Ok(())
    }

    /// Goes to the folder above, by the names that lead there: the system's own `..` may lead elsewhere when the folder
    /// was moved meanwhile.
    fn back(&mut self) -> Result<(), Blocked> {
        self.behind.pop().ok_or_else(leads_out)?;
        self.ahead.extend(self.behind.drain(..).rev());
        self.here = None;
        Ok(())
    }

    /// Goes to a name in the folder that the way has come to. Returns the end where that is the last.
    fn step(&mut self, name: OsString) -> Result<Option<End>, Blocked> {
        let here = self.here.as_ref().unwrap_or(self.folder);
        let within = within(&self.behind, &name);
        self.view.may_look_up(here, &within)?;
        let is_last = self.ahead.is_empty();
        let file = match hold(here, &name, !is_last || self.aim == Aim::Open) {
            Err(Errno::ENOENT) if is_last => {
                self.view.may_see(&within)?;
                let folder = self.here.take().map_or_else(|| self.folder.try_clone(), Ok)?;
                return Ok(Some(End::Missing(Missing { folder, name, as_folder: self.as_folder })));
            }
            held => held?,
        };
        let kind = Kind::of(&file)?;
        if kind == Kind::Link && (!is_last || self.follows || self.as_folder) {
            self.links += 1;
            if self.links > MOST_LINKS {
                return Err(Errno::ELOOP.into());
            }
            if is_planted(here, &file, Mode::S_IWOTH)? {
                return Err(Errno::EACCES.into());
            }
            self.turn(&target(&file)?)?;
        } else if is_last {
            self.view.may_see(&within)?;
            let is_planted = is_planted(here, &file, Mode::S_IWOTH | Mode::S_IWGRP)?;
            return self.end(file, kind, is_planted).map(Some);
        } else if kind == Kind::Folder {
            self.behind.push(name);
            self.here = Some(file);
        } else {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(None)
    }

    /// Ends in the folder that the way has come to.
    fn end_in_folder(&mut self) -> Result<End, Blocked> {
        self.view.may_see(&self.behind.iter().collect::<PathBuf>())?;
        let folder = self.here.take().map_or_else(|| self.folder.try_clone(), Ok)?;
        self.end(folder, Kind::Folder, false)
    }

    fn end(&self, file: File, kind: Kind, is_planted: bool) -> Result<End, Blocked> {
        if self.as_folder && kind != Kind::Folder {
            return Err(Errno::ENOTDIR.into());
        }
        let is_shown = !self.view.public || public::may_be_read(&file).unwrap_or(false);
        Ok(End::Found(Found { file, kind, is_shown, is_planted }))
    }
}

/// The path of a name from the folder on in which the way began.
fn within(behind: &[OsString], name: &OsStr) -> PathBuf {
    behind.iter().map(OsString::as_os_str).chain([name]).collect()
}

/// Whether a thing lies in a folder like `/tmp`, where these others may put things and remove none of each other's, and is
/// neither the minion's own nor that of the folder's owner. The system protects those who open a path there
/// (`fs.protected_symlinks`, `fs.protected_regular`), and cannot where the path is gone step by step.
fn is_planted(folder: &File, thing: &File, others: Mode) -> io::Result<bool> {
    let (folder, thing) = (folder.metadata()?, thing.metadata()?);
    let mode = Mode::from_bits_truncate(folder.mode());
    let is_shared = mode.contains(Mode::S_ISVTX) && mode.intersects(others);
    Ok(is_shared && thing.uid() != folder.uid() && thing.uid() != Uid::effective().as_raw())
}

/// Holds the thing that has a name in a folder.
fn hold(folder: &File, name: &OsStr, enters: bool) -> Result<File, Errno> {
    if enters {
        // A folder that the system mounts on demand is only mounted where the path asks for a folder.
        match openat(folder, name, HELD | OFlag::O_DIRECTORY, Mode::empty()) {
            Err(Errno::ENOTDIR | Errno::ELOOP) => (),
            held => return held.map(File::from),
        }
    }
    openat(folder, name, HELD, Mode::empty()).map(File::from)
}

/// Where a link leads that is held.
pub(super) fn target(link: &File) -> Result<OsString, Errno> {
    readlinkat(link, "")
}

/// The error for a way that leads out of the folder.
fn leads_out() -> Blocked {
    Errno::EPERM.into()
}

impl Found {
    /// Where a link leads, for the guest. Where that is outside of all folders of the guest's, it is not told.
    pub(super) fn target(&self) -> io::Result<String> {
        if self.kind != Kind::Link {
            return Err(Errno::EINVAL.into());
        }
        let target = target(&self.file)?;
        if target.as_bytes().starts_with(b"/") {
            return Err(Errno::EPERM.into());
        }
        target.into_string().map_err(|_| Errno::EILSEQ.into())
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::policy::FileGrant;

    /// A folder that every user may go into, with a file, a folder and links.
    fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        allow(folder.path(), 0o755);
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/file"), "").unwrap();
        for (target, name) in [
            ("a/file", "link"),
            ("../file", "a/b/up"),
            ("b/../../a/./b/..", "a/around"),
            ("/etc/passwd", "absolute"),
            ("../..", "a/out"),
            ("loop", "loop"),
            ("a/file/", "no-folder"),
            ("a/new", "dangling"),
        ] {
            symlink(target, folder.path().join(name)).unwrap();
        }
        folder
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Where a way ends: the kind of what is there, the name that nothing has, or the error.
    fn end(folder: &Path, path: &str, follows: bool, view: &View) -> String {
        let folder = File::open(folder).unwrap();
        match walk(&folder, path, follows, Aim::Open, view) {
            Ok(End::Found(found)) => format!("{:?}", found.kind),
            Ok(End::Missing(missing)) => format!("no {}", missing.name.display()),
            Err(Blocked::Hidden(hidden)) => format!("{hidden:?}"),
            Err(Blocked::Failed(error)) => format!("{:?}", Errno::from_raw(error.raw_os_error().unwrap())),
        }
    }

    #[test]
    fn a_way_ends_where_the_system_would_end_and_never_outside() {
        let folder = folder();
        let ends = |path: &str, follows| end(folder.path(), path, follows, &View::default());
        for (path, itself, followed) in [
            (".", "Folder", "Folder"),
            ("a/file", "File", "File"),
            ("./a//b/../file", "File", "File"),
            ("a/", "Folder", "Folder"),
            ("a/b/..", "Folder", "Folder"),
            ("a/..", "Folder", "Folder"),
            ("a/file/", "ENOTDIR", "ENOTDIR"),
            ("a/file/..", "ENOTDIR", "ENOTDIR"),
            ("a/file/x", "ENOTDIR", "ENOTDIR"),
            ("none", "no none", "no none"),
            ("none/x", "ENOENT", "ENOENT"),
            ("", "ENOENT", "ENOENT"),
            ("link", "Link", "File"),
            ("link/", "ENOTDIR", "ENOTDIR"),
            ("no-folder", "Link", "ENOTDIR"),
            ("a/b/up", "Link", "File"),
            ("a/around", "Link", "Folder"),
            ("a/around/file", "File", "File"),
            ("dangling", "Link", "no new"),
            ("loop", "Link", "ELOOP"),
            ("absolute", "Link", "EPERM"),
            ("a/out", "Link", "EPERM"),
            ("a/out/x", "EPERM", "EPERM"),
            ("..", "EPERM", "EPERM"),
            ("a/../..", "EPERM", "EPERM"),
            ("/etc", "EPERM", "EPERM"),
        ] {
            assert_eq!(ends(path, false), itself, "{path}");
            assert_eq!(ends(path, true), followed, "{path}");
        }
        assert_eq!(ends(&"a/".repeat(3000), false), "ENAMETOOLONG");
        assert_eq!(ends(&"a/../".repeat(800), false), "Folder");
    }

    #[test]
    fn what_is_public_is_told_by_all_folders_above_it_wherever_links_lead() {
        let folder = folder();
        let public = View { public: true, ..View::default() };
        let ends = |path: &str, follows| end(folder.path(), path, follows, &public);
        assert_eq!(ends("a/b/up", true), "File");
        fs::create_dir_all(folder.path().join("secret/open")).unwrap();
        fs::write(folder.path().join("secret/open/file"), "").unwrap();
        symlink("secret/open/file", folder.path().join("to")).unwrap();
        assert_eq!(ends("secret/open/file", false), "File");
        allow(&folder.path().join("secret"), 0o700);
        for hidden in ["secret/open/file", "secret/open", "secret/nothing", "secret/open/nothing"] {
            assert_eq!(ends(hidden, false), "NotPublic", "{hidden}");
            assert_eq!(ends(hidden, true), "NotPublic", "{hidden}");
        }
        for (shown, kind) in
            [("a/file", "File"), ("secret", "Folder"), ("nothing", "no nothing"), ("to", "Link")]
        {
            assert_eq!(ends(shown, false), kind, "{shown}");
        }
        assert_eq!(ends("to", true), "NotPublic");
        let from_top = |path: &str| end(Path::new("/"), path, false, &public);
        for hidden in ["proc/self/environ", "proc/nothing", "sys/kernel", "sys/nothing"] {
            assert_eq!(from_top(hidden), "NotPublic", "{hidden}");
        }
        // Whoever lists the folder above has to look at it.
        assert_eq!(from_top("proc"), "Folder");
        allow(folder.path(), 0o700);
        assert_eq!(end(&folder.path().join("a"), "file", false, &public), "NotPublic");
    }

    #[test]
    fn of_what_is_named_the_way_is_seen_and_nothing_beside_it() {
        let folder = folder();
        let host = folder.path().display();
        let grant: FileGrant = toml::from_str(&format!("host = '{host}'\nonly = ['a/b', 'link']")).unwrap();
        let named = View::of(&grant);
        for (path, told) in [
            ("a/b", "Folder"),
            ("a/b/x", "no x"),
            ("a", "NotNamed"),
            ("a/file", "NotNamed"),
            ("a/none", "NotNamed"),
            ("link", "NotNamed"),
            ("a/b/up", "NotNamed"),
            ("loop", "NotNamed"),
        ] {
            assert_eq!(end(folder.path(), path, true, &named), told, "{path}");
        }
    }
}
