//! A change that is under way on many minions, and those who follow it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use machine::lock;
use quinn::SendStream;
use tokio::sync::watch;
use wire::message::catalogue::{Became, ModuleReply, ModuleResult, RolloutStep};
use wire::message::operator::{MAX_MESSAGE, OperatorReply};
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::transport::frame::{self, FrameError};

use super::reservation::Reservation;
use crate::registry::{Away, Lost, Registry};

/// A change under way. Whoever carries it out has it; when it is dropped, followers hear no more.
pub(super) struct Change {
    minions: Arc<Minions>,
    changed: watch::Sender<()>,
    reservation: Reservation,
}

/// A view of a change, for one operator.
pub(crate) struct Following {
    minions: Arc<Minions>,
    changed: watch::Receiver<()>,
    notes: watch::Receiver<Vec<String>>,
}

type Minions = Mutex<BTreeMap<MinionName, MinionProgress>>;

/// How far one minion is.
#[derive(Clone, Debug, Default, PartialEq)]
struct MinionProgress {
    step: Option<RolloutStep>,
    result: Option<ModuleResult>,
    /// Whether it is ready, and waits for others.
    ready: bool,
}

impl Change {
    pub(super) fn new(reservation: Reservation, targets: &[MinionName]) -> Self {
        let minions = targets.iter().map(|minion| (minion.clone(), MinionProgress::default())).collect();
        Self { minions: Arc::new(Mutex::new(minions)), changed: watch::Sender::new(()), reservation }
    }

    pub(super) fn follow(&self) -> Following {
        Following {
            minions: self.minions.clone(),
            changed: self.changed.subscribe(),
            notes: self.reservation.notes(),
        }
    }

    /// Notes how far a minion is.
    pub(super) fn step(&self, minion: &MinionName, step: RolloutStep) {
        if let Some(progress) = lock(&self.minions).get_mut(minion) {
            progress.step = Some(step);
        }
        self.changed.send_replace(());
    }

    /// Notes whether a minion is ready and waits for others.
    pub(super) fn ready(&self, minion: &MinionName, ready: bool) {
        if let Some(progress) = lock(&self.minions).get_mut(minion) {
            progress.ready = ready;
        }
        self.changed.send_replace(());
    }

    /// Notes what became of it on a minion.
    pub(super) fn end(&self, result: ModuleResult) {
        let ModuleResult { minion, became, .. } = &result;
        let reason = result.reason.as_deref().unwrap_or_default();
        tracing::info!(module = %self.reservation.module(), %minion, became = became.as_str(), reason, "a minion ends a change");
        if let Some(progress) = lock(&self.minions).get_mut(&result.minion) {
            progress.result = Some(result);
        }
        self.changed.send_replace(());
    }

    /// The right under which it is made.
    pub(super) fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Ends it where it is: what became of it on the minions that have not ended, nobody knows.
    pub(super) fn give_up(&self, by: &OperatorName) {
        let name = self.reservation.module();
        let open: Vec<MinionName> = {
            let minions = lock(&self.minions);
            minions
                .iter()
                .filter(|(_, progress)| progress.result.is_none())
                .map(|(minion, _)| minion.clone())
                .collect()
        };
        for minion in open {
            let reason = format!("released by {by}; it may be done: look with `overlord module show {name}`");
            self.end(ModuleResult {
                minion,
                became: Became::Unknown,
                version: None,
                before: None,
                now: None,
                reason: Some(reason),
            });
        }
    }

    /// Says in the log what became of it.
    pub(super) fn conclude(&self, what: &str, module: &ModuleName) {
        let minions = lock(&self.minions);
        let well = |progress: &&MinionProgress| {
            progress.result.as_ref().is_some_and(|result| result.became.is_well())
        };
        let (minions, well) = (minions.len(), minions.values().filter(well).count());
        tracing::info!(%module, change = what, minions, well, "a change ends");
    }
}

