//! Which instance of a minion a job was sent to, so that no other one is asked about it.
//!
//! A copy of a minion that has taken its place knows nothing of its jobs, or something wrong, and what it says of
//! them would be written down for good while the true one still runs them.

use ledger::Tenure;
use quinn::Connection;
use wire::digest::Digest;
use wire::message::instance::Instance;
use wire::message::job::JobId;
use wire::name::MinionName;

use super::{Entry, Lost, Registry};

/// Which instance something was sent to under the name of a minion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The key that the minion was enrolled with, or had when the overlord started.
    lineage: Digest,
    /// The place that the instance is at; `None` for a minion that does not say.
    place: Option<Digest>,
}

impl Recipient {
    /// Whether `other` may answer for it. One that was enrolled with another key
    /// may, since the former key lets nobody in any more.
    fn is_answered_for_by(&self, other: &Self) -> bool {
        match (self.place, other.place) {
            (Some(here), Some(there)) => self.lineage != other.lineage || here == there,
            _ => true,
        }
    }
}

impl Registry {
    /// Which instance a minion's jobs like this one were sent to, in this life of the overlord or a former one.
    pub fn recipient(&self, minion: &MinionName, job: JobId) -> Option<Recipient> {
        let minions = self.lock();
        let entry = minions.get(minion)?;
        let tenure =
            entry.tenures.iter().rev().find(|tenure| tenure.after.is_none_or(|after| job > after))?;
        Some(Recipient { lineage: entry.lineage, place: Some(tenure.place) })
    }

    /// Which instance is reached over this connection; `None` where the minion has another connection by now.
    pub fn recipient_over(&self, minion: &MinionName, connection: &Connection) -> Option<Recipient> {
        let minions = self.lock();
        let entry = minions.get(minion)?;
        let current = entry.connection.borrow().as_ref().map(Connection::stable_id);
        (current == Some(connection.stable_id())).then(|| entry.recipient())
    }

    /// When a minion was lost that has no connection, or whose place is not the one that the job was sent to.
    /// Where it has had no connection since the overlord started, that is when it started.
    pub fn lost(&self, minion: &MinionName, recipient: Option<&Recipient>) -> Option<Lost> {
        let minions = self.lock();
        let entry = minions.get(minion)?;
        let is_there = entry.connection.borrow().is_some()
            && recipient.is_none_or(|recipient| recipient.is_answered_for_by(&entry.recipient()));
        (!is_there).then_some(entry.lost)
    }

    /// Whether a job that was sent to `recipient` may be asked for over this connection.
    pub fn may_answer(
        &self,
        minion: &MinionName,
        connection: &Connection,
        recipient: Option<&Recipient>,
    ) -> bool {
        let Some(recipient) = recipient else { return true };
        self.recipient_over(minion, connection).is_some_and(|there| recipient.is_answered_for_by(&there))
    }
}

impl Entry {
    /// Whom its connection reaches.
    fn recipient(&self) -> Recipient {
        Recipient { lineage: self.lineage, place: self.instance.map(|instance| instance.place) }
    }

    /// The tenures once this instance has the link, where they are others then.
    pub(super) fn tenures_with(&self, instance: &Instance, newest: Option<JobId>) -> Option<Vec<Tenure>> {
        if self.tenures.last().is_some_and(|last| last.place == instance.place) {
            return None;
        }
        let mut tenures = self.tenures.clone();
        // The first tenure covers all older jobs: before it, nobody said where they are.
        let after = if tenures.is_empty() { None } else { newest };
        tenures.push(Tenure { place: instance.place, after });
        let surplus = tenures.len().saturating_sub(MAX_TENURES);
        tenures.drain(..surplus);
        Some(tenures)
    }
}

/// How many tenures of a minion are kept. Jobs that are older than all of them may be asked for of any instance.
const MAX_TENURES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_place_answers_or_another_key() {
        let recipient = |key: &[u8], place: Option<&[u8]>| Recipient {
            lineage: Digest::of(key),
            place: place.map(Digest::of),
        };
        let sent = recipient(b"key", Some(b"here"));
        for (there, answers) in [
            (recipient(b"key", Some(b"here")), true),
            (recipient(b"key", Some(b"elsewhere")), false),
            (recipient(b"another key", Some(b"elsewhere")), true),
            (recipient(b"key", None), true),
        ] {
            assert_eq!(sent.is_answered_for_by(&there), answers, "{there:?}");
        }
        assert!(recipient(b"key", None).is_answered_for_by(&sent));
    }
}
