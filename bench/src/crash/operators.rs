//! The operators of a run: the calls that they make, and what they were told.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use wire::message::call::Share;
use wire::message::job::{JobId, OutcomeKind};
use wire::message::link::JobUpdate;
use wire::message::operator::{Call, Follow, Target};
use wire::name::MinionName;
use wire::value::Value;

use super::witness::GUEST_FILE;
use crate::error::BenchError;
use crate::job::{self, Record};
use overlord::client::{Client, ClientConfig, ClientError, JobEvent, JobStream};
use overlord::folder::Folder;

/// How long to wait before the overlord is asked again.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// One call, and what its operator was told of it.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    /// The line that its guest appends to a file: no other call has it.
    pub(super) line: String,
    pub(super) fate: Fate,
    pub(super) excuse: Excuse,
    /// The outcomes that the operator saw come in.
    pub(super) seen: Vec<(MinionName, OutcomeKind)>,
}

/// What became of a call, as far as its operator was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: the overlord was gone before it said anything.
    Untold,
    /// It was refused.
    Refused,
    /// It is this job.
    Accepted(JobId),
}

impl Fate {
    pub(super) fn job(self) -> Option<JobId> {
        match self {
            Fate::Accepted(job) => Some(job),
            Fate::Untold | Fate::Refused => None,
        }
    }
}

/// What may be the reason that a part of a job does not end as `ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Nothing: all daemons are well.
    Nothing,
    /// Daemons are killed.
    Kills,
    /// Daemons are killed, and an operator cancelled it.
    Cancelled,
}

impl Excuse {
    pub(super) fn explains(self, outcome: OutcomeKind) -> bool {
        match outcome {
            OutcomeKind::Ok => true,
            OutcomeKind::Interrupted | OutcomeKind::Undelivered => self != Excuse::Nothing,
            OutcomeKind::Cancelled | OutcomeKind::Killed => self == Excuse::Cancelled,
            _ => false,
        }
    }
}

/// What an operator does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Waits for the outcomes.
    Wait,
    /// Makes it durable, and listens to everything.
    Listen,
    /// Makes it durable, and goes.
    Leave,
    /// Cancels it after this many milliseconds.
    Cancel(u64),
}

impl Way {
    fn any(random: &mut Rng) -> Self {
        match random.u8(..8) {
            0..=1 => Way::Wait,
            2..=3 => Way::Listen,
            4..=6 => Way::Leave,
            _ => Way::Cancel(random.u64(..LONGEST_MS)),
        }
    }

    fn record(self) -> Record {
        if self == Way::Wait { Record::Lazy } else { Record::Durable }
    }

    fn follow(self) -> Follow {
        match self {
            Way::Wait => Follow::Outcomes,
            Way::Listen | Way::Cancel(_) => Follow::Everything,
            Way::Leave => Follow::No,
        }
    }
}

/// Everybody who makes calls, and what they remember.
pub(super) struct Operators {
    folder: Folder,
    minions: Vec<String>,
    submissions: RefCell<Vec<Submission>>,
    /// How often the overlord died. A client would wait for the connection's timeout to notice.
    deaths: watch::Sender<u64>,
    dismissed: CancellationToken,
}

impl Operators {
    pub(super) fn new(folder: Folder, minions: Vec<String>) -> Self {
        let (submissions, deaths) = (RefCell::default(), watch::Sender::new(0));
        Self { folder, minions, submissions, deaths, dismissed: CancellationToken::new() }
    }

    /// They make calls until they are dismissed.
    pub(super) async fn work(&self, seed: u64) {
        let operator = |number| self.operator(Rng::with_seed(seed.wrapping_add(number)));
        join_all((1..=OPERATORS).map(operator)).await;
    }

    /// Lets no more calls be made: operators who wait to make one end.
    pub(super) fn dismiss(&self) {
        self.dismissed.cancel();
    }

    /// The overlord is gone, and all connections with it.
    pub(super) fn overlord_died(&self) {
        self.deaths.send_modify(|deaths| *deaths += 1);
    }

