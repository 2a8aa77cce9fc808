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
    pub(super) parts: BTreeMap<MinionName, LivePart>,
    /// The parts whose outcome is in the ledger.
    pub(super) ends: PartEnds,
    /// The minions that are out of touch while their parts are not over.
    pub(super) absences: Absences,
}

pub(super) struct LivePart {
    pub(super) minion_job: Option<MinionJobId>,
    pub(super) state: Option<MinionState>,
    pub(super) progress: Option<Progress>,
    /// When it came into this state, in milliseconds since 1970.
    pub(super) changed_at: u64,
    pub(super) stop: Stop,
    pub(super) delivery: Sending,
    /// Its permit of the batch, while it has one.
    pub(super) permit: Option<BatchPermit>,
    /// Whether the batch has moved on without it: it counts as one that is not ok until it is back.
    pub(super) passed: bool,
    /// Whether an operator gave it up. What its minion says of it is recorded beside that.
    pub(super) given_up: bool,
}

/// Whether a part may be sent to its minion.
#[derive(Clone, Debug)]
pub(super) enum Sending {
    /// It was not, and is not while it is being given up. The token ends its work once it was.
    Not { withheld: bool, withdrawn: CancellationToken },
    /// It was, or may have been.
    MaybeSent,
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
            delivery: Sending::Not { withheld: false, withdrawn: CancellationToken::new() },
            permit: None,
            passed: false,
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
