//! What an overlord promises of a call, checked against what its operator was told, what the minions have on
//! record, and what the guests did.

use std::collections::{HashMap, HashSet};

use wire::message::job::{JobId, JobState, MinionState, OutcomeKind};

use super::history::{self, Ending};
use super::operators::{Fate, Submission};
use super::violation::Violation;
use super::witness::Witness;

/// All promises that were broken; `open` are the jobs that are not over.
pub(super) fn broken(
    submissions: &[Submission],
    endings: &[Ending],
    open: &[(JobId, JobState)],
    witnesses: &[Witness],
) -> Vec<Violation> {
    let endings: HashMap<JobId, &Ending> = endings.iter().map(|ending| (ending.job, ending)).collect();
    let of_call = |submission: &Submission| match submission.fate {
        Fate::Accepted(job) => of_job(submission, job, endings.get(&job).copied(), witnesses),
        Fate::Refused | Fate::Untold => of_no_job(submission, witnesses),
    };
    // Jobs that an operator was told of are looked at one by one.
    let untold = open.iter().filter(|(job, _)| !endings.contains_key(job));
    let mut violations: Vec<Violation> = submissions.iter().flat_map(of_call).collect();
    violations.extend(untold.map(|(job, state)| Violation::NotOver(*job, *state)));
    violations.extend(unasked(submissions, witnesses));
    violations
}

/// Which promises about an accepted job were broken.
fn of_job(
    submission: &Submission,
    job: JobId,
    ending: Option<&Ending>,
    witnesses: &[Witness],
) -> Vec<Violation> {
    let known = ending.and_then(|ending| Some((ending.document.as_ref()?, ending.history.as_ref()?)));
    let Some((document, history)) = known else { return vec![Violation::Forgotten(job)] };
    if !document.state.is_over() {
        return vec![Violation::NotOver(job, document.state)];
    }
    let mut violations = Vec::new();
    if let Some(flaw) = history::flaw(history, document) {
        violations.push(Violation::History(job, flaw));
    }
    for witness in witnesses {
        let part = document.parts.iter().find(|part| part.minion.as_str() == witness.minion);
        match part.and_then(|part| part.state?.outcome()) {
            Some(outcome) => violations.extend(of_part(submission, job, outcome, witness)),
            None if written(submission, witness) > 0 => {
                violations.push(Violation::Elsewhere(job, witness.minion.clone()));
            }
            None => {}
        }
    }
    violations
}

/// Which promises about one part of a job were broken.
fn of_part(submission: &Submission, job: JobId, outcome: OutcomeKind, witness: &Witness) -> Vec<Violation> {
    let mut violations = Vec::new();
    let minion = || witness.minion.clone();
    if !submission.excuse.explains(outcome) {
        violations.push(Violation::Outcome(job, minion(), outcome));
    }
    for (_, seen) in submission.seen.iter().filter(|(name, _)| name.as_str() == witness.minion) {
        if *seen != outcome {
            violations.push(Violation::Changed(job, minion(), *seen, outcome));
        }
    }
    let starts = witness.starts.get(&job).copied().unwrap_or_default();
    match outcome {
        _ if starts > 1 => violations.push(Violation::StartedAgain(job, minion(), starts)),
        _ if !starts_fit(outcome, starts) => {
            violations.push(Violation::Untrue(job, minion(), outcome, starts))
        }
        _ => {}
    }
    let lines = written(submission, witness);
    if !lines_fit(outcome, lines) {
        violations.push(Violation::Effect(job, minion(), outcome, lines));
    }
    let recorded = witness.states.get(&job).copied();
    let agreed = match outcome {
        // The minion never had it.
        OutcomeKind::Undelivered => recorded.is_none(),
        // Nor did it where nothing was on its way yet.
        OutcomeKind::Cancelled if starts == 0 && lines == 0 => {
            recorded.is_none_or(|state| state == MinionState::Finished(outcome))
        }
        outcome => recorded == Some(MinionState::Finished(outcome)),
    };
    if !agreed {
        violations.push(Violation::Disagreement(job, minion(), outcome, shown(recorded)));
    }
    violations
}

/// Whether a part that ended like this may have been started so many times. One that the minion would not run
/// has its place in the audit log too.
fn starts_fit(outcome: OutcomeKind, starts: usize) -> bool {
    match outcome {
        OutcomeKind::Ok => starts == 1,
        OutcomeKind::Undelivered => starts == 0,
        _ => starts <= 1,
    }
}

/// Whether the guest of a part that ended like this may have written its line so many times.
fn lines_fit(outcome: OutcomeKind, lines: usize) -> bool {
    match outcome {
        OutcomeKind::Ok => lines == 1,
        OutcomeKind::Undelivered | OutcomeKind::Rejected | OutcomeKind::Denied => lines == 0,
        _ => lines <= 1,
    }
}

