//! The versions of modules that an overlord keeps. Their files are not the ledger's.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::catalogue::KeptModule;
use wire::name::ModuleName;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{Span, name_prefix};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record::Record;

/// A version that is kept, and its place in the order in which versions were brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    place: u64,
    module: KeptModule,
}

impl Record for Kept {
    const SPACE: Keyspace = Keyspace::Catalogue;
}

/// Records a version as the newest of its name. Returns it as it is recorded: a signature that came with it before
/// stays where none comes now.
pub(crate) fn keep(draft: &Draft<'_>, module: KeptModule) -> Result<KeptModule, LedgerError> {
    let key = key_of(&module.name, &module.digest);
    let before = draft.record::<Kept>(&key)?.and_then(|kept| kept.module.signature);
    let module = KeptModule { signature: module.signature.or(before), ..module };
    let last = draft.records::<Kept>(Span::all()).map(|(_, kept)| kept.place).max();
    let place = last.map_or(0, |last| last.saturating_add(1));
    draft.put_record(key, &Kept { place, module: module.clone() });
    Ok(module)
}

/// Forgets a version.
pub(crate) fn forget(draft: &Draft<'_>, name: &ModuleName, digest: &Digest) {
    draft.remove(Keyspace::Catalogue, key_of(name, digest));
}

/// Every version that is kept: by name, and of each name the newest first.
pub(crate) fn all(source: &impl Read) -> Vec<KeptModule> {
    let mut kept: Vec<Kept> = source.records::<Kept>(Span::all()).map(|(_, kept)| kept).collect();
    kept.sort_by(|a, b| a.module.name.cmp(&b.module.name).then(b.place.cmp(&a.place)));
    kept.into_iter().map(|kept| kept.module).collect()
}

fn key_of(name: &ModuleName, digest: &Digest) -> Vec<u8> {
    [name_prefix(name.as_str()).as_slice(), digest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn a_kept_module_is_stored_as_format_2_has_it() {
        let module = KeptModule {
            name: "service".parse().expect("a name"),
            digest: Digest::of(b"code"),
            version: Some("1.0.0".into()),
            size: 4,
            signature: None,
            pushed_by: "alice".parse().expect("a name"),
            pushed_at: 5,
        };
        is_stored_as(
            &Kept { place: 1, module },
            "01e46032370107736572766963655694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a5657704\
             0bc1028f702b0105312e302e30040005616c69636505",
        );
    }
}
