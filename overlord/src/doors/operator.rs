//! The operators' door: one stream a request, one match over all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use quinn::{Connection, RecvStream, SendStream};
use tokio::task::JoinSet;
use wire::digest::Digest;
use wire::identity::{Peer, Role};
use wire::message::enroll::Token;
use wire::message::held::Held as _;
use wire::message::inventory::Inventory;
use wire::message::job::JobId;
use wire::message::link::{MinionRequest, Pong};
use wire::message::module::Module;
use wire::message::operator::{
    Call, DiskStatus, FactsHeard, Follow, OperatorReply, OperatorRequest, OverlordStatus, Ping, Refusal,
    RefusalKind, Target, TargetWarning,
};
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::transport::allowance::Allowance;
use wire::transport::frame::{self, FrameError};
use wire::transport::intake::Intake;

use ledger::{Invite, Storage};

use super::{audit, follow, modules};
use crate::folder::dialable;
use crate::jobs::Follower;
use crate::services::Services;

use crate::outbox::{Making, Outbox};
use crate::targets::{self, Among, Matching};

/// One operator's connection.
#[derive(Clone)]
pub(super) struct OperatorDoor {
    services: Arc<Services>,
    operator: OperatorName,
    intake: Intake,
    outbox: Outbox,
}

impl OperatorDoor {
    /// The door for a peer that is an operator, or why it is none.
    pub(super) fn admit(services: Arc<Services>, peer: &Peer, version: Version) -> Result<Self, String> {
        match (peer.role, peer.name.parse()) {
            (Role::Operator, Ok(operator)) => {
                let (intake, outbox) = (services.intake.for_another(), services.outbox.for_another(version));
                Ok(Self { services, operator, intake, outbox })
            }
            _ => Err(format!("its certificate is that of an {}", peer.role)),
        }
    }

    /// Serves the connection until it ends.
    pub(super) async fn serve(self, connection: Connection) {
        Allowance::OPERATOR.give(&connection);
        // Owned here: they end with the connection. QUIC bounds how many there are at once.
        let mut requests = JoinSet::new();
        while let Ok((send, receive)) = connection.accept_bi().await {
            let door = self.clone();
            requests.spawn(async move {
                if let Err(error) = door.answer(send, receive).await {
                    tracing::debug!(operator = %door.operator, %error, "a request broke off");
                }
            });
            while requests.try_join_next().is_some() {}
        }
        // What was asked for just before the goodbye is done all the same, such as a cancel.
        let last = async { while requests.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_REQUESTS, last).await;
    }

    async fn answer(&self, mut send: SendStream, mut receive: RecvStream) -> Result<(), FrameError> {
        let version = self.outbox.version();
        let reading = frame::read_into(version, &mut receive, wire::message::link::MAX_MESSAGE, &self.intake);
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        // The room is taken while the request arrives and is answered; what it asks to be done has bounds of its
        // own.
        let (request, _room) = tokio::time::timeout(REQUEST, reading).await.map_err(late)??;
        let request = match request {
            OperatorRequest::Call { call, follow } => return self.call(*call, follow, &mut send).await,
            OperatorRequest::Attach { job, follow } => return self.attach(&job, follow, &mut send).await,
            OperatorRequest::Rerun { job, on, confirmed, follow, patience_ms } => {
                let accepted =
                    self.services.jobs.rerun(&job, on, confirmed, patience_ms, &self.operator).await;
                return self.begin(accepted, follow, &mut send).await;
            }
            OperatorRequest::Audit { query, follow } => {
                audit::tell(&self.services, &self.operator, (query, follow), &mut send, &self.outbox).await?;
                let _ = send.finish();
                return Ok(());
            }
            OperatorRequest::Module(request) => {
                let streams = (send, receive);
                return modules::answer(&self.services, &self.operator, version, *request, streams).await;
            }
            other => other,
        };
        let making = if may_be_large(&request) { self.outbox.making().await } else { Making::default() };
        let mut warnings = Vec::new();
        let reply = self.reply(request, &mut warnings).await.unwrap_or_else(OperatorReply::Refused);
        self.warn(warnings, &mut send).await?;
        if let Err(error) = self.outbox.tell(&mut send, reply, making).await {
            // Of one that is too long, nothing is sent.
            let FrameError::TooLong { length, limit } = error else { return Err(error) };
            let message = format!(
                "the answer has {length} bytes, over the limit of {limit}: ask for fewer minions or jobs"
            );
            let refusal = Refusal::new(RefusalKind::BadRequest, message);
            self.outbox.say(&mut send, OperatorReply::Refused(refusal)).await?;
        }
        // The operator has the answer, or has gone.
        let _ = send.finish();
        Ok(())
    }

