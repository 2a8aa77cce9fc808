//! What is refused to operators by their roles: few entries of the audit log, however many refusals there are.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use machine::lock;
use wire::name::OperatorName;

/// Counts refusals by operator and kind of deed, so that none of them rotates the entries of others out of the log.
#[derive(Default)]
pub(super) struct Denials(Mutex<BTreeMap<(OperatorName, String), Counted>>);

/// What was refused within a while.
struct Counted {
    since: Instant,
    written: usize,
    left_out: u64,
}

/// Refusals of one kind that were left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) operator: OperatorName,
    pub(super) asked: String,
    pub(super) count: u64,
}

impl Denials {
    /// Counts a refusal, and says whether it gets an entry of its own.
    pub(super) fn is_written(&self, operator: &OperatorName, asked: String, now: Instant) -> bool {
        let mut all = lock::hold(&self.0);
        let counted =
            all.entry((operator.clone(), asked)).or_insert(Counted { since: now, written: 0, left_out: 0 });
        if counted.written < WRITTEN {
            counted.written += 1;
            return true;
        }
        counted.left_out += 1;
        false
    }

    /// What was left out of each while that is over at `now`, or of all of them. What comes later begins anew.
    pub(super) fn summary(&self, now: Option<Instant>) -> Vec<LeftOut> {
        let is_over =
            |counted: &Counted| now.is_none_or(|now| now.saturating_duration_since(counted.since) >= WHILE);
        let mut left_out = Vec::new();
        lock::hold(&self.0).retain(|(operator, asked), counted| {
            let is_over = is_over(counted);
            if is_over && counted.left_out > 0 {
                let (operator, asked) = (operator.clone(), asked.clone());
                left_out.push(LeftOut { operator, asked, count: counted.left_out });
            }
            !is_over
        });
        left_out
    }
}

/// How many refusals of an operator of one kind are written within a [`WHILE`].
const WRITTEN: usize = 20;
/// How long refusals are counted together.
const WHILE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_few_are_written_and_the_others_counted() {
        let (denials, start) = (Denials::default(), Instant::now());
        let (bob, eve): (OperatorName, OperatorName) =
            ("bob".parse().expect("a name"), "eve".parse().expect("a name"));
        let written = |operator: &OperatorName, asked: &str, times: usize| {
            (0..times).filter(|_| denials.is_written(operator, asked.to_owned(), start)).count()
        };
        assert_eq!(written(&bob, "call", 1000), WRITTEN);
        assert_eq!(written(&bob, "see minions", 1), 1, "another kind has entries of its own");
        assert_eq!(written(&eve, "call", 3), 3, "and so has another operator");
        assert_eq!(denials.summary(Some(start)), [], "the while is not over");
        let left_out =
            LeftOut { operator: bob.clone(), asked: "call".to_owned(), count: 1000 - WRITTEN as u64 };
        assert_eq!(denials.summary(Some(start + WHILE)), [left_out]);
        assert_eq!(written(&bob, "call", 1), 1, "it begins anew");
        assert_eq!(denials.summary(None), []);
    }
}