impl Following {
    /// Tells an operator what happens, until all minions have ended or the change is given up. Who is out of touch only
    /// where there is somebody to say so.
    pub(crate) async fn relay(
        mut self,
        send: &mut SendStream,
        registry: Option<&Registry>,
    ) -> Result<(), FrameError> {
        let mut notes = 0;
        let mut away = (Vec::new(), false);
        let mut look = tokio::time::interval(LOOK);
        let minions: Vec<MinionName> = lock(&self.minions).keys().cloned().collect();
        let mut told = vec![MinionProgress::default(); minions.len()];
        tell(send, ModuleReply::Began(minions)).await?;
        loop {
            self.changed.mark_unchanged();
            let open = self.changed.has_changed().is_ok();
            let news = self.news(&mut told);
            for reply in news {
                tell(send, reply).await?;
            }
            let new: Vec<String> = self.notes.borrow_and_update().iter().skip(notes).cloned().collect();
            notes += new.len();
            for note in new {
                tell(send, ModuleReply::Note(note)).await?;
            }
            if lock(&self.minions).values().all(|progress| progress.result.is_some()) {
                return tell(send, ModuleReply::Over).await;
            }
            if let Some(news) = registry.and_then(|registry| self.out_of_touch(registry, &mut away)) {
                tell(send, news).await?;
            }
            if !open {
                // The overlord stops: the stream ends without `Over`.
                return Ok(());
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                Ok(()) = self.notes.changed() => {}
                _ = look.tick() => {}
            }
            // Bytes go to many minions at once: what comes close together is told together.
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Who is out of touch, where that is not what was told: those, and whether they hold up the others.
    fn out_of_touch(&self, registry: &Registry, told: &mut (Vec<Lost>, bool)) -> Option<ModuleReply> {
        let open: Vec<(MinionName, bool)> = {
            let minions = lock(&self.minions);
            let open = minions.iter().filter(|(_, progress)| progress.result.is_none());
            open.map(|(minion, progress)| (minion.clone(), progress.ready)).collect()
        };
        let lost: Vec<(MinionName, bool, Option<Lost>)> = open
            .into_iter()
            .map(|(minion, ready)| (minion.clone(), ready, registry.lost(&minion, None)))
            .collect();
        let hold_up = lost.iter().all(|(_, ready, lost)| *ready || lost.is_some());
        let now = (lost.iter().filter_map(|(.., lost)| *lost).collect(), hold_up);
        if now == *told {
            return None;
        }
        *told = now;
        let absence = |lost: Lost| Away { lost, kept_until: None }.absence(false);
        let minions = lost.into_iter().filter_map(|(minion, _, lost)| Some((minion, absence(lost?))));
        Some(ModuleReply::OutOfTouch { minions: minions.collect(), hold_up })
    }

    /// What is new since the last time, by what was told of each minion in the order of their names. Only the
    /// last step of each minion counts.
    fn news(&self, told: &mut [MinionProgress]) -> Vec<ModuleReply> {
        let mut news = Vec::new();
        for ((minion, progress), before) in lock(&self.minions).iter().zip(told) {
            if progress == before {
                continue;
            }
            if let (Some(result), None) = (&progress.result, &before.result) {
                news.push(ModuleReply::Ended(Box::new(result.clone())));
            } else if let (Some(step), None) = (&progress.step, &progress.result) {
                news.push(ModuleReply::Step { minion: minion.clone(), step: step.clone() });
            }
            before.clone_from(progress);
        }
        news
    }
}

fn lock(minions: &Minions) -> MutexGuard<'_, BTreeMap<MinionName, MinionProgress>> {
    lock::hold(minions)
}

/// Sends one reply.
pub(crate) async fn tell(send: &mut SendStream, reply: ModuleReply) -> Result<(), FrameError> {
    let reply = OperatorReply::Module(Box::new(reply));
    // A reservation may end with what is told: one who does not read must not hold it.
    let told = tokio::time::timeout(PATIENCE, frame::write(send, &reply, MAX_MESSAGE)).await;
    told.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// How long an operator may take to read what it is told.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked who is out of touch.
const LOOK: Duration = Duration::from_millis(500);

/// How long news gathers before it is told.
const ROUND: Duration = Duration::from_millis(50);
