//! Packing: an archive comes to have what is in a folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};

use failure::{Error, Kind, Timestamp};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use host_files::errors::of_io;
use host_files::reading::{digest, hexadecimal};
use host_files::status::{self, Status};
use host_files::{Temporary, modes, paths, search};
use minion_sdk::{job, log};
use sha2::{Digest as _, Sha256};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use crate::exports::minion::archive::archive::{Format, Packed};
use crate::zstd;

/// The most entries that are packed.
const MOST: usize = 100_000;
/// Ends of names, and what they are of.
const ENDS: [(&str, Format); 6] = [
    (".tar", Format::Tar),
    (".tar.gz", Format::TarGz),
    (".tgz", Format::TarGz),
    (".tar.zst", Format::TarZst),
    (".tzst", Format::TarZst),
    (".zip", Format::Zip),
];

/// Sees to it that an archive has what is in a folder.
pub(crate) fn pack(folder: &str, path: &str, format: Option<Format>) -> Result<Packed, Error> {
    let (folder, path) = (paths::followed(folder)?, paths::place(path)?);
    let by_name = || ENDS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, format)| *format);
    let format = format.or_else(by_name).ok_or_else(|| {
        Error::Invalid(format!("the name of \"{path}\" says no format: end it so, as .tar.zst, or give one"))
    })?;
    if path.starts_with(&format!("{}/", folder.trim_end_matches('/'))) {
        return Err(Error::Invalid(format!("\"{path}\" lies in the folder that it is to have in it")));
    }
    let before = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => Some(digest::<Sha256>(&path)?),
        Ok(_) => return Err(Error::Invalid(format!("\"{path}\" is there, and is no file"))),
        Err(_) => None,
    };
    let entries = entries(&folder)?;
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let written = if job::dry_run() {
        Written { inner: io::sink(), digest: Sha256::new(), size: 0 }.fill(&folder, &entries, format)?
    } else {
        write(&path, &folder, &entries, format, before.as_deref())?
    };
    let (size, sha256) = written;
    let changed = before.as_deref() != Some(&sha256);
    let changes =
        if changed { vec![format!("packed {count} entries in {size} bytes into {path}")] } else { vec![] };
    Ok(Packed { changed, changes, count, size, sha256 })
}

/// Writes an archive beside its place, and puts it there if it is another than what is there.
fn write(
    path: &str,
    folder: &str,
    entries: &[Status],
    format: Format,
    before: Option<&str>,
) -> Result<(u64, String), Error> {
    let fail = |error: io::Error| of_io(&error, "write", path);
    let (above, _) = paths::split(path).unwrap_or(("/", ""));
    modes::check(above, vec![above.to_owned()], modes::own(above, false)?)?;
    let mut new = Temporary::beside(path)?;
    let file = File::options().write(true).create_new(true).open(&new.path).map_err(fail)?;
    new.is_made = true;
    // Before anything is in it: what is packed may be for nobody else.
    modes::narrow(&new.path, 0o600)?;
    let kept = file.try_clone();
    let written = Written { inner: file, digest: Sha256::new(), size: 0 }.fill(folder, entries, format)?;
    if before != Some(&written.1) {
        // Not every file system can do that.
        let _ = kept.and_then(|file| file.sync_all());
        new.put(path)?;
    }
    Ok(written)
}

/// What is in a folder and below it, by path.
fn entries(folder: &str) -> Result<Vec<Status>, Error> {
    let found = search::find(folder, "**", None, MOST)?;
    if found.more || found.hidden > 0 {
        return Err(Error::Denied(format!(
            "\"{folder}\" has more than {MOST} entries in it, or folders that this module may not look into"
        )));
    }
    let paths: Vec<String> = found.matches.into_iter().map(|found| found.path).collect();
    let mut all = status::all(&paths)?;
    all.retain(|status| {
        let is_packed = status.kind != Kind::Other;
        if !is_packed {
            log::warn!("left out {}, which is a device, a pipe or a socket", status.path);
        }
        is_packed
    });
    for status in all.iter_mut().filter(|status| status.kind == Kind::Link) {
        status.target = paths::target(&status.path)?;
    }
    Ok(all)
}

