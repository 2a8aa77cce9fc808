//! How the public half of a key is printed.

use std::path::Path;

use output::{Unprinted, print};
use serde_json::json;
use wire::signing::PublicKey;

use crate::cli::Format;

/// Prints the public half of the key in a file.
pub(super) fn print_public(key: &PublicKey, file: &Path, format: Format) -> Result<(), Unprinted> {
    match format {
        Format::Json => print(json!({
            "public_key": key,
            "fingerprint": key.fingerprint(),
            "file": file.display().to_string(),
        })),
        Format::Text => print(key.to_string()),
    }
}