/// Which promises about a call that is no job, as far as its operator knows, were broken.
fn of_no_job(submission: &Submission, witnesses: &[Witness]) -> Vec<Violation> {
    let line = || submission.line.clone();
    let of_minion = |witness: &Witness| match (submission.fate, written(submission, witness)) {
        (Fate::Refused, 1..) => Some(Violation::RefusedRan(line(), witness.minion.clone())),
        // It may have been accepted: then it is a job like others, whose outcome nobody waits for.
        (_, times @ 2..) => Some(Violation::UntoldRanAgain(line(), witness.minion.clone(), times)),
        _ => None,
    };
    witnesses.iter().filter_map(of_minion).collect()
}

/// The lines that no call explains.
fn unasked(submissions: &[Submission], witnesses: &[Witness]) -> Vec<Violation> {
    let asked: HashSet<&str> = submissions.iter().map(|submission| submission.line.as_str()).collect();
    let of_minion = |witness: &Witness| {
        let strange = witness.lines.keys().filter(|line| !asked.contains(line.as_str()));
        strange.map(|line| Violation::Unasked(line.clone(), witness.minion.clone())).collect::<Vec<_>>()
    };
    witnesses.iter().flat_map(of_minion).collect()
}

/// How often the guest of a call wrote its line on a minion.
fn written(submission: &Submission, witness: &Witness) -> usize {
    witness.lines.get(&submission.line).copied().unwrap_or_default()
}