/// What is written, with its sum.
struct Written<W> {
    inner: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Written<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.digest.update(&bytes[..length]);
        self.size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Written<W> {
    /// Writes all of an archive, and gives back its size and its sum.
    fn fill(self, folder: &str, entries: &[Status], format: Format) -> Result<(u64, String), Error> {
        let fail = |error: io::Error| Error::Other(format!("the archive cannot be written: {error}"));
        let written = match format {
            Format::Zip => zip(self, folder, entries)?,
            Format::Tar => tar(self, folder, entries)?,
            Format::TarGz => {
                let gz: GzEncoder<_> = GzBuilder::new().write(self, Compression::default());
                tar(gz, folder, entries)?.finish().map_err(fail)?
            }
            Format::TarZst => tar(zstd::Writer::new(self), folder, entries)?.finish().map_err(fail)?,
        };
        let mut written = written;
        written.flush().map_err(fail)?;
        Ok((written.size, hexadecimal(&written.digest.finalize())))
    }
}

/// The name of an entry in the archive.
fn name<'a>(folder: &str, status: &'a Status) -> &'a str {
    status.path[folder.len()..].trim_start_matches('/')
}

/// What is in a file, which is to have as many bytes as were announced.
fn open(status: &Status, number: usize, total: usize) -> Result<impl Read, Error> {
    if job::cancelled() {
        return Err(Error::Cancelled);
    }
    job::progress(number as u64, total as u64, "packing");
    File::open(&status.path).map_err(|error| of_io(&error, "read", &status.path))
}

fn bits(status: &Status) -> u32 {
    u32::from_str_radix(&status.permissions.mode, 8).unwrap_or(0o600)
}

fn tar<W: Write>(writer: W, folder: &str, entries: &[Status]) -> Result<W, Error> {
    let mut tar = tar::Builder::new(writer);
    for (number, status) in entries.iter().enumerate() {
        let fail = |error: io::Error| Error::Other(format!("\"{}\" cannot be packed: {error}", status.path));
        let mut header = tar::Header::new_gnu();
        header.set_mode(bits(status));
        header.set_mtime(u64::try_from(status.modified.seconds).unwrap_or_default());
        header.set_uid(status.permissions.uid.into());
        header.set_gid(status.permissions.gid.into());
        // Names that do not fit are left out: the numbers are there.
        let _ = header.set_username(&status.permissions.user);
        let _ = header.set_groupname(&status.permissions.group);
        let name = name(folder, status);
        header.set_size(0);
        match (status.kind, &status.target) {
            (Kind::Folder, _) => {
                header.set_entry_type(tar::EntryType::Directory);
                tar.append_data(&mut header, format!("{name}/"), io::empty()).map_err(fail)?;
            }
            (Kind::Link, Some(target)) => {
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, name, target).map_err(fail)?;
            }
            _ => {
                header.set_size(status.size);
                let content = open(status, number, entries.len())?;
                tar.append_data(&mut header, name, Whole::of(content, status)).map_err(fail)?;
            }
        }
    }
    tar.into_inner().map_err(|error| Error::Other(format!("the archive cannot be written: {error}")))
}

fn zip<W: Write>(writer: W, folder: &str, entries: &[Status]) -> Result<W, Error> {
    let mut zip = ZipWriter::new_stream(writer);
    for (number, status) in entries.iter().enumerate() {
        let fail = |error: &dyn std::fmt::Display| {
            Error::Other(format!("\"{}\" cannot be packed: {error}", status.path))
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(status.size >= u32::MAX.into())
            .last_modified_time(date(&status.modified))
            .unix_permissions(bits(status));
        let name = name(folder, status);
        match (status.kind, &status.target) {
            (Kind::Folder, _) => zip.add_directory(name, options).map_err(|error| fail(&error))?,
            (Kind::Link, Some(target)) => {
                zip.add_symlink(name, target, options).map_err(|error| fail(&error))?;
            }
            _ => {
                let content = open(status, number, entries.len())?;
                zip.start_file(name, options).map_err(|error| fail(&error))?;
                io::copy(&mut Whole::of(content, status), &mut zip).map_err(|error| fail(&error))?;
            }
        }
    }
    let written =
        zip.finish().map_err(|error| Error::Other(format!("the archive cannot be written: {error}")))?;
    Ok(written.into_inner())
}

/// A time as zips have it, in UTC: of 1980 to 2107.
fn date(time: &Timestamp) -> DateTime {
    let numbers: Vec<u16> =
        time.text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    let small =
        |index: usize| numbers.get(index).and_then(|number| u8::try_from(*number).ok()).unwrap_or_default();
    let year = numbers.first().copied().unwrap_or_default();
    DateTime::from_date_and_time(year, small(1), small(2), small(3), small(4), small(5)).unwrap_or_default()
}

/// Content of which as much is read as was announced: a file that grows meanwhile is cut there, and one that shrinks is an
/// error.
struct Whole<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Whole<R> {
    fn of(inner: R, status: &Status) -> Self {
        Self { inner, left: status.size }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.inner.read(&mut buffer[..most])? {
            0 => Err(io::Error::other("it has less in it than a moment ago")),
            length => {
                self.left -= length as u64;
                Ok(length)
            }
        }
    }
}
