//! The certificates of minions, and which key of a minion lets it in.

use wire::name::MinionName;

use super::invitation;
use super::minion::{self, key_of, name_of};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::overlord::certificate::{Certificates, Issued};
use crate::read::Read;
use crate::record::Record;

impl Record for Certificates {
    const SPACE: Keyspace = Keyspace::Certificates;
}

/// Records the next certificate of a known minion, in place of one that it was not seen with.
pub(crate) fn put_next(draft: &Draft<'_>, name: &MinionName, next: Issued) -> Result<(), LedgerError> {
    if minion::is_known(draft, name)? {
        let before = find(draft, name)?;
        draft.put_record(key_of(name), &Certificates { next: Some(next), ..before });
    }
    Ok(())
}

/// Records that a known minion was seen with a certificate. Where that is for its next key, this is its only key from
/// now on. A certificate for any other key than these two changes nothing. Gives whether it is for one of them.
pub(crate) fn shown(draft: &Draft<'_>, name: &MinionName, shown: Issued) -> Result<bool, LedgerError> {
    let before = find(draft, name)?;
    let is_next = before.next.is_some_and(|next| next.key == shown.key);
    if is_next {
        minion::put_key(draft, name, shown.key)?;
        // The former key must not come back with the token by which it was let in.
        invitation::forget_used(draft, name);
    }
    let is_its_own = minion::key(draft, name)? == Some(shown.key);
    if is_its_own {
        let next = before.next.filter(|_| !is_next);
        draft.put_record(key_of(name), &Certificates { shown: Some(shown), next });
    }
    Ok(is_its_own)
}

/// What is known of the certificates of each minion, by name.
pub(crate) fn all(source: &impl Read) -> Vec<(MinionName, Certificates)> {
    let rows = source.records::<Certificates>(Span::all());
    rows.filter_map(|(key, certificates)| Some((name_of(&key)?, certificates))).collect()
}

fn find(source: &impl Read, name: &MinionName) -> Result<Certificates, LedgerError> {
    Ok(source.record(&key_of(name))?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn certificates_are_stored_as_format_3_has_them() {
        let issued = |key: &[u8]| Issued { key: Digest::of(key), from: -1, until: 1_700_000_000 };
        is_stored_as(
            &Certificates { shown: Some(issued(b"key")), next: Some(issued(b"next")) },
            "01aaa8a443012c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b6830180\
             c49fd50c01c6c1c9a9c8543f1e4cd980064cf1625eeb61a90703b2464fff039f21682508b30180c4\
             9fd50c",
        );
    }
}
