//! How a log is kept, as `[audit]` of either configuration says.

use serde::Deserialize;
use wire::size::ByteSize;

use crate::files::Rotation;
use crate::syslog::Forward;

/// How much of an audit log is kept, and where else its entries go. Read when a daemon starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How many bytes `audit.jsonl` gets before the log goes on in another file. Default: 16 MiB.
    pub size: ByteSize,
    /// How many earlier files are kept, as `audit.1.jsonl` and so on; the oldest are removed first. Default: 15.
    pub files: usize,
    /// Where entries go besides. Default: nowhere.
    pub forward: Forward,
}

impl Default for Settings {
    fn default() -> Self {
        let Rotation { size, files } = Rotation::default();
        Self { size: ByteSize(size), files, forward: Forward::default() }
    }
}

impl From<&Settings> for Rotation {
    fn from(settings: &Settings) -> Self {
        Self { size: settings.size.0, files: settings.files }
    }
}
