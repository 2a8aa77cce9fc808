//! How full file systems are.

use disks::{Counted, FileSystem, file_systems};
use failure::Error;

use crate::exports::minion::mount::mount::Fullness;

/// That of the file systems, or of the one that a path is in.
pub(crate) fn of(path: Option<&str>, over: Option<u32>) -> Result<Vec<Fullness>, Error> {
    let (bytes, inodes) = (file_systems(path, Counted::Bytes)?, file_systems(path, Counted::Inodes)?);
    let mut all: Vec<Fullness> = bytes
        .into_iter()
        .filter(|one| one.size > 0)
        .map(|one| {
            let of_it = inodes.iter().find(|other| other.path == one.path && other.size > 0);
            usage(one, of_it)
        })
        .filter(|one| over.is_none_or(|over| one.used_percent > over))
        .collect();
    all.sort_by(|one, other| other.used_percent.cmp(&one.used_percent).then(one.path.cmp(&other.path)));
    Ok(all)
}

fn usage(bytes: FileSystem, inodes: Option<&FileSystem>) -> Fullness {
    Fullness {
        used_percent: percent(&bytes).max(inodes.map_or(0, percent)),
        available_bytes: bytes.available,
        used_bytes: bytes.used,
        size: bytes.size,
        inodes_available: inodes.map(|inodes| inodes.available),
        inodes_used: inodes.map(|inodes| inodes.used),
        kind: bytes.kind,
        source: bytes.source,
        path: bytes.path,
    }
}

/// How much is used of what programs may use, as `df` counts it: up.
fn percent(one: &FileSystem) -> u32 {
    let (used, all) = (u128::from(one.used), u128::from(one.used) + u128::from(one.available));
    if all == 0 { 0 } else { u32::try_from((used * 100).div_ceil(all)).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn the_fullest_is_first_by_bytes_or_by_inodes() {
        let bytes = "/dev/vda ext4 1000 600 300 67% /\nx tmpfs 10 1 9 10% /x\nproc proc 0 0 0 - /proc\n\
                     /dev/vdb btrfs 100 30 70 30% /b\n";
        let inodes = "/dev/vda ext4 100 1 99 1% /\nx tmpfs 100 95 5 95% /x\nproc proc 0 0 0 - /proc\n\
             /dev/vdb btrfs 0 0 0 - /b\n";
        let _host = Host::new()
            .program(&["df", "-P", "-T", "-k"], Output::printed(bytes, 0))
            .program(&["df", "-P", "-T", "-i"], Output::printed(inodes, 0));
        let all = of(None, None).expect("told");
        let told: Vec<_> = all.iter().map(|one| (one.path.as_str(), one.used_percent)).collect();
        assert_eq!(told, [("/x", 95), ("/", 67), ("/b", 30)]);
        assert_eq!((all[2].inodes_used, all[1].inodes_used), (None, Some(1)));
        assert_eq!(of(None, Some(67)).map(|all| all.len()), Ok(1));
    }
}
