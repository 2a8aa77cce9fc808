//! How the parts of a live job have ended, in their order.

use std::sync::Arc;

use wire::memory::Held as _;
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::update_buffer::FollowerRoom;

/// The ends of parts. The ledger has all their reports; of those that came last, followers are given what is at hand
/// here, in the same room as what parts say, so that nothing is read back that was written a moment ago.
pub(super) struct PartEnds {
    all: Vec<PartEnd>,
    /// No end before this one has its report at hand.
    oldest: usize,
    /// The bytes of memory that the reports take which are at hand.
    bytes: usize,
    followers: usize,
    room: FollowerRoom,
}

struct PartEnd {
    minion: MinionName,
    report: Option<Arc<Report>>,
}

impl PartEnds {
    /// With these ends, of an earlier life of the daemon.
    pub(super) fn new(minions: Vec<MinionName>, room: FollowerRoom) -> Self {
        let all: Vec<PartEnd> = minions.into_iter().map(|minion| PartEnd { minion, report: None }).collect();
        Self { oldest: all.len(), all, bytes: 0, followers: 0, room }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Whose part ended as the `n`th, counted from zero.
    pub(super) fn minion(&self, n: usize) -> Option<&MinionName> {
        self.all.get(n).map(|end| &end.minion)
    }

    /// The report of the `n`th end for one of the followers, while it is at hand.
    pub(super) fn report(&mut self, n: usize) -> Option<Arc<Report>> {
        if self.followers == 1 {
            // Nobody else wants it.
            return self.let_go(n);
        }
        self.all.get(n)?.report.clone()
    }

    /// Adds an end, with its report if that is what the ledger has.
    pub(super) fn push(&mut self, minion: MinionName, report: Option<Arc<Report>>) {
        let report = report.filter(|_| self.followers > 0);
        if let Some(report) = &report {
            let bytes = report.held();
            self.bytes += bytes;
            self.room.take(bytes);
        }
        self.all.push(PartEnd { minion, report });
        while self.bytes > self.room.share() {
            self.let_go(self.oldest);
            self.oldest += 1;
        }
    }

    /// One more follows the job.
    pub(super) fn follow(&mut self) {
        self.followers += 1;
    }

    /// One of those who followed has gone.
    pub(super) fn unfollow(&mut self) {
        self.followers -= 1;
        if self.followers == 0 {
            (self.oldest..self.all.len()).for_each(|n| drop(self.let_go(n)));
            self.oldest = self.all.len();
        }
    }

    fn let_go(&mut self, n: usize) -> Option<Arc<Report>> {
        let report = self.all.get_mut(n)?.report.take()?;
        let bytes = report.held();
        self.bytes -= bytes;
        self.room.give_back(bytes);
        Some(report)
    }
}

impl Drop for PartEnds {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use wire::message::outcome::Outcome;
    use wire::value::Value;

    use super::*;

    fn minion(number: usize) -> MinionName {
        format!("web{number}").parse().expect("a name")
    }

    fn report(length: usize) -> Option<Arc<Report>> {
        let value = Value::String("x".repeat(length));
        Some(Arc::new(Report::without_run(Outcome::Ok(Some(value)), 0)))
    }

    #[test]
    fn a_report_is_at_hand_for_each_of_those_who_follow_and_for_nobody_else() {
        let room = FollowerRoom::default();
        let mut ends = PartEnds::new(vec![minion(0)], room.clone());
        ends.push(minion(1), report(10));
        assert!(ends.report(1).is_none(), "nobody followed");
        ends.follow();
        ends.follow();
        ends.push(minion(2), report(10));
        assert_eq!((ends.report(2), ends.report(2)), (report(10), report(10)));
        ends.unfollow();
        assert_eq!((ends.report(2), ends.report(2)), (report(10), None), "the last one takes it");
        ends.push(minion(3), report(10));
        ends.unfollow();
        assert_eq!((ends.report(3), room.bytes()), (None, 0));
        assert_eq!((ends.count(), ends.minion(3)), (4, Some(&minion(3))));
    }

    #[test]
    fn what_is_at_hand_is_bounded_in_bytes_and_the_newest_stays() {
        let room = FollowerRoom::default();
        let mut ends = PartEnds::new(Vec::new(), room.clone());
        ends.follow();
        ends.follow();
        (0..1_000).for_each(|n| ends.push(minion(n), report(10_000)));
        assert!(room.bytes() <= room.share() && ends.bytes == room.bytes());
        assert!(ends.report(0).is_none() && ends.report(999).is_some());
        ends.push(minion(1_000), report(10 << 20));
        assert!(ends.report(1_000).is_none(), "one alone is too much");
        assert_eq!(room.bytes(), 0);
        ends.push(minion(1_001), report(10));
        drop(ends);
        assert_eq!(room.bytes(), 0);
    }
}
