//! What an overlord tells of one job while an operator listens: [`JobStream`], for how long it is listened to, and
//! the replies below it that every request has.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use quinn::{Connection, RecvStream};
use tokio::time::{Instant, sleep_until};
use wire::message::job::JobId;
use wire::message::link::JobUpdate;
use wire::message::operator::{Absence, JobDocument, MAX_MESSAGE, OperatorReply, TargetWarning, Update};
use wire::message::outcome::Report;
use wire::message::version::Version;
use wire::name::MinionName;
use wire::signing::mandate::Nonce;
use wire::transport::frame::{self, FrameError};

use super::error::{ClientError, Stood};
use super::handed::Handed;
use super::patience::{Patience, WaitOver, first};
use crate::folder::Folder;

/// One thing that an overlord tells of a job, or that the stream itself adds.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// The call is accepted, and is a job now.
    Accepted {
        /// The id of the job.
        job: JobId,
        /// The minions that it goes to.
        targets: Vec<MinionName>,
    },
    /// Something happened on a minion.
    Update(Box<Update>),
    /// All that is known of the job at this moment. The last event of a job that is followed to its end.
    Document(Box<JobDocument>),
    /// The minions that are out of touch now, of those whose part is not over. Replaces what was said before.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// The waiting that [`JobStream::with_patience`] asked for is over. Said once; the job goes on, and so does
    /// the stream for callers who want more of it.
    WaitOver(WaitOver),
}

/// The events of one job, until the overlord has no more to tell.
///
/// Dropping the stream detaches from the job, which goes on.
pub struct JobStream {
    replies: Replies,
    awaited: Option<Awaited>,
    /// Where to note which job a signed call became, and by what the call is known.
    signed: Option<(Folder, Nonce)>,
    /// The reports that were told, for the document, which has only the others; `None` where nobody wants them there.
    told: Option<BTreeMap<MinionName, Report>>,
}

impl JobStream {
    pub(super) fn new(replies: Replies) -> Self {
        let told = (replies.version >= Version::Seven).then(BTreeMap::new);
        Self { replies, awaited: None, signed: None, told }
    }

    /// Notes in this folder which job the call becomes that was signed with this nonce.
    pub(super) fn noting(self, signed: Option<(Folder, Nonce)>) -> Self {
        Self { signed, ..self }
    }

    /// Bounds the waiting, from now on: once it is over, the stream says [`JobEvent::WaitOver`]. Of a job that
    /// existed already, `open` are the minions whose part is not over; of a new one, the overlord says which
    /// minions it goes to.
    pub fn with_patience(self, patience: Patience, open: impl IntoIterator<Item = MinionName>) -> Self {
        let awaited = Some(Awaited::new(patience, open.into_iter().collect(), Instant::now()));
        Self { awaited, ..self }
    }

    /// Gives each report once, from now on, as it comes in: the document at the end has none of those. For callers who
    /// show what comes and keep nothing, however many minions answer however much.
    pub fn each_once(self) -> Self {
        Self { told: None, ..self }
    }

    /// What the overlord said of the target. Complete once [`JobEvent::Accepted`] came.
    pub fn warnings(&self) -> &[TargetWarning] {
        self.replies.warnings()
    }

    /// The next event; `None` after the last one. Cancel safe.
    ///
    /// # Errors
    /// As for [`Client`](super::Client): [`ClientError::Refusal`] where the call was refused, and
    /// [`ClientError::Lost`] where the connection broke, while the job goes on. Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<JobEvent>, ClientError> {
        let end = self.awaited.as_ref().and_then(Awaited::end);
        let at = end.map_or_else(Instant::now, |(at, _)| at);
        let event = tokio::select! {
            biased;
            event = Self::event(&mut self.replies) => event?.map(|event| self.with_told(event)),
            () = sleep_until(at), if end.is_some() => {
                self.awaited = None;
                return Ok(end.map(|(_, why)| JobEvent::WaitOver(why)));
            }
        };
        if let (Some((folder, nonce)), Some(JobEvent::Accepted { job, .. })) = (&self.signed, &event) {
            // Where that fails, the job can still be run again unsigned.
            let _ = folder.note_signed_job(*job, *nonce);
        }
        if let (Some(awaited), Some(event)) = (&mut self.awaited, &event) {
            awaited.hear(event, Instant::now());
        }
        Ok(event)
    }

    /// Keeps the reports that are told, and puts them into the document.
    fn with_told(&mut self, mut event: JobEvent) -> JobEvent {
        let Some(told) = &mut self.told else { return event };
        match &mut event {
            JobEvent::Update(update) => {
                if let JobUpdate::Finished { report, .. } = &update.update {
                    told.insert(update.minion.clone(), Report::clone(report));
                }
            }
            JobEvent::Document(document) => {
                for part in &mut document.parts {
                    part.report = part.report.take().or_else(|| told.remove(&part.minion));
                }
            }
            JobEvent::Accepted { .. } | JobEvent::OutOfTouch(_) | JobEvent::WaitOver(_) => {}
        }
        event
    }

    async fn event(replies: &mut Replies) -> Result<Option<JobEvent>, ClientError> {
        match replies.next().await? {
            None => Ok(None),
            Some(OperatorReply::Accepted { job, targets }) => Ok(Some(JobEvent::Accepted { job, targets })),
            Some(OperatorReply::Update(update)) => Ok(Some(JobEvent::Update(update))),
            Some(OperatorReply::Job(document)) => Ok(Some(JobEvent::Document(document))),
            Some(OperatorReply::OutOfTouch(minions)) => Ok(Some(JobEvent::OutOfTouch(minions))),
            Some(_) => Err(ClientError::Unexpected),
        }
    }
}

