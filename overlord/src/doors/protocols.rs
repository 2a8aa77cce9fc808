//! Which protocols the doors speak.

/// The application protocols of the doors.
pub(crate) fn alpns() -> Vec<&'static [u8]> {
    [wire::message::link::ALPNS, wire::message::operator::ALPNS, wire::message::newcomer::ALPNS].concat()
}
