//! Which authority has signed for which key, and which keys operators have.

use wire::digest::Digest;
use wire::name::OperatorName;

use crate::draft::Draft;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::overlord::certificate::{Holding, SeenKey};
use crate::read::Read;
use crate::record::Record;

impl Record for Holding {
    const SPACE: Keyspace = Keyspace::Holdings;
}

impl Record for SeenKey {
    const SPACE: Keyspace = Keyspace::OperatorKeys;
}

/// Records what the owner of a key is given.
pub(crate) fn put(draft: &Draft<'_>, key: &Digest, holding: &Holding) {
    draft.put_record(key.as_bytes().to_vec(), holding);
}

/// Records the key that an operator was seen with.
pub(crate) fn seen(draft: &Draft<'_>, operator: &OperatorName, seen: &SeenKey) {
    draft.put_record(operator.as_str().as_bytes().to_vec(), seen);
}

/// Forgets what the owners of these keys were given.
pub(crate) fn forget(draft: &Draft<'_>, keys: &[Digest]) {
    for key in keys {
        draft.remove(Keyspace::Holdings, key.as_bytes().to_vec());
    }
}

/// What the owner of each key was given.
pub(crate) fn all(source: &impl Read) -> Vec<(Digest, Holding)> {
    let rows = source.records::<Holding>(Span::all());
    rows.filter_map(|(key, holding)| Some((Digest::from_bytes(key.as_slice().try_into().ok()?), holding)))
        .collect()
}

/// The key that each operator was seen with last.
pub(crate) fn operators(source: &impl Read) -> Vec<(OperatorName, SeenKey)> {
    let rows = source.records::<SeenKey>(Span::all());
    let named = rows.filter_map(|(key, seen)| Some((std::str::from_utf8(&key).ok()?.parse().ok()?, seen)));
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn holdings_are_stored_as_format_3_has_them() {
        let holding = Holding { authority: Digest::ZERO, trusted: vec![Digest::ZERO] };
        is_stored_as(&holding, &format!("01b215c6e0{}01{}", "00".repeat(32), "00".repeat(32)));
        is_stored_as(&SeenKey { key: Digest::ZERO, at: 300 }, &format!("019eb6ad1a{}ac02", "00".repeat(32)));
    }
}
