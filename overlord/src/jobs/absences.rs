//! Which minions of a job are out of touch.

use std::collections::BTreeMap;

use wire::name::MinionName;

use crate::registry::Away;

/// The minions that are out of touch, of those whose parts are not over.
#[derive(Default)]
pub(super) struct Absences {
    minions: BTreeMap<MinionName, Away>,
    version: u64,
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
