//! Modules that differ from others in nothing but their version and size.

use std::path::{Path, PathBuf};

/// Writes `DIR/NAME.wasm`: the module of `source` as another version, with so many bytes more that mean
/// nothing and cannot be compressed. Returns its path.
///
/// # Panics
/// Where it cannot be made: the test cannot go on.
pub fn variant(source: &Path, version: &str, padding: usize, dir: &Path) -> PathBuf {
    let mut bytes = std::fs::read(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as u8
    });
    section(&mut bytes, "version", version.bytes().collect());
    section(&mut bytes, "padding", noise.take(padding).collect());
    let path = dir.join(source.file_name().unwrap_or_default());
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

/// Adds a custom section, which a component may have anywhere.
fn section(bytes: &mut Vec<u8>, name: &str, data: Vec<u8>) {
    let mut body = length(name.len());
    body.extend(name.as_bytes());
    body.extend(data);
    bytes.push(0);
    bytes.extend(length(body.len()));
    bytes.extend(body);
}

/// A length in LEB128.
fn length(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