/// How long a job is waited for, and which minions it waits for.
struct Awaited {
    patience: Patience,
    until: Option<Instant>,
    open: BTreeSet<MinionName>,
    /// Until when each minion that is out of touch is waited for; `None` where the overlord will end its part.
    away: BTreeMap<MinionName, Option<Instant>>,
}

impl Awaited {
    /// Waits, from `now` on, for the minions of `open`, whose parts are not over.
    pub(super) fn new(patience: Patience, open: BTreeSet<MinionName>, now: Instant) -> Self {
        let until = patience.until_in_all(now);
        Self { patience, until, open, away: BTreeMap::new() }
    }

    /// Takes note of an event that came at `now`.
    pub(super) fn hear(&mut self, event: &JobEvent, now: Instant) {
        match event {
            JobEvent::Accepted { targets, .. } => self.open = targets.iter().cloned().collect(),
            JobEvent::Update(update) => {
                if matches!(update.update, JobUpdate::Finished { .. }) {
                    self.open.remove(&update.minion);
                }
            }
            JobEvent::OutOfTouch(minions) => {
                let until = |(minion, absence): &(MinionName, Absence)| {
                    (minion.clone(), self.patience.until(absence, now))
                };
                self.away = minions.iter().map(until).collect();
            }
            JobEvent::Document(_) | JobEvent::WaitOver(_) => {}
        }
    }

    /// When the waiting ends, as far as is known now, and why.
    pub(super) fn end(&self) -> Option<(Instant, WaitOver)> {
        let each: Option<Vec<Instant>> =
            self.open.iter().map(|minion| self.away.get(minion).copied().flatten()).collect();
        let last = each.and_then(|each| each.into_iter().max());
        first(last, self.until)
    }
}

/// The replies to one request, as they come in on its stream.
pub(super) struct Replies {
    connection: Connection,
    address: String,
    version: Version,
    /// The read under way, kept here so that a dropped [`Replies::next`] loses nothing.
    reading: Option<Reading>,
    /// What was said of the target until now.
    warnings: Vec<TargetWarning>,
    /// What went with the request, and was signed.
    handed: Option<Handed>,
}

type Reading = Pin<Box<dyn Future<Output = (RecvStream, Result<OperatorReply, FrameError>)> + Send>>;

impl Replies {
    pub(super) fn new(
        connection: Connection,
        address: String,
        stream: RecvStream,
        handed: Option<Handed>,
    ) -> Self {
        let version = Version::of(&connection);
        let reading: Reading = Box::pin(read(version, stream));
        Self { connection, address, reading: Some(reading), version, warnings: Vec::new(), handed }
    }

    /// What the overlord said of the target until now.
    pub(super) fn warnings(&self) -> &[TargetWarning] {
        &self.warnings
    }

    /// The next reply that is no warning, since warnings are kept; `None` at the end of the stream. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<OperatorReply>, ClientError> {
        loop {
            match self.any().await? {
                Some(OperatorReply::Warned(warnings)) => self.warnings.extend(warnings),
                other => return Ok(other),
            }
        }
    }

    async fn any(&mut self) -> Result<Option<OperatorReply>, ClientError> {
        // Where all share one thread, the link gets its turn between two replies, however long each takes to decode
        // and to show: one turn to hear what has come, and one to answer it. After the read, a reply would be lost
        // where this is dropped.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let (stream, reply) = reading.await;
        self.reading = None;
        if let (Some(handed), Ok(reply)) = (&self.handed, &reply) {
            handed.hear(reply);
        }
        match reply {
            Ok(OperatorReply::Refused(refusal)) => Err(refusal.into()),
            Ok(reply) => {
                self.reading = Some(Box::pin(read(self.version, stream)));
                Ok(Some(reply))
            }
            Err(FrameError::Closed) => Ok(None),
            Err(error) => Err(broken(&self.connection, &self.address, error)),
        }
    }
}