    /// Tells an operator what to know of how its target was understood, if its version has heard of that.
    async fn warn(&self, warnings: Vec<TargetWarning>, send: &mut SendStream) -> Result<(), FrameError> {
        if warnings.is_empty() || self.outbox.version() < Version::Three {
            return Ok(());
        }
        self.outbox.say(send, OperatorReply::Warned(warnings)).await
    }

    /// Everything that is answered by one reply, and what there is to say of its target.
    async fn reply(
        &self,
        request: OperatorRequest,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let Services { registry, jobs, .. } = &*self.services;
        let mut meant = |target: &Target| {
            self.matching(target).map(|matching| {
                *warnings = matching.warnings;
                matching.minions
            })
        };
        Ok(match request {
            OperatorRequest::Method { target, method } => {
                OperatorReply::Method(registry.methods(&meant(&target)?, &method)?)
            }
            OperatorRequest::Ping(target) => OperatorReply::Pings(self.ping(meant(&target)?).await),
            OperatorRequest::Targets(target) => OperatorReply::Minions(registry.statuses(&meant(&target)?)),
            OperatorRequest::Minions => OperatorReply::Minions(registry.statuses(&registry.names())),
            OperatorRequest::Invite { name, ttl_ms } => {
                OperatorReply::Invited(self.invite(name, ttl_ms).await?)
            }
            OperatorRequest::Modules { target, name: only } => {
                OperatorReply::Modules(self.modules(meant(&target)?, only.as_ref())?)
            }
            OperatorRequest::Facts(target) => {
                let (facts, heard) = meant(&target)?.into_iter().map(|name| self.facts(name)).unzip();
                OperatorReply::Facts(facts, heard)
            }
            OperatorRequest::Jobs { filter, limit } => OperatorReply::Jobs(jobs.list(&filter, limit).await?),
            OperatorRequest::Job(id) => {
                OperatorReply::Job(Box::new(jobs.document(jobs.find(&id).await?).await?))
            }
            OperatorRequest::History(id) => {
                OperatorReply::History(Box::new(jobs.history(jobs.find(&id).await?).await?))
            }
            OperatorRequest::Cancel { job, target } => self.cancel(&job, target, warnings).await?,
            OperatorRequest::GiveUp { job, target } => self.give_up(&job, target, warnings).await?,
            OperatorRequest::Purge { keep_ms } => OperatorReply::Purged(jobs.purge(keep_ms).await?),
            OperatorRequest::Status => OperatorReply::Status(Box::new(self.status().await)),
            OperatorRequest::Call { .. }
            | OperatorRequest::Attach { .. }
            | OperatorRequest::Rerun { .. }
            | OperatorRequest::Audit { .. }
            | OperatorRequest::Module(_) => {
                // `answer` has taken these already, as their replies are many.
                return Err(Refusal::new(RefusalKind::BadRequest, "not a request with one reply"));
            }
        })
    }

    /// The modules of minions, all or those of one name, as many as an answer can hold.
    fn modules(
        &self,
        names: Vec<MinionName>,
        only: Option<&ModuleName>,
    ) -> Result<Vec<(MinionName, Inventory)>, Refusal> {
        let (mut answer, mut held) = (Vec::new(), 0);
        for name in names {
            let is_meant = |module: &&Module| only.is_none_or(|only| module.name == *only);
            let Some(modules) = self.services.registry.modules(&name, is_meant) else { continue };
            held += modules.held();
            if held > MAX_MODULES_HELD {
                let message = format!(
                    "the modules of so many minions take more than {MAX_MODULES_HELD} bytes: ask for fewer, or for one module"
                );
                return Err(Refusal::new(RefusalKind::BadRequest, message));
            }
            answer.push((name, modules));
        }
        Ok(answer)
    }