fn shown(state: Option<MinionState>) -> String {
    match state {
        None => "none".to_owned(),
        Some(MinionState::Finished(outcome)) => format!("\"{outcome}\""),
        Some(state) => format!("\"{state}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::operators::Excuse;
    use super::super::sample::{document, history};
    use super::*;

    const MINION: &str = "web1";
    const LINE: &str = "call 7";

    /// A call that came to this end, on a minion that did and recorded what belongs to it.
    struct Scene {
        submission: Submission,
        ending: Ending,
        witness: Witness,
    }

    impl Scene {
        fn new(outcome: OutcomeKind) -> Self {
            let document = document(&[(MINION, Some(outcome))]);
            let job = document.job;
            let ran = usize::from(outcome == OutcomeKind::Ok);
            let recorded = (outcome != OutcomeKind::Undelivered).then_some(MinionState::Finished(outcome));
            Self {
                submission: Submission {
                    line: LINE.to_owned(),
                    fate: Fate::Accepted(job),
                    excuse: Excuse::Kills,
                    seen: Vec::new(),
                },
                witness: Witness {
                    minion: MINION.to_owned(),
                    starts: HashMap::from([(job, ran)]),
                    states: recorded.map(|state| (job, state)).into_iter().collect(),
                    lines: HashMap::from([(LINE.to_owned(), ran)]),
                },
                ending: Ending { job, history: Some(history(&document)), document: Some(document) },
            }
        }

        fn lines(mut self, lines: usize) -> Self {
            self.witness.lines.insert(LINE.to_owned(), lines);
            self
        }

        fn starts(mut self, starts: usize) -> Self {
            self.witness.starts.insert(self.ending.job, starts);
            self
        }

        fn excuse(mut self, excuse: Excuse) -> Self {
            self.submission.excuse = excuse;
            self
        }

        fn fate(mut self, fate: Fate) -> Self {
            self.submission.fate = fate;
            self
        }

        fn recorded(mut self, state: Option<MinionState>) -> Self {
            let job = self.ending.job;
            self.witness.states = state.map(|state| (job, state)).into_iter().collect();
            self
        }

        fn violations(self) -> Vec<Violation> {
            broken(&[self.submission], &[self.ending], &[], &[self.witness])
        }
    }

    fn minion() -> String {
        MINION.to_owned()
    }

    #[test]
    fn what_a_kill_explains_breaks_no_promise() {
        for outcome in [OutcomeKind::Ok, OutcomeKind::Interrupted, OutcomeKind::Undelivered] {
            assert_eq!(Scene::new(outcome).violations(), []);
        }
        // Killed after its start, and after its line.
        assert_eq!(Scene::new(OutcomeKind::Interrupted).starts(1).violations(), []);
        assert_eq!(Scene::new(OutcomeKind::Interrupted).starts(1).lines(1).violations(), []);
    }

    #[test]
    fn a_line_that_stands_twice_is_found_whatever_the_outcome() {
        for outcome in [OutcomeKind::Ok, OutcomeKind::Interrupted, OutcomeKind::Cancelled] {
            let scene = Scene::new(outcome).excuse(Excuse::Cancelled).starts(1).lines(2);
            let job = scene.ending.job;
            assert_eq!(scene.violations(), [Violation::Effect(job, minion(), outcome, 2)]);
        }
    }

    #[test]
    fn a_line_that_is_missing_is_found() {
        let scene = Scene::new(OutcomeKind::Ok).lines(0);
        let job = scene.ending.job;
        assert_eq!(scene.violations(), [Violation::Effect(job, minion(), OutcomeKind::Ok, 0)]);
    }

    #[test]
    fn a_line_of_a_job_that_never_ran_is_found() {
        for outcome in [OutcomeKind::Undelivered, OutcomeKind::Rejected, OutcomeKind::Denied] {
            let scene = Scene::new(outcome).lines(1);
            let effect = Violation::Effect(scene.ending.job, minion(), outcome, 1);
            assert!(scene.violations().contains(&effect), "{outcome}");
        }
    }

    #[test]
    fn a_line_that_nobody_asked_for_is_found() {
        let mut scene = Scene::new(OutcomeKind::Ok);
        scene.witness.lines.insert("call".to_owned(), 1);
        assert_eq!(scene.violations(), [Violation::Unasked("call".to_owned(), minion())]);
    }

    #[test]
    fn a_line_on_a_minion_that_was_not_aimed_at_is_found() {
        let mut scene = Scene::new(OutcomeKind::Ok);
        let job = scene.ending.job;
        scene.witness.minion = "web2".to_owned();
        assert_eq!(scene.violations(), [Violation::Elsewhere(job, "web2".to_owned())]);
    }

    #[test]
    fn a_job_that_nobody_knows_any_more_is_found() {
        let mut scene = Scene::new(OutcomeKind::Ok);
        let job = scene.ending.job;
        scene.ending.document = None;
        assert_eq!(scene.violations(), [Violation::Forgotten(job)]);
    }

    #[test]
    fn a_job_that_does_not_end_is_found_whether_or_not_anyone_was_told_of_it() {
        let mut scene = Scene::new(OutcomeKind::Ok);
        let (told, untold) = (scene.ending.job, JobId::new());
        scene.ending.document = Some(document(&[(MINION, Some(OutcomeKind::Ok)), ("web2", None)]));
        let open = [(told, JobState::Running), (untold, JobState::Partial)];
        let found = broken(&[scene.submission], &[scene.ending], &open, &[scene.witness]);
        let not_over =
            [Violation::NotOver(told, JobState::Running), Violation::NotOver(untold, JobState::Partial)];
        assert_eq!(found, not_over);
    }

    #[test]
    fn a_call_that_got_no_answer_may_run_once_and_a_refused_one_never() {
        let untold = |lines| Scene::new(OutcomeKind::Ok).fate(Fate::Untold).lines(lines).violations();
        assert_eq!((untold(0), untold(1)), (vec![], vec![]));
        assert_eq!(untold(2), [Violation::UntoldRanAgain(LINE.to_owned(), minion(), 2)]);
        let refused = |lines| Scene::new(OutcomeKind::Ok).fate(Fate::Refused).lines(lines).violations();
        assert_eq!(refused(0), []);
        assert_eq!(refused(1), [Violation::RefusedRan(LINE.to_owned(), minion())]);
    }

    #[test]
    fn a_second_start_is_found_whatever_the_outcome() {
        for outcome in [OutcomeKind::Ok, OutcomeKind::Interrupted, OutcomeKind::Undelivered] {
            let scene = Scene::new(outcome).starts(2);
            let job = scene.ending.job;
            assert_eq!(scene.violations(), [Violation::StartedAgain(job, minion(), 2)]);
        }
    }

    #[test]
    fn an_outcome_that_is_not_true_or_not_explained_is_found() {
        let only = |scene: Scene| {
            let violations = scene.violations();
            assert_eq!(violations.len(), 1, "{violations:?}");
            violations.into_iter().next()
        };
        assert!(matches!(only(Scene::new(OutcomeKind::Ok).starts(0)), Some(Violation::Untrue(..))));
        assert!(matches!(only(Scene::new(OutcomeKind::Undelivered).starts(1)), Some(Violation::Untrue(..))));
        let interrupted = Some(MinionState::Finished(OutcomeKind::Interrupted));
        let differs = only(Scene::new(OutcomeKind::Ok).recorded(interrupted));
        assert!(matches!(differs, Some(Violation::Disagreement(..))));
        assert!(matches!(only(Scene::new(OutcomeKind::Trapped)), Some(Violation::Outcome(..))));
        assert!(matches!(only(Scene::new(OutcomeKind::Cancelled)), Some(Violation::Outcome(..))));
        let calm = Scene::new(OutcomeKind::Interrupted).excuse(Excuse::Nothing);
        assert!(matches!(only(calm), Some(Violation::Outcome(..))));
    }

    #[test]
    fn an_outcome_that_was_shown_and_does_not_stand_is_found() {
        let mut scene = Scene::new(OutcomeKind::Interrupted);
        scene.submission.seen.push((MINION.parse().expect("a name"), OutcomeKind::Ok));
        assert!(matches!(scene.violations()[..], [Violation::Changed(..)]));
    }

    #[test]
    fn a_history_that_is_not_possible_is_found() {
        let mut scene = Scene::new(OutcomeKind::Ok);
        scene.ending.history.as_mut().expect("known").transitions.pop();
        assert!(matches!(scene.violations()[..], [Violation::History(..)]));
    }
}
