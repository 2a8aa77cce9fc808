//! Opening files and folders, and making files.
//!
//! The thing that is opened is the one that was found on the way there: it is opened by the descriptor that holds
//! it, and never again by its name. Nothing is waited for, neither the other end of a pipe nor another process
//! that has a lease on a file.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, OpenFlags};
use wasmtime_wasi::p3::bindings::filesystem::types as wasi_0_3;
use wasmtime_wasi::runtime::spawn_blocking;

use super::kind::Kind;
use super::look::Look;
use super::looks::Way;
use super::refusal::Refusal;
use super::view::View;
use super::walk::{Aim, Blocked, End, Found, Missing};
use super::{Handle, OpenFile};
use crate::policy::Symlinks;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// How often a thing is looked for that others make and remove meanwhile.
const TRIES: usize = 4;
/// The permissions of a file that is made, within those that the minion's own `umask` leaves.
const NEW: Mode = Mode::from_bits_truncate(0o666);

/// How something is to be opened, in the words of WASI 0.2.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Whether the last link of the path is followed.
    pub(super) follows: bool,
    /// What is done where the thing exists, and where it does not.
    pub(super) open: OpenFlags,
    /// What it is opened for.
    pub(super) flags: DescriptorFlags,
}

impl How {
    /// What is done where the thing exists or does not, in the words of WASI 0.2.
    pub(super) fn of_open_flags(flags: wasi_0_3::OpenFlags) -> OpenFlags {
        use wasi_0_3::OpenFlags as Flags;
        let same = [
            (Flags::CREATE, OpenFlags::CREATE),
            (Flags::DIRECTORY, OpenFlags::DIRECTORY),
            (Flags::EXCLUSIVE, OpenFlags::EXCLUSIVE),
            (Flags::TRUNCATE, OpenFlags::TRUNCATE),
        ];
        let set = same.into_iter().filter(|(flag, _)| flags.contains(*flag));
        set.fold(OpenFlags::empty(), |all, (_, flag)| all | flag)
    }

    /// What something is opened for, in the words of WASI 0.2.
    pub(super) fn of_flags(flags: wasi_0_3::DescriptorFlags) -> DescriptorFlags {
        use wasi_0_3::DescriptorFlags as Flags;
        let same = [
            (Flags::READ, DescriptorFlags::READ),
            (Flags::WRITE, DescriptorFlags::WRITE),
            (Flags::FILE_INTEGRITY_SYNC, DescriptorFlags::FILE_INTEGRITY_SYNC),
            (Flags::DATA_INTEGRITY_SYNC, DescriptorFlags::DATA_INTEGRITY_SYNC),
            (Flags::REQUESTED_WRITE_SYNC, DescriptorFlags::REQUESTED_WRITE_SYNC),
            (Flags::MUTATE_DIRECTORY, DescriptorFlags::MUTATE_DIRECTORY),
        ];
        let set = same.into_iter().filter(|(flag, _)| flags.contains(*flag));
        set.fold(DescriptorFlags::empty(), |all, (_, flag)| all | flag)
    }

