//! What an overlord keeps, as people and as programs read it.

use output::{Column, HumanBytes, Table};
use serde_json::{Value, json};
use wire::message::catalogue::KeptModule;

use machine::clock::rfc3339;
use machine::moment::local;

/// The versions of one module that are kept, as people read them.
pub(in crate::cli) fn kept_table(kept: &[KeptModule]) -> Table {
    Table::new(columns()).with(kept.iter().map(row))
}

/// The versions of all modules that are kept.
pub(in crate::cli) fn catalogue_table(kept: &[KeptModule]) -> Table {
    let columns = std::iter::once(Column::whole("MODULE")).chain(columns());
    let rows = kept.iter().map(|module| [vec![module.name.to_string()], row(module)].concat());
    Table::new(columns).with(rows)
}

fn columns() -> [Column; 6] {
    [
        Column::whole("VERSION"),
        Column::whole("DIGEST"),
        Column::whole("SIZE").minor(),
        Column::whole("SIGNED"),
        Column::whole("PUSHED BY").minor(),
        Column::whole("PUSHED").minor(),
    ]
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
