//! Random sequences of operations and restarts against plain maps.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Accepted, Changed, Durability, MinionLedger, OverlordLedger, Retention};
use proptest::prelude::*;
use wire::message::job::{JobId, JobState, MinionState};
use wire::message::operator::JobFilter;
use wire::message::outcome::{FailureKind, Report};

use crate::rig::{Folder, Reports, T0, failed, id, job, ok, start};

const MINIONS: [&str; 3] = ["web1", "web2", "web3"];

#[derive(Clone, Debug)]
enum Action {
    Accept(u64),
    Runs(u64, usize),
    Ends(u64, usize, bool),
    Purge,
    Reopen,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Action>> {
    let step = prop_oneof![
        4 => (1..6u64).prop_map(Action::Accept),
        6 => (1..6u64, 0..3usize).prop_map(|(job, minion)| Action::Runs(job, minion)),
        8 => (1..6u64, 0..3usize, any::<bool>()).prop_map(|(job, minion, ok)| Action::Ends(job, minion, ok)),
        1 => Just(Action::Purge),
        1 => Just(Action::Reopen),
        1 => Just(Action::Kill),
    ];
    prop::collection::vec(step, 1..60)
}

fn report(ok_: bool) -> Report {
    if ok_ { ok(1, T0) } else { failed(FailureKind::Error, T0) }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A job as the model has it.
#[derive(Clone, Default)]
struct Model {
    parts: BTreeMap<usize, (Option<MinionState>, Option<Report>)>,
    transitions: usize,
}

impl Model {
    fn state(&self) -> JobState {
        JobState::of((0..MINIONS.len()).map(|minion| self.parts.get(&minion).and_then(|part| part.0)))
    }

    fn report(&mut self, minion: usize, state: MinionState, report: Option<Report>) -> bool {
        let part = self.parts.entry(minion).or_default();
        let Some(next) = MinionState::advance(part.0, state) else { return false };
        *part = (Some(next), report);
        // The last outcome is a step, and the end of the job that follows is another.
        self.transitions += 1 + usize::from(self.state().is_over());
        true
    }
}

async fn overlord_step(ledger: &OverlordLedger, jobs: &mut BTreeMap<u64, Model>, step: &Action) {
    match *step {
        Action::Accept(number) => {
            let changed = ledger.accept(job(number, &MINIONS), Durability::Written).await.unwrap();
            assert_eq!(changed != Changed::No, !jobs.contains_key(&number));
            jobs.entry(number).or_insert_with(|| Model { transitions: 1, ..Model::default() });
        }
        Action::Runs(number, minion) => {
            let changed = ledger.runs(number, MINIONS[minion], T0).await;
            let expected =
                jobs.get_mut(&number).is_some_and(|job| job.report(minion, MinionState::Running, None));
            assert_eq!(changed != Changed::No, expected);
        }
        Action::Ends(number, minion, ok) => {
            let report = report(ok);
            let state = MinionState::Finished(report.outcome.kind());
            let changed = ledger.ends(number, MINIONS[minion], report.clone()).await;
            let job = jobs.get_mut(&number);
            let expected = job.is_some_and(|job| job.report(minion, state, Some(report)));
            assert_eq!(changed != Changed::No, expected);
        }
        Action::Purge => {
            let purged = ledger.purge(Retention { keep_ms: Some(0), bytes: None }, u64::MAX).await.unwrap();
            let before = jobs.len();
            jobs.retain(|_, job| !job.state().is_over());
            assert_eq!(purged, before - jobs.len());
        }
        Action::Reopen | Action::Kill => {}
    }
}

async fn compare_overlord(ledger: &OverlordLedger, jobs: &BTreeMap<u64, Model>) {
    let live = |job: &Model| !job.state().is_over();
    let expected: Vec<JobId> = jobs.iter().filter(|(_, job)| live(job)).map(|(n, _)| id(*n)).collect();
    assert_eq!(ledger.live().await.unwrap(), expected);
    for number in 1..6 {
        let Some(model) = jobs.get(&number) else {
            assert_eq!(ledger.document(id(number)).await.unwrap(), None);
            continue;
        };
        let document = ledger.document(id(number)).await.unwrap().unwrap();
        assert_eq!(document.state, model.state());
        assert_eq!(document.ended_at.is_some(), model.state().is_over());
        for (minion, part) in document.parts.iter().enumerate() {
            let expected = model.parts.get(&minion).cloned().unwrap_or_default();
            assert_eq!((part.state, part.report.clone()), expected);
        }
        assert_eq!(ledger.transitions(id(number)).await.unwrap().len(), model.transitions);
        let listed =
            ledger.list(&JobFilter { state: Some(model.state()), ..Default::default() }, 9).await.unwrap();
        assert!(listed.iter().any(|line| line.job == id(number)));
    }
    let all = ledger.list(&JobFilter::default(), 9).await.unwrap();
    assert_eq!(all.len(), jobs.len());
}

async fn minion_step(ledger: &MinionLedger, model: &mut MinionModel, step: &Action) {
    match *step {
        Action::Accept(number) => {
            let accepted = ledger.accept(start(number), T0, Durability::Written).await.unwrap();
            let new =
                model.jobs.insert(number, model.jobs.get(&number).cloned().unwrap_or_default()).is_none();
            assert_eq!(matches!(accepted, Accepted::New(_)), new);
        }
        Action::Runs(number, 0) => {
            // The first minion of three stands for an acknowledgement here.
            let changed = ledger.acknowledged(id(number)).await.unwrap();
            let over = model.jobs.get(&number).is_some_and(|job| job.1.is_some());
            assert_eq!(changed == Changed::Yes(()), over && model.acknowledged.insert(number));
        }
        Action::Runs(number, _) => {
            let changed = ledger.running(id(number), T0).await.unwrap();
            let job = model.jobs.get_mut(&number);
            let expected = job.is_some_and(|job| {
                let moves = job.1.is_none() && !job.0;
                job.0 |= moves;
                moves
            });
            assert_eq!(changed == Changed::Yes(()), expected);
        }
        Action::Ends(number, _, ok) => {
            let changed = ledger.finished(id(number), report(ok), Durability::Written).await.unwrap();
            let expected = model.jobs.get_mut(&number).is_some_and(|job| {
                let moves = job.1.is_none();
                job.1.get_or_insert(report(ok));
                moves
            });
            assert_eq!(changed == Changed::Yes(()), expected);
        }
        Action::Purge => {
            let purged = ledger.purge(Retention { keep_ms: Some(0), bytes: None }, u64::MAX).await.unwrap();
            assert_eq!(purged, model.acknowledged.len());
            for number in std::mem::take(&mut model.acknowledged) {
                model.jobs.remove(&number);
            }
        }
        Action::Reopen | Action::Kill => {}
    }
}

/// A minion's jobs: whether each runs and how it ended, and which of them the overlord has.
#[derive(Default)]
struct MinionModel {
    jobs: BTreeMap<u64, (bool, Option<Report>)>,
    acknowledged: BTreeSet<u64>,
}

fn compare_minion(ledger: &MinionLedger, model: &MinionModel) {
    for number in 1..6 {
        let job = ledger.job(&id(number)).unwrap();
        assert_eq!(
            job.as_ref().map(|job| job.report.clone()),
            model.jobs.get(&number).map(|job| job.1.clone())
        );
        assert_eq!(job.is_some_and(|job| job.acknowledged), model.acknowledged.contains(&number));
    }
    let open = model.jobs.iter().filter(|(_, job)| job.1.is_none()).map(|(number, _)| id(*number));
    assert_eq!(ledger.unfinished().unwrap(), open.collect::<Vec<_>>());
    let owed = model.jobs.len() - ledger.unfinished().unwrap().len() - model.acknowledged.len();
    assert_eq!(ledger.unacknowledged(9).unwrap().len(), owed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_overlords_ledger_is_what_a_map_would_be(steps in steps()) {
        block_on(async {
            let (mut folder, mut jobs) = (Folder::new(), BTreeMap::new());
            let mut ledger = Some(folder.overlord());
            for step in &steps {
                overlord_step(ledger.as_ref().unwrap(), &mut jobs, step).await;
                if matches!(step, Action::Kill) {
                    folder = folder.as_after_a_kill();
                }
                if matches!(step, Action::Kill | Action::Reopen) {
                    drop(ledger.take());
                    ledger = Some(folder.overlord());
                    compare_overlord(ledger.as_ref().unwrap(), &jobs).await;
                }
            }
            compare_overlord(ledger.as_ref().unwrap(), &jobs).await;
        });
    }

    #[test]
    fn a_minions_ledger_is_what_a_map_would_be(steps in steps()) {
        block_on(async {
            let (mut folder, mut model) = (Folder::new(), MinionModel::default());
            let mut ledger = Some(folder.minion());
            for step in &steps {
                minion_step(ledger.as_ref().unwrap(), &mut model, step).await;
                if matches!(step, Action::Kill) {
                    folder = folder.as_after_a_kill();
                }
                if matches!(step, Action::Kill | Action::Reopen) {
                    drop(ledger.take());
                    ledger = Some(folder.minion());
                    compare_minion(ledger.as_ref().unwrap(), &model);
                }
            }
            compare_minion(ledger.as_ref().unwrap(), &model);
        });
    }
}