    /// Whether it changes something, or opens something to be changed.
    pub(super) fn writes(&self) -> bool {
        self.open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || self.flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY)
    }

    fn look(&self) -> Look {
        if self.writes() { Look::Written } else { Look::of(self.follows) }
    }

    /// Whether a thing that exists must not be opened.
    fn makes_only(&self) -> bool {
        self.open.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE)
    }

    /// What is done with the content of what is opened.
    fn mode(&self) -> OpenMode {
        let writes = self.open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || self.flags.contains(DescriptorFlags::WRITE);
        let reads =
            self.flags.contains(DescriptorFlags::READ) || !self.flags.contains(DescriptorFlags::WRITE);
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::WRITE, writes);
        mode.set(OpenMode::READ, reads);
        mode
    }

    /// Whether all of this can be asked for at once, and of this folder.
    fn check(&self, folder: &Dir) -> io::Result<()> {
        let made = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if self.flags.intersects(synced) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if self.open.contains(OpenFlags::DIRECTORY) && self.open.intersects(made) {
            return Err(Errno::EINVAL.into());
        }
        if folder.perms.write_not_permitted() && self.mode().contains(OpenMode::WRITE) {
            return Err(Errno::EPERM.into());
        }
        Ok(())
    }

    /// Opens what was found.
    fn found(&self, found: &Found) -> io::Result<File> {
        if self.makes_only() {
            return Err(Errno::EEXIST.into());
        }
        match found.kind {
            Kind::Link => return Err(Errno::ELOOP.into()),
            // Other kinds may not be opened, and are refused before: only a defect of ours comes here.
            Kind::Other => return Err(Errno::EPERM.into()),
            Kind::File if self.open.contains(OpenFlags::CREATE) && found.is_planted => {
                return Err(Errno::EACCES.into());
            }
            Kind::File if self.open.contains(OpenFlags::DIRECTORY) => return Err(Errno::ENOTDIR.into()),
            Kind::Folder if self.open.contains(OpenFlags::CREATE) => return Err(Errno::EISDIR.into()),
            Kind::File | Kind::Folder => (),
        }
        let mode = self.mode();
        fs::OpenOptions::new()
            .read(mode.contains(OpenMode::READ))
            .write(mode.contains(OpenMode::WRITE))
            .truncate(self.open.contains(OpenFlags::TRUNCATE))
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(format!("/proc/self/fd/{}", found.file.as_raw_fd()))
    }

    /// Makes the file that is missing. Returns `None` where another process has made it meanwhile.
    fn missing(&self, missing: &Missing) -> io::Result<Option<File>> {
        if !self.open.contains(OpenFlags::CREATE) {
            return Err(Errno::ENOENT.into());
        }
        if missing.as_folder {
            return Err(Errno::EISDIR.into());
        }
        let access = if self.mode().contains(OpenMode::READ) { OFlag::O_RDWR } else { OFlag::O_WRONLY };
        let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        match openat(&missing.folder, missing.name.as_os_str(), access | new, NEW) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::EEXIST) if !self.makes_only() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Something that a guest wants to open.
pub(super) struct Opening {
    /// The path by which the guest knows it.
    path: String,
    /// What the guest would do, in words for the audit log and dry runs.
    words: String,
    /// What the guest would do.
    look: Look,
    /// How it is to be opened.
    how: How,
    /// The way there, or why there is none.
    way: Result<Way, Blocked>,
    /// The granted folder, the links and the view of the folder that it is opened from, which also hold below it.
    below: (Option<Arc<File>>, Symlinks, View),
}

/// What lies at the end of the way.
pub(super) type Walked = Result<(Way, End), Blocked>;

/// Something that a guest may open, if it exists.
pub(super) struct Allowed {
    how: How,
    end: io::Result<(Way, End)>,
    /// What to remember of it once it is open.
    file: OpenFile,
}

/// Something that was opened for a guest, or why not, with what to remember of it.
pub(super) struct Opened {
    descriptor: io::Result<Descriptor>,
    file: OpenFile,
}

impl Opening {
    /// Goes the way to it.
    pub(super) async fn walked(&mut self) -> Walked {
        let nowhere = Err(Blocked::from(Errno::ENOENT));
        let way = std::mem::replace(&mut self.way, nowhere)?;
        let end = way.walked().await?;
        Ok((way, end))
    }
}

impl Allowed {
    /// Opens it, on a thread that may block.
    pub(super) async fn opened(self) -> Opened {
        let Self { how, end, file } = self;
        let descriptor = match end {
            Ok((way, end)) => spawn_blocking(move || open(&way, how, end)).await,
            Err(error) => Err(error),
        };
        Opened { descriptor, file }
    }
}

