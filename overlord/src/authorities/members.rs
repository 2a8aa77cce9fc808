//! Where everybody is on the way from one authority to another.

use std::collections::HashMap;

use ledger::Holding;
use wire::digest::Digest;
use wire::identity::{Moment, Validity};
use wire::message::authority::{AuthorityState, AuthorityStatus, Lack, Missing, MoveStep};
use wire::message::operator::MinionStanding;
use wire::message::operators::OperatorStanding;

use super::Held;
use crate::services::Services;

/// Where everybody is.
pub(crate) struct Counted {
    /// How many minions and operators have a certificate of each authority.
    holders: HashMap<Digest, (usize, usize)>,
    /// Those who are not where the move leads, by name.
    pub(crate) missing: Vec<Missing>,
}

/// Looks at all minions and operators that may connect and whose certificate has not ended.
pub(crate) fn counted(services: &Services) -> Counted {
    let Services { authorities, registry, operators, .. } = services;
    let held = authorities.held();
    let mut counted = Counted { holders: HashMap::new(), missing: Vec::new() };
    for minion in registry.statuses(&registry.names()) {
        if minion.standing != MinionStanding::Enrolled || has_ended(minion.valid_from, minion.valid_until) {
            continue;
        }
        let holding = authorities.holding(&minion.key);
        counted.holders.entry(holding.authority).or_default().0 += 1;
        let given = registry.next_key(&minion.name).and_then(|key| authorities.holdings.of(&key));
        counted.missing.extend(held.lack(&holding, given.as_ref()).map(|lack| Missing {
            is_operator: false,
            name: minion.name.to_string(),
            connected: minion.connected,
            last_seen: minion.last_seen,
            lack,
        }));
    }
    for (operator, connections) in operators.all() {
        if operator.standing != OperatorStanding::Active
            || has_ended(operator.valid_from, operator.valid_until)
        {
            continue;
        }
        let seen = authorities.holdings.seen(&operator.name);
        let key = seen.map(|seen| seen.key).or(operator.key);
        let holding = key.map_or_else(|| held.first_holding(), |key| authorities.holding(&key));
        counted.holders.entry(holding.authority).or_default().1 += 1;
        let given =
            authorities.holdings.newest(&operator.name).or_else(|| operators.newest_key(&operator.name));
        let given = given.filter(|given| Some(*given) != key).and_then(|key| authorities.holdings.of(&key));
        counted.missing.extend(held.lack(&holding, given.as_ref()).map(|lack| Missing {
            is_operator: true,
            name: operator.name.to_string(),
            connected: connections > 0,
            last_seen: seen.map(|seen| seen.at),
            lack,
        }));
    }
    counted
}

/// Whether a certificate is good no more, whichever authority has signed it.
fn has_ended(from: Option<i64>, until: Option<i64>) -> bool {
    let Some(until) = until else { return false };
    let validity = Validity { from: from.unwrap_or(until), until };
    let Moment(now) = Moment::now();
    now > until.saturating_add(validity.tolerance())
}

impl Held {
    /// What somebody lacks who has this, on the way to where everybody is to be. What it was `given` since, and has not shown yet,
    /// may be all that it has left.
    fn lack(&self, holding: &Holding, given: Option<&Holding>) -> Option<Lack> {
        let goes = |authority| {
            authority != self.target().id() && self.all().into_iter().any(|one| one.id() == authority)
        };
        if given.is_some_and(|given| goes(given.authority)) {
            return Some(Lack::Certificate);
        }
        if self.is_wanted(holding) {
            return None;
        }
        let is_good = self.all().iter().any(|one| one.id() == holding.authority);
        let wanted = self.wanted();
        Some(match holding.authority == wanted.authority {
            true => Lack::Trust,
            false if is_good => Lack::Certificate,
            false => Lack::Return,
        })
    }
}

impl Counted {
    /// What there is to tell of the authorities.
    pub(crate) fn status(self, services: &Services, tokens: usize) -> AuthorityStatus {
        let held = services.authorities.held();
        let state = |authority: &std::sync::Arc<wire::identity::Authority>| {
            let id = authority.id();
            let validity = authority.validity().unwrap_or(Validity { from: 0, until: 0 });
            let (minions, operators) = self.holders.get(&id).copied().unwrap_or_default();
            AuthorityState {
                id,
                fingerprint: authority.fingerprint(),
                valid_from: validity.from,
                valid_until: validity.until,
                issues: held.target().id() == id,
                shown: held.own().id() == id,
                encrypted: services.authorities.is_encrypted(id),
                minions,
                operators,
            }
        };
        AuthorityStatus {
            step: held.step(),
            since: held.state.since,
            authorities: held.all().into_iter().map(state).collect(),
            missing: self.missing,
            tokens: if held.step() == MoveStep::Settled { 0 } else { tokens },
            exported: services.authorities.has_requested(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::OverlordLedger;
    use wire::identity::{Authority, Lifetimes};

    use super::super::Authorities;
    use super::*;

    #[tokio::test]
    async fn who_was_given_what_is_let_go_of_and_has_not_shown_it_is_missing() {
        let dir = tempfile::tempdir().expect("a folder");
        Authority::create(dir.path()).expect("made");
        let ledger = OverlordLedger::open(&dir.path().join("ledger")).expect("opens");
        let all = Authorities::open((dir.path(), None), Lifetimes::default(), ledger.clone());
        let all = all.await.expect("opens");
        let first = all.held().first_holding();
        all.rotate().await.expect("begun");
        assert_eq!(all.held().lack(&first, None), Some(Lack::Certificate));
        let given = all.held().wanted();
        assert_eq!(all.held().lack(&first, Some(&given)), Some(Lack::Certificate), "it has not come back");
        all.back().await.expect("goes back");
        assert_eq!(all.held().lack(&first, None), None);
        assert_eq!(all.held().lack(&first, Some(&given)), Some(Lack::Certificate));
        ledger.close().await;
    }
}
