//! Unpacking: what is in an archive comes to be in a folder.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write as _};

use failure::Error;
use host_files::errors::of_io;
use host_files::{Temporary, modes, paths};
use minion_sdk::job;

use crate::exports::minion::archive::archive::Unpacked;
use crate::modes::kept;
use crate::plan::{Becomes, Plan};
use crate::{format, names};

/// The most changes that are told in words.
const MOST_TOLD: usize = 100;
/// How much is compared and copied at once.
const PIECE: usize = 64 << 10;

/// Sees to it that all that is in an archive is in a folder.
pub(crate) fn unpack(archive: &str, folder: &str, strip: u32, most: u64) -> Result<Unpacked, Error> {
    let plan = Plan::of(archive, strip, most)?;
    let root = paths::followed(folder)?;
    let mut unpacking =
        Unpacking { root, is_dry: job::dry_run(), told: Told::default(), made: HashSet::new() };
    let own = modes::own(&unpacking.root, unpacking.is_dry)?;
    unpacking.check(&plan, own)?;
    unpacking.make_root()?;
    let (mut number, mut wished) = (0, Vec::new());
    format::each(archive, most, &mut |found, content| {
        let entry = number;
        number += 1;
        let Some(path) = names::within(&found.name, strip)? else { return Ok(()) };
        let Some(step) = plan.paths.get(&path).filter(|step| step.entry == entry) else { return Ok(()) };
        let mode = kept(found.mode, step.what == Becomes::Folder);
        unpacking.take(&path, &step.what, mode, found.size, content)?;
        if !matches!(step.what, Becomes::Link(_)) {
            wished.push((unpacking.place(&path), mode));
        }
        Ok(())
    })?;
    for (path, mode) in modes::set(wished, unpacking.is_dry)? {
        if !unpacking.made.contains(&path) {
            unpacking.told.add(format!("set the mode of {path} to {mode:04o}"));
        }
    }
    let count = u32::try_from(plan.paths.len()).unwrap_or(u32::MAX);
    let Told { words: changes, count: change_count } = unpacking.told;
    Ok(Unpacked { changed: change_count > 0, changes, change_count, count, total_bytes: plan.bytes })
}

/// What was changed, in words.
#[derive(Default)]
struct Told {
    words: Vec<String>,
    count: u32,
}

impl Told {
    fn add(&mut self, words: String) {
        self.count += 1;
        if self.words.len() < MOST_TOLD {
            self.words.push(words);
        }
    }
}

struct Unpacking {
    root: String,
    is_dry: bool,
    told: Told,
    /// What was not there before.
    made: HashSet<String>,
}

impl Unpacking {
    fn place(&self, path: &str) -> String {
        paths::join(&self.root, path)
    }

    /// Refuses to write where others could put a link meanwhile, below links that are there, and in the place of what is
    /// something else.
    fn check(&self, plan: &Plan, own: Option<u32>) -> Result<(), Error> {
        let mut folders: HashSet<String> = [self.root.clone()].into();
        for (path, step) in &plan.paths {
            let mut above = path.as_str();
            while let Some((folder, _)) = above.rsplit_once('/') {
                if !folders.insert(self.place(folder)) {
                    break;
                }
                above = folder;
            }
            if step.what == Becomes::Folder {
                folders.insert(self.place(path));
            }
        }
        let mut there = Vec::new();
        for folder in folders {
            match fs::symlink_metadata(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(of_io(&error, "look at", &folder)),
                Ok(found) if found.is_dir() => there.push(folder),
                Ok(_) => {
                    return Err(Error::Denied(format!(
                        "nothing is unpacked, because \"{folder}\" is there and is no folder"
                    )));
                }
            }
        }
        modes::check(&self.root, there, own)
    }

    fn make_root(&mut self) -> Result<(), Error> {
        if fs::symlink_metadata(&self.root).is_err() {
            if !self.is_dry {
                fs::create_dir_all(&self.root).map_err(|error| of_io(&error, "make", &self.root))?;
            }
            self.told.add(format!("made the folder {}", self.root));
        }
        Ok(())
    }

