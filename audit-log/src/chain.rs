//! One line of an audit log: an entry, and the digest that chains it to the one before.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use machine::clock::{now_ms, rfc3339};
use serde_json::{Value, json};
use wire::digest::Digest;
use wire::document::json_text::json_text;

/// An entry with its time, on one line that is harmless on a screen.
pub fn entry(said: Value) -> String {
    let mut timed = json!({ "time": rfc3339(now_ms()) });
    if let (Value::Object(timed), Value::Object(said)) = (&mut timed, said) {
        timed.extend(said);
    }
    // What is a JSON value already can always be written as text.
    json_text(&timed).unwrap_or_else(|_| timed.to_string())
}

/// The longest line that is read, in bytes.
pub(crate) const MAX_LINE: u64 = 16 << 20;

/// The line for an entry that comes behind the chain `before`, and its own chain.
pub(super) fn line(before: &Digest, entry: &str) -> (String, Digest) {
    let chain = next(before, entry);
    let open = entry.strip_suffix('}').unwrap_or(entry);
    (format!("{open}{MEMBER}{chain}{END}\n"), chain)
}

/// The chain of an entry that comes behind the chain `before`.
pub(super) fn next(before: &Digest, entry: &str) -> Digest {
    Digest::of(&[before.as_bytes().as_slice(), entry.as_bytes()].concat())
}

/// The entry of a line, as it was added, and its chain; `None` where the line is no entry.
pub(super) fn parse(line: &str) -> Option<(String, Digest)> {
    let (open, chain) = line.strip_suffix('\n')?.strip_suffix(END)?.rsplit_once(MEMBER)?;
    Some((format!("{open}}}"), chain.parse().ok()?))
}

/// The first entry of a file that goes on from another one, which has this number and ended with this chain.
pub(super) fn continuation(number: u64, after: &Digest) -> String {
    format!("{CONTINUES}{number}{AFTER}{after}{CLOSES}")
}

/// The number and the last chain of the file that an entry says it goes on from; `None` of any other entry.
pub(super) fn continued(entry: &str) -> Option<(u64, Digest)> {
    let (number, after) = entry.strip_prefix(CONTINUES)?.strip_suffix(CLOSES)?.split_once(AFTER)?;
    Some((number.parse().ok()?, after.parse().ok()?))
}

/// The length of the whole lines of a file, and the chain of the last one.
pub(super) fn tail(file: &mut File) -> io::Result<(u64, Digest)> {
    let all = file.metadata()?.len();
    let mut looked_at = BLOCK.min(all);
    loop {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(all - looked_at))?;
        file.take(looked_at).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let start = bytes[..end.saturating_sub(1)].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        // The whole of the last line is there if the end of the one before is, or there is none before.
        if end > 0 && (start.is_some() || looked_at == all) {
            let line = String::from_utf8_lossy(&bytes[start.unwrap_or(0)..end]);
            // Behind a spoiled line a new chain begins, and the check says where.
            let chain = parse(&line).map_or(Digest::ZERO, |(_, chain)| chain);
            return Ok((all - looked_at + end as u64, chain));
        }
        if looked_at == all {
            return Ok((0, Digest::ZERO));
        }
        looked_at = (looked_at * 2).min(all);
    }
}

const MEMBER: &str = ",\"chain\":\"";
const END: &str = "\"}";
const CONTINUES: &str = "{\"event\":\"continued\",\"file\":";
const AFTER: &str = ",\"after\":\"";
const CLOSES: &str = "\"}";
/// How many bytes of a file's end are looked at first.
pub(super) const BLOCK: u64 = 16 << 10;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_whole_line_is_found_however_much_was_cut_off_behind_it() {
        let (first, chain) = line(&Digest::ZERO, "{\"n\":1}");
        let (second, chain) = line(&chain, "{\"n\":2}");
        let whole = first + &second;
        // The block that is looked at first begins before, within and behind the chain of the line.
        for cut_off in (0..3).chain(BLOCK as usize - 120..BLOCK as usize + 3) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(whole.as_bytes()).unwrap();
            file.write_all(&vec![b'x'; cut_off]).unwrap();
            assert_eq!(tail(&mut file).unwrap(), (whole.len() as u64, chain), "{cut_off} bytes cut off");
        }
    }
}