    async fn call(&self, call: Call, follow: Follow, send: &mut SendStream) -> Result<(), FrameError> {
        let jobs = &self.services.jobs;
        let accepted = match self.matching(&call.target) {
            Ok(Matching { minions, warnings }) => {
                let accepted = jobs.accept(call, minions, &self.operator).await;
                if accepted.is_ok() {
                    self.warn(warnings, send).await?;
                }
                accepted
            }
            Err(refusal) => Err(refusal),
        };
        self.begin(accepted, follow, send).await
    }

    /// Stops a job, or its parts on the minions that a target means.
    async fn cancel(
        &self,
        job: &str,
        target: Option<Target>,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let (job, only) = self.parts(job, target).await?;
        let minions = only.as_ref().map(|matching| matching.minions.as_slice());
        let cancelling = self.services.jobs.cancel(job, minions).await?;
        *warnings = only.map(|matching| matching.warnings).unwrap_or_default();
        Ok(OperatorReply::Cancelling(cancelling))
    }

    /// Gives parts of a job up: those on the minions that a target means, or on those that are out of touch.
    async fn give_up(
        &self,
        job: &str,
        target: Option<Target>,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let (job, only) = self.parts(job, target).await?;
        let minions = only.as_ref().map(|matching| matching.minions.as_slice());
        let giving_up = self.services.jobs.give_up(job, minions, &self.operator).await?;
        *warnings = only.map(|matching| matching.warnings).unwrap_or_default();
        Ok(OperatorReply::GivingUp(giving_up))
    }

    /// The enrolled minions that a target means.
    fn matching(&self, target: &Target) -> Result<Matching, Refusal> {
        let registry = &self.services.registry;
        targets::find(Among::Enrolled(&registry.roster()), target, registry)
    }

    /// The job with this id, or its beginning, and who of its minions a target means, where one is given.
    async fn parts(&self, job: &str, target: Option<Target>) -> Result<(JobId, Option<Matching>), Refusal> {
        let Services { registry, jobs, .. } = &*self.services;
        let job = jobs.find(job).await?;
        let among = |target: Target| targets::find(Among::Job(&jobs.targets(job)?), &target, registry);
        Ok((job, target.map(among).transpose()?))
    }

    /// The facts of a minion, and how old they are.
    fn facts(&self, name: MinionName) -> ((MinionName, String), FactsHeard) {
        let registry = &self.services.registry;
        let (heard, connected) = (registry.facts(&name), registry.connection(&name).is_some());
        let facts = heard.as_ref().map_or_else(|| "{}".to_owned(), |heard| heard.facts.to_string());
        ((name, facts), FactsHeard { at: heard.map(|heard| heard.at), connected })
    }

    /// Says what became of a call, and then what becomes of the job.
    async fn begin(
        &self,
        accepted: Result<Follower, Refusal>,
        follow: Follow,
        send: &mut SendStream,
    ) -> Result<(), FrameError> {
        let follower = match accepted {
            Ok(follower) => follower,
            Err(refusal) => {
                self.outbox.say(send, OperatorReply::Refused(refusal)).await?;
                let _ = send.finish();
                return Ok(());
            }
        };
        let record = &follower.job().record;
        let (id, targets) = (record.id, record.targets.clone());
        reach(Point::TellBefore);
        self.outbox.say(send, OperatorReply::Accepted { job: id, targets }).await?;
        reach(Point::TellAfter);
        if follow != Follow::No {
            follow::tell(&self.services.jobs, id, Some(follower), follow, send, &self.outbox).await?;
        }
        let _ = send.finish();
        Ok(())
    }

