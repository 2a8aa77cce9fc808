//! How full disks are: `df` and `du`.

use std::fs;

use failure::{Error, run};
use minion_sdk::job;

use crate::errors::of_io;
use crate::exports::minion::files::files::{FileSystem, Usage};
use crate::paths;

/// Both count in these.
const BLOCK: u64 = 1024;

/// What a folder takes.
pub(crate) fn usage(path: &str) -> Result<Usage, Error> {
    let path = seen(path)?;
    job::progress(0, 0, "counting what is in the folder");
    let argv = ["du", "-s", "-k", "-x", "--", &path];
    let output = run(&argv)?;
    let text = output.stdout_text();
    let blocks = text.split_whitespace().next().and_then(|blocks| blocks.parse::<u64>().ok());
    match blocks.and_then(|blocks| blocks.checked_mul(BLOCK)) {
        Some(size) => Ok(Usage { path, size, complete: output.success() }),
        None => Err(failure::failed(&argv, &output)),
    }
}

/// The file systems, or the one that a path is in.
pub(crate) fn file_systems(path: Option<&str>) -> Result<Vec<FileSystem>, Error> {
    let path = path.map(seen).transpose()?;
    let mut argv = vec!["df", "-P", "-T", "-k"];
    argv.extend(path.iter().flat_map(|path| ["--", path]));
    let output = run(&argv)?;
    let found: Vec<FileSystem> = output.stdout_text().lines().filter_map(line).collect();
    // It fails where one of many cannot be looked at, and tells all others.
    if found.is_empty() && !output.success() { Err(failure::failed(&argv, &output)) } else { Ok(found) }
}

/// The path of what there is and may be seen, wherever links lead.
fn seen(path: &str) -> Result<String, Error> {
    let path = paths::followed(path)?;
    fs::symlink_metadata(&path).map_err(|error| of_io(&error, "look at", &path))?;
    Ok(path)
}

/// One line of `df`: source, type, size, used, available, percentage, path. The first and the last may have spaces.
fn line(text: &str) -> Option<FileSystem> {
    let (rest, path) = text.split_once("% ").or_else(|| text.split_once(" - "))?;
    let mut words = rest.split_whitespace().rev();
    // Without a percentage, as for what has no size, there is no word of it left.
    if text.contains("% ") {
        words.next();
    }
    let mut number = || words.next()?.parse::<i64>().ok();
    let (available, used, size) = (number()?, number()?, number()?);
    let kind = words.next()?.to_owned();
    let mut source: Vec<&str> = words.collect();
    source.reverse();
    let bytes = |blocks: i64| u64::try_from(blocks).unwrap_or(0).saturating_mul(BLOCK);
    Some(FileSystem {
        path: path.trim_start().to_owned(),
        source: source.join(" "),
        kind,
        size: bytes(size),
        used_bytes: bytes(used),
        available_bytes: bytes(available),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_df_are_taken_apart_from_their_numbers_on() {
        let all = "Filesystem     Type     1024-blocks     Used Available Capacity Mounted on\n\
                   /dev/vda       ext4       264090856 30801664 233289192      12% /\n\
                   //nas/my share cifs              10        4         6      40% /mnt/my share\n\
                   full           tmpfs             10       11        -1     100% /x\n\
                   proc           proc               0        0         0        - /proc\n";
        let found: Vec<FileSystem> = all.lines().filter_map(line).collect();
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.path.as_str(), it.source.as_str(), it.kind.as_str(), it.size))
            .collect();
        assert_eq!(
            told,
            [
                ("/", "/dev/vda", "ext4", 264_090_856 * 1024),
                ("/mnt/my share", "//nas/my share", "cifs", 10 * 1024),
                ("/x", "full", "tmpfs", 10 * 1024),
                ("/proc", "proc", "proc", 0),
            ]
        );
        assert_eq!((found[2].used_bytes, found[2].available_bytes), (11 * 1024, 0));
    }
}
