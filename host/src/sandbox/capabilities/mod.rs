//! What of the host a module may use, one capability a file: its state, its functions and their linking.

pub(super) mod facts;
pub(super) mod files;
pub(super) mod http;
pub(super) mod job;
pub(super) mod kv;
pub(super) mod log;
pub(super) mod probe;
pub(super) mod process;
pub(super) mod settings;
pub(super) mod sockets;
pub(super) mod wasi;
pub(super) mod wasi_0_3;