async fn read(version: Version, mut stream: RecvStream) -> (RecvStream, Result<OperatorReply, FrameError>) {
    let reply = frame::read_as(version, &mut stream, MAX_MESSAGE).await;
    (stream, reply)
}

/// What a failed read or write means: mostly that the connection is gone, and then the connection knows best why.
pub(super) fn broken(connection: &Connection, address: &str, error: FrameError) -> ClientError {
    match (connection.close_reason(), error) {
        (Some(reason), _) => ClientError::of_connection(address, &reason, Stood::Already),
        (None, FrameError::Io(cause)) => {
            ClientError::Lost { address: address.to_owned(), cause: cause.to_string() }
        }
        (None, other) => ClientError::Frame(other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::message::outcome::Outcome;

    use super::*;

    fn name(name: &str) -> MinionName {
        name.parse().expect("a name")
    }

    /// Two minions that work on a job, and the moment at which everything here happens.
    struct Trial(Awaited, Instant);

    impl Trial {
        fn new(out_of_touch: Option<u64>, in_all: Option<u64>) -> Self {
            let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
            let patience = Patience { out_of_touch: seconds(out_of_touch), in_all: seconds(in_all) };
            let now = Instant::now();
            let mut trial = Self(Awaited::new(patience, BTreeSet::new(), now), now);
            trial.hear(&JobEvent::Accepted { job: JobId::new(), targets: vec![name("web1"), name("web2")] });
            trial
        }

        fn hear(&mut self, event: &JobEvent) {
            self.0.hear(event, self.1);
        }

        /// In how many seconds it ends, and why.
        fn end(&self) -> Option<(u64, WaitOver)> {
            self.0.end().map(|(at, why)| ((at - self.1).as_secs(), why))
        }
    }

    fn away(minions: &[(&str, u64, Option<u64>)]) -> JobEvent {
        let absence = |(minion, for_s, kept_s): &(&str, u64, Option<u64>)| {
            let kept_ms = kept_s.map(|kept| kept * 1000);
            (name(minion), Absence { lost_at: 0, for_ms: for_s * 1000, kept_ms, overdue: false })
        };
        JobEvent::OutOfTouch(minions.iter().map(absence).collect())
    }

    fn done(minion: &str) -> JobEvent {
        let report = Box::new(Report::without_run(Outcome::Ok(None), 0));
        let update = JobUpdate::Finished { minion_job: None, report };
        JobEvent::Update(Box::new(Update { minion: name(minion), update }))
    }

    #[test]
    fn those_out_of_touch_end_the_waiting_only_where_nobody_else_is_left() {
        let mut awaited = Trial::new(None, None);
        awaited.hear(&away(&[("web1", 5, None)]));
        assert_eq!(awaited.end(), None, "web2 still works on it");
        awaited.hear(&done("web2"));
        assert_eq!(awaited.end(), Some((10, WaitOver::OutOfTouch)));
        awaited.hear(&away(&[]));
        assert_eq!(awaited.end(), None, "it is back");
    }

    #[test]
    fn each_is_waited_for_from_when_it_was_lost() {
        let mut awaited = Trial::new(Some(60), None);
        awaited.hear(&away(&[("web1", 3600, None), ("web2", 50, None)]));
        assert_eq!(awaited.end(), Some((10, WaitOver::OutOfTouch)));
    }

    #[test]
    fn a_call_that_is_kept_is_waited_for_unless_somebody_says_for_how_long() {
        let kept = away(&[("web1", 50, Some(600)), ("web2", 50, Some(600))]);
        let mut patient = Trial::new(None, None);
        patient.hear(&kept);
        assert_eq!(patient.end(), None);
        let mut impatient = Trial::new(Some(55), None);
        impatient.hear(&kept);
        assert_eq!(impatient.end(), Some((5, WaitOver::OutOfTouch)));
    }

    #[test]
    fn the_whole_wait_is_bounded_whoever_is_waited_for() {
        let mut awaited = Trial::new(None, Some(8));
        assert_eq!(awaited.end(), Some((8, WaitOver::InAll)));
        awaited.hear(&away(&[("web1", 0, None), ("web2", 14, None)]));
        assert_eq!(awaited.end(), Some((8, WaitOver::InAll)));
        awaited.hear(&done("web1"));
        assert_eq!(awaited.end(), Some((1, WaitOver::OutOfTouch)));
    }
}
