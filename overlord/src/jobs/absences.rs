//! Which minions of a job are out of touch.

use wire::name::MinionName;

use crate::registry::Away;

/// The minions that are out of touch, of those whose parts are not over.
#[derive(Default)]
pub(super) struct Absences {
    /// In the order of their names. Not a map, for the same reason as the parts of the job.
    minions: Vec<(MinionName, Away)>,
    version: u64,
}

impl Absences {
    /// A minion is away. Gives whether that is news.
    pub(super) fn away(&mut self, minion: &MinionName, away: Away) -> bool {
        let news = match self.position(minion) {
            Ok(at) => std::mem::replace(&mut self.minions[at].1, away) != away,
            Err(at) => {
                self.minions.insert(at, (minion.clone(), away));
                true
            }
        };
        self.version += u64::from(news);
        news
    }

    /// A minion is back, or its part is over. Gives whether that is news.
    pub(super) fn over(&mut self, minion: &MinionName) -> bool {
        let news = self.position(minion).is_ok_and(|at| {
            self.minions.remove(at);
            true
        });
        self.version += u64::from(news);
        news
    }

    /// How a minion is away.
    pub(super) fn of(&self, minion: &MinionName) -> Option<Away> {
        self.position(minion).ok().map(|at| self.minions[at].1)
    }

    /// Who is away, by name.
    pub(super) fn minions(&self) -> impl Iterator<Item = &MinionName> {
        self.minions.iter().map(|(name, _)| name)
    }

    /// A number that changes whenever any of it does.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Where a minion is, or where it would be.
    fn position(&self, minion: &MinionName) -> Result<usize, usize> {
        self.minions.binary_search_by(|(name, _)| name.cmp(minion))
    }
}