    /// Sees to it that a path is what it is to be.
    fn take(
        &mut self,
        path: &str,
        what: &Becomes,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), Error> {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.folder(above)?;
        }
        let place = self.place(path);
        match what {
            Becomes::Folder => self.folder(path),
            Becomes::File => self.file(&place, mode, size, content),
            Becomes::Copy(first) => {
                let first = self.place(first);
                let of = |error: io::Error| of_io(&error, "read", &first);
                match File::open(&first) {
                    Ok(mut file) => {
                        let size = file.metadata().map_err(of)?.len();
                        self.file(&place, mode, size, &mut file)
                    }
                    // In a dry run, the file is not there yet.
                    Err(_) if self.is_dry => {
                        self.told.add(format!("wrote {place}"));
                        Ok(())
                    }
                    Err(error) => Err(of(error)),
                }
            }
            Becomes::Link(target) => self.link(&place, target),
        }
    }

    fn folder(&mut self, path: &str) -> Result<(), Error> {
        let mut missing = Vec::new();
        let mut left = Some(path);
        while let Some(path) = left {
            let place = self.place(path);
            if self.made.contains(&place) || fs::symlink_metadata(&place).is_ok_and(|it| it.is_dir()) {
                break;
            }
            missing.push(place);
            left = path.rsplit_once('/').map(|(above, _)| above);
        }
        for place in missing.into_iter().rev() {
            if !self.is_dry {
                fs::create_dir(&place).map_err(|error| of_io(&error, "make", &place))?;
            }
            self.told.add(format!("made the folder {place}"));
            self.made.insert(place);
        }
        Ok(())
    }

    fn file(&mut self, place: &str, mode: u32, size: u64, content: &mut dyn Read) -> Result<(), Error> {
        let found = match fs::symlink_metadata(place) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(of_io(&error, "look at", place)),
        };
        let mut same = Same::default();
        if let Some(found) = &found {
            if !found.is_file() && !found.is_symlink() {
                return Err(occupied(place));
            }
            if found.is_file() && found.len() == size {
                same = Same::of(place, content)?;
                if same.is_all {
                    return Ok(());
                }
            }
        }
        if !self.is_dry {
            write(place, mode, &same, size, content)?;
        }
        if found.is_none() {
            self.made.insert(place.to_owned());
        }
        self.told.add(format!("wrote {place}"));
        Ok(())
    }

    fn link(&mut self, place: &str, target: &str) -> Result<(), Error> {
        match fs::symlink_metadata(place) {
            Ok(found) if found.is_symlink() => {
                if fs::read_link(place).is_ok_and(|there| there.to_str() == Some(target)) {
                    return Ok(());
                }
            }
            Ok(found) if !found.is_file() => return Err(occupied(place)),
            _ => {}
        }
        if !self.is_dry {
            let mut new = Temporary::beside(place)?;
            // What the system calls it otherwise is no stable name for WASI.
            #[allow(deprecated)]
            fs::soft_link(target, &new.path).map_err(|error| of_io(&error, "make", place))?;
            new.is_made = true;
            new.move_to(place)?;
        }
        self.told.add(format!("made the link {place}"));
        Ok(())
    }
}

fn occupied(place: &str) -> Error {
    Error::Invalid(format!("\"{place}\" is there, and is something else: remove it first"))
}

/// How far a file and what comes are the same.
#[derive(Default)]
struct Same {
    /// So many bytes, of which the file has the copy.
    length: u64,
    /// What came behind them, and is another.
    next: Vec<u8>,
    /// Whether nothing differs at all.
    is_all: bool,
}

impl Same {
    fn of(place: &str, content: &mut dyn Read) -> Result<Self, Error> {
        let fail = |error: io::Error| of_io(&error, "read", place);
        let mut file = File::open(place).map_err(fail)?;
        let (mut one, mut other) = (vec![0; PIECE], vec![0; PIECE]);
        let mut length = 0;
        loop {
            let read = fill(content, &mut one).map_err(fail)?;
            let there = fill(&mut file, &mut other).map_err(fail)?;
            if one[..read] != other[..there] {
                one.truncate(read);
                return Ok(Self { length, next: one, is_all: false });
            }
            if read == 0 {
                return Ok(Self { length, next: Vec::new(), is_all: true });
            }
            length += read as u64;
        }
    }
}

fn fill(from: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match from.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Writes a file beside its place, and puts it there.
fn write(place: &str, mode: u32, same: &Same, size: u64, content: &mut dyn Read) -> Result<(), Error> {
    let fail = |error: io::Error| of_io(&error, "write", place);
    let mut new = Temporary::beside(place)?;
    let mut file = File::options().write(true).create_new(true).open(&new.path).map_err(fail)?;
    new.is_made = true;
    // Before anything is in it, so that nobody reads it who may not.
    modes::narrow(&new.path, mode)?;
    if same.length > 0 {
        let before = File::open(place).map_err(fail)?;
        io::copy(&mut before.take(same.length), &mut file).map_err(fail)?;
    }
    file.write_all(&same.next).map_err(fail)?;
    let copied = io::copy(content, &mut file).map_err(fail)?;
    if same.length + same.next.len() as u64 + copied != size {
        return Err(Error::Invalid(format!("what is to be in \"{place}\" has another size than it says")));
    }
    file.flush().map_err(fail)?;
    drop(file);
    new.move_to(place)
}
