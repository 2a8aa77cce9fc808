//! How the certificate of a minion stands, for those who list minions.

use machine::clock::rfc3339;
use wire::identity::{Moment, Validity};
use wire::message::operator::{MinionStatus, Trouble};

use wire::document::text::since;

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is good, and it is not late for its renewal.
    Good,
    /// It is good, and should have been renewed by now.
    Ending,
    /// Its time is over.
    Expired,
}

impl State {
    /// How that of a minion stands at `now`, in milliseconds since 1970; `None` where the overlord does not know it.
    pub(super) fn of(minion: &MinionStatus, now: u64) -> Option<Self> {
        let validity = Validity { from: minion.valid_from?, until: minion.valid_until? };
        let now = i64::try_from(now / 1000).unwrap_or(i64::MAX);
        Some(match () {
            () if now > validity.until.saturating_add(validity.tolerance()) => State::Expired,
            () if now > validity.overdue() => State::Ending,
            () => State::Good,
        })
    }

    /// The word for it: `good`, `ending` or `expired`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Ending => "ending",
            State::Expired => "expired",
        }
    }
}

/// What there is to do about the certificate of a minion, as it reads on from the minion's name; `None` where there is
/// nothing, or where its last attempt to connect is told already.
pub(super) fn said(minion: &MinionStatus, now: u64) -> Option<String> {
    if minion.troubles.iter().any(|trouble| matches!(trouble, Trouble::Certificate { .. })) {
        return None;
    }
    let (state, until) = (State::of(minion, now)?, minion.valid_until?);
    let name = &minion.name;
    let until_ms = u64::try_from(until.saturating_mul(1000)).unwrap_or_default();
    match (state, minion.connected) {
        (State::Good, _) => None,
        (State::Ending, false) => Some(format!(
            "its certificate ends at {}, in {}: it renews that as soon as it is connected, and has to join again after it",
            Moment(until),
            since(now, until_ms)
        )),
        (State::Ending, true) => Some(format!(
            "its certificate ends at {}, in {}, and was not renewed: its log says why, or it is of an older version that \
             renews none",
            Moment(until),
            since(now, until_ms)
        )),
        (State::Expired, true) => Some(format!(
            "its certificate ended at {}: it stays connected until its link breaks, and has to join again then, with a \
             token of `overlord minion invite {name}`",
            rfc3339(until_ms)
        )),
        (State::Expired, false) => Some(format!(
            "its certificate ended at {}: let it join again, with a token of `overlord minion \
             invite {name}`, or without one and with `overlord minion accept {name}`",
            Moment(until)
        )),
    }
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::message::operator::MinionStanding;

    use super::*;

    #[test]
    fn a_certificate_is_ending_once_its_renewal_is_late_and_expired_after_its_end() {
        let (made, life) = (1_000_000, 86_400);
        let minion = |connected| MinionStatus {
            name: "web1".parse().expect("a name"),
            connected,
            address: None,
            version: None,
            key: Digest::of(b"key"),
            enrolled_at: 0,
            last_seen: None,
            modules: 0,
            troubles: Vec::new(),
            standing: MinionStanding::default(),
            valid_until: Some(made + life),
            valid_from: Some(made - 3600),
        };
        let at = |seconds: i64| u64::try_from(made + seconds).expect("after 1970") * 1000;
        for (seconds, state, advice) in [
            (0, State::Good, None),
            (life * 2 / 3, State::Good, None),
            (life * 3 / 4, State::Ending, Some("in 6h")),
            (life + 60, State::Ending, None),
            (life + 600, State::Expired, Some("overlord minion invite web1")),
        ] {
            assert_eq!(State::of(&minion(false), at(seconds)), Some(state), "{seconds}");
            for connected in [false, true] {
                let said = said(&minion(connected), at(seconds));
                assert_eq!(said.is_some(), state != State::Good, "{said:?}");
                let said = said.unwrap_or_default();
                assert!(advice.is_none_or(|advice| said.contains(advice)), "{seconds}: {said}");
            }
        }
        assert_eq!(State::of(&MinionStatus { valid_from: None, ..minion(true) }, at(0)), None);
    }
}
