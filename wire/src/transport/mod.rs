//! How messages travel: QUIC endpoints and their connections, what each end lets the other make it hold, how often they hear of
//! each other, frames on streams, the room for large ones, and the bare echo that measurements compare with.
//!
//! What is in a message is [`crate::message`]'s; who dials whom, and when again, is decided by the overlord, the
//! minion and the client library.

pub mod allowance;
pub mod alpn;
mod connection_id;
pub mod echo;
pub mod endpoint;
pub mod frame;
pub mod heartbeat;
pub mod intake;
pub mod stream_places;
