//! Reading files, as much of them as fits into an answer.

use std::io::{Read, Seek as _, SeekFrom};

use failure::Error;
use host_files::errors::of_io;
use host_files::reading::{digest, open};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::exports::minion::files::files::Algorithm;

/// The most bytes of one answer.
const MOST: u64 = 1 << 20;
/// The most lines of one answer.
const MOST_LINES: u32 = 1000;
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// The text of a file, or of a part of it.
pub(crate) fn text(path: &str, offset: Option<u64>, length: Option<u64>) -> Result<String, Error> {
    let bytes = bytes(path, offset, length)?;
    let valid = match std::str::from_utf8(&bytes) {
        Ok(_) => bytes.len(),
        // The last character goes on behind the end of the part.
        Err(error) if error.error_len().is_none() && length.is_some() && error.valid_up_to() > 0 => {
            error.valid_up_to()
        }
        Err(error) => {
            let place = offset.unwrap_or(0) + error.valid_up_to() as u64;
            return Err(Error::Invalid(format!(
                "\"{path}\" is no UTF-8 text from byte {place} on: `files.read-bytes` reads any file"
            )));
        }
    };
    Ok(String::from_utf8_lossy(&bytes[..valid]).into_owned())
}

/// The bytes of a file, or of a part of it.
pub(crate) fn bytes(path: &str, offset: Option<u64>, length: Option<u64>) -> Result<Vec<u8>, Error> {
    let (mut file, found) = open(path)?;
    if let Some(length) = length.filter(|length| *length > MOST) {
        return Err(Error::Invalid(format!(
            "{length} bytes are more than one answer has: ask for {MOST} at most"
        )));
    }
    let fail = |error| of_io(&error, "read", path);
    file.seek(SeekFrom::Start(offset.unwrap_or(0))).map_err(fail)?;
    let mut bytes = Vec::new();
    // One more than fits tells whether there is more; the size of a file that the system makes up is 0.
    file.take(length.unwrap_or(MOST + 1)).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MOST {
        return Err(Error::Invalid(format!(
            "\"{path}\" has {} bytes, and one answer {MOST} at most: give `offset` and `length`, or use `files.tail`",
            found.len()
        )));
    }
    Ok(bytes)
}

/// All of a text file that is edited or compared, which has so many bytes at most.
pub(crate) fn whole(path: &str, most: u64) -> Result<String, Error> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| of_io(&error, "read", path))?;
    if bytes.len() as u64 > most {
        return Err(Error::Invalid(format!("\"{path}\" has more than the {most} bytes that this takes")));
    }
    String::from_utf8(bytes).map_err(|_| Error::Invalid(format!("\"{path}\" is no UTF-8 text")))
}

/// The last lines of a file.
pub(crate) fn tail(path: &str, lines: Option<u32>) -> Result<Vec<String>, Error> {
    let lines = lines.unwrap_or(50).min(MOST_LINES) as usize;
    let fail = |error| of_io(&error, "read", path);
    let (mut file, found) = open(path)?;
    let size = found.len();
    let mut start = size;
    let mut bytes = Vec::new();
    // Until there is one line end more than lines, or the beginning.
    while start > 0 && size - start < MOST && line_ends(&bytes) <= lines {
        let from = start.saturating_sub(PIECE as u64);
        file.seek(SeekFrom::Start(from)).map_err(fail)?;
        let mut piece = Vec::new();
        Read::by_ref(&mut file).take(start - from).read_to_end(&mut piece).map_err(fail)?;
        piece.append(&mut bytes);
        (bytes, start) = (piece, from);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut all: Vec<&str> = text.lines().collect();
    // The first one may have begun before what was read.
    if start > 0 && !all.is_empty() {
        all.remove(0);
    }
    let first = all.len().saturating_sub(lines);
    Ok(all[first..].iter().map(|line| (*line).to_owned()).collect())
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The checksum of a file.
pub(crate) fn checksum(path: &str, algorithm: Algorithm) -> Result<String, Error> {
    match algorithm {
        Algorithm::Sha256 => digest::<Sha256>(path),
        Algorithm::Sha512 => digest::<Sha512>(path),
        Algorithm::Sha1 => digest::<Sha1>(path),
        Algorithm::Md5 => digest::<Md5>(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> String {
        let path =
            std::env::temp_dir().canonicalize().unwrap().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn parts_of_a_text_are_cut_between_characters() {
        let path = file("parts", "aßb\u{1f600}".as_bytes());
        let read = |offset, length| text(&path, offset, length);
        assert_eq!(read(None, None).unwrap(), "aßb\u{1f600}");
        assert_eq!(read(None, Some(2)).unwrap(), "a");
        assert_eq!(read(Some(1), Some(2)).unwrap(), "ß");
        assert_eq!(read(Some(100), None).unwrap(), "");
        assert!(matches!(read(Some(2), None), Err(Error::Invalid(told)) if told.contains("from byte 2 on")));
        assert!(matches!(read(None, Some(MOST + 1)), Err(Error::Invalid(_))));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_last_lines_are_whole_ones() {
        let text: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        let path = file("tail", text.as_bytes());
        assert_eq!(tail(&path, Some(2)).unwrap(), ["line 99998", "line 99999"]);
        let all = tail(&path, Some(u32::MAX)).unwrap();
        assert_eq!((all.len(), all[0].as_str()), (1000, "line 99000"));
        assert_eq!(tail(&path, Some(0)).unwrap(), [""; 0]);
        std::fs::write(&path, "no end").unwrap();
        assert_eq!(tail(&path, None).unwrap(), ["no end"]);
        std::fs::write(&path, "").unwrap();
        assert_eq!(tail(&path, None).unwrap(), [""; 0]);
        std::fs::write(&path, "x".repeat(3 << 20) + "\nend\n").unwrap();
        assert_eq!(tail(&path, None).unwrap(), ["end"]);
        std::fs::remove_file(path).unwrap();
    }
}
