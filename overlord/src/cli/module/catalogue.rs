//! What an overlord keeps, as people and as programs read it.

use output::HumanBytes;
use serde_json::{Value, json};
use wire::catalogue::KeptModule;

use super::super::columns::columns;
use crate::report::moment::local;
use wire::clock::rfc3339;

/// The versions of one module that are kept, as people read them.
pub(super) fn kept_table(kept: &[KeptModule]) -> String {
    columns(&HEADING, kept.iter().map(row))
}

/// The versions of all modules that are kept.
pub(super) fn catalogue_table(kept: &[KeptModule]) -> String {
    let heading: Vec<&str> = ["MODULE"].into_iter().chain(HEADING).collect();
    let rows = kept.iter().map(|module| [vec![module.name.to_string()], row(module)].concat());
    columns(&heading, rows)
}

fn row(module: &KeptModule) -> Vec<String> {
    vec![
        module.version.clone().unwrap_or_else(|| "-".to_owned()),
        module.digest.short(),
        HumanBytes(module.size).to_string(),
        if module.signature.is_some() { "yes" } else { "no" }.to_owned(),
        module.pushed_by.to_string(),
        local(module.pushed_at),
    ]
}

const HEADING: [&str; 6] = ["VERSION", "DIGEST", "SIZE", "SIGNED", "PUSHED BY", "PUSHED"];

/// A version that is kept.
pub(super) fn kept_document(module: &KeptModule) -> Value {
    json!({
        "module": module.name,
        "version": module.version,
        "digest": module.digest.to_string(),
        "size_bytes": module.size,
        "signed": module.signature.is_some(),
        "pushed_by": module.pushed_by,
        "pushed_at": rfc3339(module.pushed_at),
    })
}
