//! What of the modes in an archive is kept.

/// What of a mode is kept: nobody but the owner may write.
const KEPT: u32 = 0o755;
/// What the owner of a folder may do, without whom nothing could be put into it.
const OWNERS: u32 = 0o700;

/// What the mode of something becomes.
pub(crate) fn kept(mode: u32, is_folder: bool) -> u32 {
    (mode & KEPT) | if is_folder { OWNERS } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_owner_may_write_and_nothing_runs_as_somebody_else() {
        for (mode, is_folder, becomes) in [
            (0o4777, false, 0o755),
            (0o2664, false, 0o644),
            (0o600, false, 0o600),
            (0o1777, true, 0o755),
            (0o050, true, 0o750),
            (0, false, 0),
        ] {
            assert_eq!(kept(mode, is_folder), becomes, "{mode:o}");
        }
    }
}