    /// How many jobs were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.submissions.borrow().iter().filter(|submission| submission.fate.job().is_some()).count()
    }

    pub(super) fn into_submissions(self) -> Vec<Submission> {
        self.submissions.into_inner()
    }

    /// Makes calls that have no reason not to work, one after the other. Fails where one is not accepted; how it
    /// ends is for the verdict.
    pub(super) async fn calm(&self, client: &Client, calls: usize) -> Result<(), BenchError> {
        for _ in 0..calls {
            let number = self.submit(Excuse::Nothing);
            let mut events = client.call(self.call(number, 0, Record::Durable), Follow::Outcomes).await?;
            self.accept(number, &mut events).await?;
            self.listen(number, &mut events).await?;
        }
        Ok(())
    }

    /// A part of any call so far that its operator saw end as something else than `ok`, in words.
    pub(super) fn not_ok(&self) -> Option<String> {
        let submissions = self.submissions.borrow();
        let mut seen = submissions.iter().flat_map(|submission| &submission.seen);
        let (minion, outcome) = seen.find(|(_, outcome)| *outcome != OutcomeKind::Ok)?;
        Some(format!("\"{outcome}\" on {minion}"))
    }

    /// Makes calls until it is dismissed, dialling again whenever the overlord is gone.
    async fn operator(&self, mut random: Rng) {
        let mut deaths = self.deaths.subscribe();
        loop {
            deaths.mark_unchanged();
            let session = async {
                // It ends with the connection, whose end is what this run is about.
                if let Ok(client) = connect(&self.folder).await {
                    let _ = self.session(&client, &mut random).await;
                }
            };
            tokio::select! {
                () = self.dismissed.cancelled() => return,
                _ = deaths.changed() => {}
                () = session => {}
            }
            sleep(POLL).await;
        }
    }

    async fn session(&self, client: &Client, random: &mut Rng) -> Result<(), ClientError> {
        loop {
            self.one(client, random).await?;
            sleep(Duration::from_millis(random.u64(..PAUSE_MS))).await;
        }
    }

    /// Makes any call.
    async fn one(&self, client: &Client, random: &mut Rng) -> Result<(), ClientError> {
        let way = Way::any(random);
        let number = self.submit(Excuse::Kills);
        let batch = (random.u8(..4) == 0).then_some(Share::Count(1));
        let call = Call {
            target: self.target(random),
            queue_ms: random.bool().then_some(QUEUE_MS),
            batch,
            // It goes with a batch, or means nothing.
            max_failures: batch.filter(|_| random.bool()).map(|_| Share::Percent(50)),
            ..self.call(number, random.u64(..LONGEST_MS), way.record())
        };
        let mut events = client.call(call, way.follow()).await?;
        let job = match self.accept(number, &mut events).await {
            Ok(job) => job,
            Err(ClientError::Refusal(_)) => {
                self.tell(number, Fate::Refused);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Way::Cancel(after) = way {
            sleep(Duration::from_millis(after)).await;
            // From here on the overlord may have heard of it.
            self.submissions.borrow_mut()[number].excuse = Excuse::Cancelled;
            match client.cancel(&job.to_string(), None).await {
                // It is over already.
                Ok(_) | Err(ClientError::Refusal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.listen(number, &mut events).await
    }

    /// The call with this number, on all minions.
    fn call(&self, number: usize, pause_ms: u64, record: Record) -> Call {
        let line = self.submissions.borrow()[number].line.clone();
        let pause = Value::Option(Some(Box::new(Value::Unsigned(pause_ms))));
        let arguments = vec![Value::String(GUEST_FILE.to_owned()), Value::String(line), pause];
        job::call("test.append", arguments, record)
    }

    /// All minions, or one of them.
    fn target(&self, random: &mut Rng) -> Target {
        let expression = match random.u8(..3) {
            0 => self.minions[random.usize(..self.minions.len())].clone(),
            _ => "*".to_owned(),
        };
        Target::of(expression)
    }

    /// Notes a call before it is made, and gives its number.
    fn submit(&self, excuse: Excuse) -> usize {
        let mut submissions = self.submissions.borrow_mut();
        let number = submissions.len();
        let line = format!("call {number}");
        submissions.push(Submission { line, fate: Fate::Untold, excuse, seen: Vec::new() });
        number
    }

    async fn accept(&self, number: usize, events: &mut JobStream) -> Result<JobId, ClientError> {
        match events.next().await? {
            Some(JobEvent::Accepted { job, .. }) => {
                self.tell(number, Fate::Accepted(job));
                Ok(job)
            }
            _ => Err(ClientError::Unexpected),
        }
    }

    fn tell(&self, number: usize, fate: Fate) {
        self.submissions.borrow_mut()[number].fate = fate;
    }

    /// Hears what there is to hear of a call, and remembers the outcomes.
    async fn listen(&self, number: usize, events: &mut JobStream) -> Result<(), ClientError> {
        while let Some(event) = events.next().await? {
            if let JobEvent::Update(update) = event
                && let JobUpdate::Finished { report, .. } = update.update
            {
                let outcome = (update.minion, report.outcome.kind());
                self.submissions.borrow_mut()[number].seen.push(outcome);
            }
        }
        Ok(())
    }
}

/// How many operators make calls at once.
const OPERATORS: u64 = 5;

/// How long a guest goes on at most after it has written its line.
const LONGEST_MS: u64 = 200;

/// How long an operator rests at most.
const PAUSE_MS: u64 = 100;

/// How long a call that may wait does so for minions that are gone.
const QUEUE_MS: u64 = 30_000;

/// A client of the overlord that serves this folder.
pub(super) async fn connect(folder: &Folder) -> Result<Client, ClientError> {
    Client::connect(&ClientConfig::new(folder.clone(), None)?).await
}
