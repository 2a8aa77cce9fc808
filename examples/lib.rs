//! Programs that use Overlord as a library. Each is one file beside this one:
//!
//! - `drive_overlord.rs` makes a call and reads its outcomes: `cargo run --example drive-overlord`.
//! - `embed_minion.rs` runs a minion inside another program: `cargo run --example embed-minion`.