/// Opens the thing at the end of a way, or makes it.
fn open(way: &Way, how: How, mut end: End) -> io::Result<Descriptor> {
    how.check(&way.folder)?;
    let (perms, mode) = (way.folder.perms, how.mode());
    for _ in 0..TRIES {
        match end {
            End::Found(found) => {
                let file = how.found(&found)?;
                return Ok(match found.kind {
                    Kind::Folder => Descriptor::Dir(Dir::new(file, perms, mode, false)),
                    _ => Descriptor::File(WasiFile::new(file, perms, mode, false)),
                });
            }
            End::Missing(missing) => {
                if let Some(file) = how.missing(&missing)? {
                    return Ok(Descriptor::File(WasiFile::new(file, perms, mode, false)));
                }
            }
        }
        end = way.walk().map_err(|blocked| match blocked {
            Blocked::Failed(error) => error,
            Blocked::Hidden(_) => Errno::EPERM.into(),
        })?;
    }
    Err(Errno::EEXIST.into())
}

impl Guest {
    /// What a guest wants to open, as far as that can be told from its name. The error ends the guest.
    pub(super) fn opening(&self, folder: &Handle, path: &str, how: How) -> wasmtime::Result<Opening> {
        let full = self.path(folder, path);
        let words = format!("{} {full}", if how.writes() { "write" } else { "read" });
        let follows = how.follows && !how.makes_only();
        let way = self.way(folder, path, follows, Aim::Open)?;
        let parent = self.files.open.get(&folder.rep());
        let below = parent.map(|open| (open.granted.clone(), open.symlinks, open.view.below()));
        let below = below.unwrap_or((None, Symlinks::Refused, View::default()));
        Ok(Opening { path: full, words, look: how.look(), how, way, below })
    }

    /// Whether it may be opened, now that it is known what is there.
    pub(super) fn may_open(&mut self, opening: &Opening, walked: Walked) -> Result<Allowed, Refusal> {
        let Opening { path, words, look, how, .. } = opening;
        let end = match walked {
            Err(Blocked::Hidden(hidden)) => return Err(self.hidden(path, *look, hidden)),
            Err(Blocked::Failed(error)) => Err(error),
            Ok(end) => Ok(end),
        };
        if let Ok((_, End::Found(found))) = &end {
            if found.kind == Kind::Other {
                return Err(self.refuse(words));
            }
            if !found.is_shown {
                return Err(self.not_public(path, words));
            }
        }
        if *look == Look::Written {
            self.may_change(words)?;
        }
        let descriptor = self.one_more(words)?;
        let (granted, symlinks, view) = opening.below.clone();
        let file =
            OpenFile { path: path.clone(), granted, symlinks, view, descriptor: Some(descriptor.into()) };
        Ok(Allowed { how: *how, end, file })
    }

    /// Remembers what was opened, under a handle of the guest's. A refusal for lack of a grant goes to the audit
    /// log. The outer error ends the guest.
    pub(super) fn opened(
        &mut self,
        opening: &Opening,
        opened: Opened,
    ) -> wasmtime::Result<io::Result<Handle>> {
        let Opened { descriptor, file } = opened;
        let descriptor = match descriptor {
            Ok(descriptor) => descriptor,
            Err(error) => {
                if error.raw_os_error() == Some(Errno::EPERM as i32) {
                    self.refused(opening.look, &opening.words);
                }
                return Ok(Err(error));
            }
        };
        let handle = self.table.push(descriptor)?;
        self.files.open.insert(handle.rep(), file);
        Ok(Ok(handle))
    }

    /// A hold on one more descriptor.
    fn one_more(&mut self, words: &str) -> Result<Hold, Refusal> {
        let mut taken = self.holdings.descriptors.take(1);
        if taken.is_err() {
            // Streams that ended since this was last called give their descriptors back.
            self.files.streamed.held();
            taken = self.holdings.descriptors.take(1);
        }
        taken.map_err(|error| {
            self.job.log.warn(format!("cannot {words}: {}", error.of_descriptors()));
            Refusal::NoDescriptor
        })
    }
}
