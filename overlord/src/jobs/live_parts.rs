//! What is known of the parts of a live job.

use std::collections::BTreeMap;

use ledger::PartRecord;
use machine::clock::now_ms;
use tokio_util::sync::CancellationToken;
use wire::message::call::Progress;
use wire::message::job::{MinionJobId, MinionState};
use wire::message::operator::Absence;
use wire::name::MinionName;

use super::absences::Absences;
use super::batch::BatchPermit;
use super::part_ends::PartEnds;
use super::stop::Stop;

/// What is known of the parts.
pub(super) struct LiveParts {
    pub(super) parts: PartsByName,
    /// The parts whose outcome is in the ledger.
    pub(super) ends: PartEnds,
    /// The minions that are out of touch while their parts are not over.
    pub(super) absences: Absences,
}

/// The parts by the names of their minions, which are fixed when the job is accepted. Not a map, whose smallest node has
/// room for eleven parts: most jobs that wait for a minion have one.
pub(super) struct PartsByName(Box<[(MinionName, LivePart)]>);

/// One minion's part of a live job. Four things go forward side by side, and no two of them say the same:
///
/// | field | states, in their order | set by |
/// |---|---|---|
/// | `delivery` | not sent (perhaps withheld while an operator gives it up), maybe sent | the overlord, before it sends |
/// | `state` | none, queued, running, finished | the ledger: what the minion said, or how it was given up |
/// | `place` | waiting, holding a permit, skipped; back to waiting or holding when the minion is back | the batch |
/// | `stop` | see [`Stop`] | an operator who cancels, and the minion that was told |
///
/// A part that an operator gives up has its outcome at once. Where it was sent, its work goes on until the minion has
/// said what became of it: that is what `given_up` is for.
pub(super) struct LivePart {
    pub(super) minion_job: Option<MinionJobId>,
    pub(super) state: Option<MinionState>,
    pub(super) progress: Option<Progress>,
    /// When it came into this state, in milliseconds since 1970.
    pub(super) changed_at: u64,
    pub(super) stop: Stop,
    pub(super) delivery: Sending,
    pub(super) place: BatchPlace,
    /// Whether an operator gave it up. What its minion says of it is recorded beside that.
    pub(super) given_up: bool,
}

/// Whether a part may be sent to its minion.
#[derive(Clone, Debug)]
pub(super) enum Sending {
    /// The part was not sent, and may be. The token ends the work on it, once it was given up.
    NotSent(CancellationToken),
    /// The part was not sent, and is not while an operator gives it up: whether the ledger takes that is not known yet.
    Withheld(CancellationToken),
    /// The part was sent, or may have been.
    MaybeSent,
}

/// Where a part stands in the batch of its job; waiting where the job has none.
pub(super) enum BatchPlace {
    /// The part waits for its turn, or is over and needs none.
    Waiting,
    /// The part has its turn.
    Holding(BatchPermit),
    /// The batch has moved on without the minion, which is out of touch: the part counts as one that is not ok until
    /// the minion is back.
    Skipped,
}

impl BatchPlace {
    /// Gives the permit up for another place. Dropping the permit lets the next minion in: not under a lock.
    pub(super) fn replace(&mut self, place: BatchPlace) -> Option<BatchPermit> {
        match std::mem::replace(self, place) {
            BatchPlace::Holding(permit) => Some(permit),
            BatchPlace::Waiting | BatchPlace::Skipped => None,
        }
    }

    /// Whether the batch has moved on without the part.
    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, BatchPlace::Skipped)
    }
}

impl LivePart {
    pub(super) fn new(part: PartRecord) -> Self {
        let PartRecord { minion_job, state, changed_at } = part;
        let part = Self {
            minion_job,
            state,
            progress: None,
            changed_at,
            stop: Stop::new(),
            delivery: Sending::NotSent(CancellationToken::new()),
            place: BatchPlace::Waiting,
            given_up: false,
        };
        if part.is_over() {
            part.stop.over();
        }
        part
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.is_some_and(|state| state.outcome().is_some())
    }
}

impl PartsByName {
    /// The parts of these minions, none of them begun, but for those of which the ledger has a record.
    pub(super) fn new(targets: &[MinionName], records: Vec<(MinionName, PartRecord)>) -> Self {
        let mut parts: BTreeMap<MinionName, PartRecord> =
            targets.iter().map(|name| (name.clone(), PartRecord::default())).collect();
        parts.extend(records);
        Self(parts.into_iter().map(|(name, part)| (name, LivePart::new(part))).collect())
    }

    pub(super) fn get(&self, minion: &MinionName) -> Option<&LivePart> {
        self.position(minion).map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, minion: &MinionName) -> Option<&mut LivePart> {
        self.position(minion).map(|at| &mut self.0[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(MinionName, LivePart)> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn position(&self, minion: &MinionName) -> Option<usize> {
        self.0.binary_search_by(|(name, _)| name.cmp(minion)).ok()
    }
}

impl LiveParts {
    pub(super) fn is_over(&self) -> bool {
        self.ends.count() == self.parts.len()
    }

    pub(super) fn absence(&self, minion: &MinionName, timeout_ms: Option<u64>) -> Option<Absence> {
        let (away, part) = (self.absences.of(minion)?, self.parts.get(minion)?);
        let runs = part.state == Some(MinionState::Running);
        let late = |timeout: u64| runs && now_ms() > part.changed_at.saturating_add(timeout);
        Some(away.absence(timeout_ms.is_some_and(late)))
    }
}
