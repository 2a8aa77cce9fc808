//! Which minions of a job are out of touch.

use std::collections::BTreeMap;

use tokio::time::Instant;
use wire::message::operator::Absence;
use wire::name::MinionName;

use crate::registry::Lost;

/// The minions that are out of touch, of those whose parts are not over.
#[derive(Default)]
pub(super) struct Absences {
    minions: BTreeMap<MinionName, Away>,
    version: u64,
}

/// How a minion is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    /// Since when.
    pub(crate) lost: Lost,
    /// Until when the call is kept for it, where it was not sent yet.
    pub(crate) kept_until: Option<Instant>,
}

impl Absences {
    /// A minion is away. Gives whether that is news.
    pub(super) fn away(&mut self, minion: &MinionName, away: Away) -> bool {
        let news = self.minions.insert(minion.clone(), away) != Some(away);
        self.version += u64::from(news);
        news
    }

    /// A minion is back, or its part is over. Gives whether that is news.
    pub(super) fn over(&mut self, minion: &MinionName) -> bool {
        let news = self.minions.remove(minion).is_some();
        self.version += u64::from(news);
        news
    }

    /// How a minion is away.
    pub(super) fn of(&self, minion: &MinionName) -> Option<Away> {
        self.minions.get(minion).copied()
    }

    /// Who is away, by name.
    pub(super) fn minions(&self) -> impl Iterator<Item = &MinionName> {
        self.minions.keys()
    }

    /// A number that changes whenever any of it does.
    pub(super) fn version(&self) -> u64 {
        self.version
    }
}

impl Away {
    /// What an operator is told of it.
    pub(crate) fn absence(self, overdue: bool) -> Absence {
        let now = Instant::now();
        let ms = |from: Instant, until: Instant| {
            u64::try_from(until.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
        };
        Absence {
            lost_at: self.lost.at_ms,
            for_ms: ms(self.lost.at, now),
            kept_ms: self.kept_until.map(|until| ms(now, until)),
            overdue,
        }
    }
}
