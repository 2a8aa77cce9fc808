//! How full file systems are, as `df` tells.

use failure::{Error, failed, run};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Blocks, which are told in bytes.
    Bytes,
    /// What files there are and could be.
    Inodes,
}

/// One file system, of which there is so much, and so much is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Where it is mounted.
    pub path: String,
    /// What is mounted.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// How much there is.
    pub size: u64,
    /// How much of that is used.
    pub used: u64,
    /// How much of it others than root could still have.
    pub available: u64,
}

/// The file systems, or the one that a path is in. The policies that modules suggest have the same words.
///
/// # Errors
/// Where `df` cannot be run, or tells of none.
pub fn file_systems(path: Option<&str>, counted: Counted) -> Result<Vec<FileSystem>, Error> {
    let (option, unit) = match counted {
        Counted::Bytes => ("-k", 1024),
        Counted::Inodes => ("-i", 1),
    };
    let mut argv = vec!["df", "-P", "-T", option];
    argv.extend(path.iter().flat_map(|path| ["--", path]));
    let output = run(&argv)?;
    let text = output.stdout_text();
    let found: Vec<FileSystem> = text.lines().filter_map(|text| line(text, unit)).collect();
    // It fails where one of many cannot be looked at, and tells all others.
    if found.is_empty() && !output.success() { Err(failed(&argv, &output)) } else { Ok(found) }
}

/// One line of `df`: source, type, size, used, available, percentage, path. The first and the last may have spaces.
fn line(text: &str, unit: u64) -> Option<FileSystem> {
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
    let counted = |blocks: i64| u64::try_from(blocks).unwrap_or(0).saturating_mul(unit);
    Some(FileSystem {
        path: path.trim_start().to_owned(),
        source: source.join(" "),
        kind,
        size: counted(size),
        used: counted(used),
        available: counted(available),
    })
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn lines_of_df_are_taken_apart_from_their_numbers_on() {
        let all = "Filesystem     Type     1024-blocks     Used Available Capacity Mounted on\n\
                   /dev/vda       ext4       264090856 30801664 233289192      12% /\n\
                   //nas/my share cifs              10        4         6      40% /mnt/my share\n\
                   full           tmpfs             10       11        -1     100% /x\n\
                   proc           proc               0        0         0        - /proc\n";
        let _host = Host::new()
            .program(&["df", "-P", "-T", "-k"], Output::printed(all, 0))
            .program(&["df", "-P", "-T", "-i", "--", "/"], Output::printed(all, 1));
        let found = file_systems(None, Counted::Bytes).expect("told");
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
        assert_eq!((found[2].used, found[2].available), (11 * 1024, 0));
        let found = file_systems(Some("/"), Counted::Inodes).expect("told");
        assert_eq!(found[0].size, 264_090_856);
    }
}
