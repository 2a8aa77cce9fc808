//! What an overlord keeps, as people and as programs read it.

use indicatif::HumanBytes;
use serde_json::{Value, json};
use wire::catalogue::KeptModule;

use super::super::columns::columns;
use crate::report::moment::{local, rfc3339};

/// The versions that are kept, as people read them.
pub(super) fn kept_table(kept: &[KeptModule]) -> String {
    let heading = ["VERSION", "DIGEST", "SIZE", "SIGNED", "PUSHED BY", "PUSHED"];
    let row = |module: &KeptModule| {
        vec![
            module.version.clone().unwrap_or_else(|| "-".to_owned()),
            module.digest.short(),
            HumanBytes(module.size).to_string(),
            if module.signature.is_some() { "yes" } else { "no" }.to_owned(),
            module.pushed_by.to_string(),
            local(module.pushed_at),
        ]
    };
    columns(&heading, kept.iter().map(row))
}

/// A version that is kept.
pub(super) fn kept_document(module: &KeptModule) -> Value {
    json!({
        "module": module.name,
        "version": module.version,
        "digest": module.digest.to_string(),
        "size": module.size,
        "signed": module.signature.is_some(),
        "pushed_by": module.pushed_by,
        "pushed_at": rfc3339(module.pushed_at),
    })
}