    async fn attach(&self, job: &str, follow: Follow, send: &mut SendStream) -> Result<(), FrameError> {
        let jobs = &self.services.jobs;
        match jobs.find(job).await {
            Ok(id) => follow::tell(jobs, id, jobs.attach(id), follow, send, &self.outbox).await?,
            Err(refusal) => self.outbox.say(send, OperatorReply::Refused(refusal)).await?,
        }
        let _ = send.finish();
        Ok(())
    }

    /// Asks all of them at once, each for as long as a connection may be silent.
    async fn ping(&self, names: Vec<MinionName>) -> Vec<Ping> {
        join_all(names.into_iter().map(|minion| async {
            let answer = self.ping_one(&minion).await;
            Ping { minion, answer }
        }))
        .await
    }

    async fn ping_one(&self, minion: &MinionName) -> Result<u64, String> {
        let connection = self.services.registry.connection(minion).ok_or("not connected")?;
        let begun = Instant::now();
        let exchange = async {
            let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
            frame::write(&mut send, &MinionRequest::Ping, wire::message::link::MAX_MESSAGE).await?;
            frame::read::<Pong>(&mut receive, wire::message::link::MAX_MESSAGE).await
        };
        match tokio::time::timeout(PING, exchange).await {
            Ok(Ok(Pong)) => Ok(begun.elapsed().as_micros() as u64),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PING.as_secs())),
        }
    }

    async fn invite(&self, name: MinionName, ttl_ms: u64) -> Result<String, Refusal> {
        if ttl_ms == 0 {
            let message = "a token that is good for no time lets nobody in: let it be a millisecond at least";
            return Err(Refusal::new(RefusalKind::BadRequest, message));
        }
        let Services { authority, ledger, config, address, .. } = &*self.services;
        let secret = wire::identity::secret()
            .map_err(|error| Refusal::new(RefusalKind::Unavailable, error.to_string()))?;
        let token = Token {
            address: match &config.advertise {
                Some(advertised) => advertised.to_string(),
                None => dialable(*address).to_string(),
            },
            authority: authority.fingerprint(),
            secret,
        };
        let expires_at = now_ms().saturating_add(ttl_ms);
        let invite = Invite { name: name.clone(), secret: Digest::of(&secret), expires_at, used_by: None };
        ledger.put_invite(invite).await.map_err(|error| {
            Refusal::new(
                RefusalKind::Unavailable,
                format!("the overlord cannot record the invitation: {error}"),
            )
        })?;
        tracing::info!(operator = %self.operator, minion = %name, "invited");
        Ok(token.to_string())
    }

    async fn status(&self) -> OverlordStatus {
        let (minions, connected) = self.services.registry.counts();
        let Storage { path, bytes, disk } = self.services.ledger.storage().await;
        OverlordStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.services.address.to_string(),
            started_at: self.services.started_at,
            minions,
            connected,
            live_jobs: self.services.jobs.live_count(),
            ledger_bytes: bytes.unwrap_or(0),
            disk: Some(DiskStatus {
                path: path.display().to_string(),
                free_bytes: disk.free_bytes,
                takes_work: disk.takes_work,
            }),
        }
    }
}

/// Whether an answer grows with what the overlord has.
fn may_be_large(request: &OperatorRequest) -> bool {
    !matches!(
        request,
        OperatorRequest::Ping(_)
            | OperatorRequest::Invite { .. }
            | OperatorRequest::Cancel { .. }
            | OperatorRequest::GiveUp { .. }
            | OperatorRequest::Purge { .. }
            | OperatorRequest::Status
    )
}

/// How much memory the modules of minions may take in one answer.
const MAX_MODULES_HELD: usize = 512 << 20;
/// How long requests go on that came with the end of their connection.
const LAST_REQUESTS: Duration = Duration::from_millis(250);
/// How long a request may take to arrive once its stream is open: it may be of many bytes, and wait for others.
const REQUEST: Duration = Duration::from_secs(600);
/// How long a ping waits for its answer.
const PING: Duration = Duration::from_secs(5);
