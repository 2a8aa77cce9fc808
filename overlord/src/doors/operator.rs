//! The operators' door: one stream a request, one match over all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use machine::failpoint::{Point, reach};
use quinn::{Connection, RecvStream, SendStream};
use tokio::task::JoinSet;
use wire::identity::Peer;
use wire::memory::Held as _;
use wire::message::authority::AuthorityRequest;
use wire::message::inventory::Inventory;
use wire::message::link::{Carried, MinionRequest, Pong};
use wire::message::module::Module;
use wire::message::operator::{
    Call, FactsHeard, Follow, OperatorReply, OperatorRequest, Ping, Refusal, RefusalKind, TargetWarning,
};
use wire::message::operators::OperatorsRequest;
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::transport::allowance::Allowance;
use wire::transport::endpoint::{CLOSE_DONE, shown};
use wire::transport::frame::{self, FrameError};
use wire::transport::intake::Intake;

use super::authority::AuthorityDoor;
use super::daemon_status::daemon_status;
use super::enrolment::EnrolmentDoor;
use super::follow::Telling;
use super::operators::OperatorsDoor;
use super::permit::{Gate, Permit};
use super::{audit, modules, renewal};
use crate::jobs::{Again, Follower};
use crate::operators::{NoOperator, Presence};
use crate::outbox::{Making, Outbox};
use crate::services::Services;

/// One operator's connection.
#[derive(Clone)]
pub(super) struct OperatorDoor {
    services: Arc<Services>,
    operator: Arc<Presence>,
    /// Where it connects from.
    from: SocketAddr,
    /// The certificate that it showed, in DER.
    certificate: Arc<[u8]>,
    intake: Intake,
    outbox: Outbox,
}

impl OperatorDoor {
    /// The door for a peer that is an operator who may connect, or why it is none.
    pub(super) fn admit(
        services: Arc<Services>,
        peer: &Peer,
        connection: &Connection,
    ) -> Result<Self, NoOperator> {
        let operator = Arc::new(services.operators.admit(peer, connection)?);
        let (intake, outbox) =
            (services.intake.for_another(), services.outbox.for_another(Version::of(connection)));
        let certificate = shown(connection).first().map(|certificate| certificate.as_ref().into());
        let (from, certificate): (_, Arc<[u8]>) =
            (connection.remote_address(), certificate.unwrap_or_default());
        // It is entered by now: whoever lets go of an authority either finds it, or is seen here.
        if !services.authorities.know(&operator.key(), &certificate) {
            return Err(NoOperator::FormerAuthority(operator.name().clone()));
        }
        Ok(Self { services, operator, from, certificate, intake, outbox })
    }

    fn name(&self) -> &OperatorName {
        self.operator.name()
    }

    /// What decides on its requests, by the roles that it has now.
    fn gate(&self) -> Gate<'_> {
        Gate::new(&self.services, self.name(), self.from)
    }

    /// Serves the connection until it ends.
    pub(super) async fn serve(self, connection: Connection) {
        Allowance::OPERATOR.give(&connection);
        self.services.authorities.operator_shown(self.name(), self.operator.key(), &self.certificate).await;
        // Owned here: they end with the connection. QUIC bounds how many there are at once.
        let mut requests = JoinSet::new();
        while let Ok((send, receive)) = connection.accept_bi().await {
            let door = self.clone();
            requests.spawn(async move {
                if let Err(error) = door.answer(send, receive).await {
                    tracing::debug!(operator = %door.name(), %error, "a request broke off");
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
        // Waited for before the decision, so that who loses a right meanwhile does nothing with it.
        let making = if may_be_large(&request) { self.outbox.making().await } else { Making::default() };
        let permit = match self.gate().permit(&request).await {
            Ok(permit) => permit,
            Err(refusal) => {
                // An operator who is still sending is to stop, and read.
                let _ = receive.stop(CLOSE_DONE);
                return self.refuse(refusal, &mut send).await;
            }
        };
        match request {
            OperatorRequest::Call { call, follow, mandate } => {
                self.call((*call, mandate), permit, follow, &mut send).await
            }
            OperatorRequest::Attach { follow, job: _ } => self.attach(permit, follow, &mut send).await,
            OperatorRequest::Rerun { job: _, on, confirmed, follow, patience_ms, mandate } => {
                let how = Again { on, confirmed, patience_ms, mandate };
                let accepted = match permit.job() {
                    Ok(job) => self.services.jobs.rerun(job, how, self.name()).await,
                    Err(refusal) => Err(refusal),
                };
                self.begin(accepted, follow, &mut send).await
            }
            OperatorRequest::Audit { query, follow } => {
                let asker = (self.name(), self.gate());
                audit::tell(&self.services, asker, (query, follow), &mut send, &self.outbox).await?;
                let _ = send.finish();
                Ok(())
            }
            OperatorRequest::Module(request, mandate) => {
                let (asker, streams) = ((self.name(), self.from), (send, receive));
                modules::answer(&self.services, asker, version, (*request, mandate, permit), streams).await
            }
            other => self.answer_once(other, permit, making, &mut send).await,
        }
    }

    /// Answers a request that has one reply.
    async fn answer_once(
        &self,
        request: OperatorRequest,
        permit: Permit,
        making: Making,
        send: &mut SendStream,
    ) -> Result<(), FrameError> {
        let mut warnings = Vec::new();
        let reply = self.reply(request, permit, &mut warnings).await.unwrap_or_else(OperatorReply::Refused);
        self.warn(warnings, send).await?;
        if let Err(error) = self.outbox.tell(send, reply, making).await {
            // Of one that is too long, nothing is sent.
            let FrameError::TooLong { length, limit } = error else { return Err(error) };
            let message = format!(
                "the answer has {length} bytes, over the limit of {limit}: ask for fewer minions or jobs"
            );
            let refusal = Refusal::new(RefusalKind::BadRequest, message);
            self.outbox.say(send, OperatorReply::Refused(refusal)).await?;
        }
        // The operator has the answer, or has gone.
        let _ = send.finish();
        Ok(())
    }

    async fn refuse(&self, refusal: Refusal, send: &mut SendStream) -> Result<(), FrameError> {
        self.outbox.say(send, OperatorReply::Refused(refusal)).await?;
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
        permit: Permit,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let Services { registry, jobs, .. } = &*self.services;
        let mut meant = |permit: Permit| {
            let (minions, said) = permit.minions()?;
            *warnings = said;
            Ok::<_, Refusal>(minions)
        };
        Ok(match request {
            OperatorRequest::Method { method, target: _ } => {
                OperatorReply::Method(registry.methods(&meant(permit)?, &method)?)
            }
            OperatorRequest::Ping(_) => OperatorReply::Pings(self.ping(meant(permit)?).await),
            OperatorRequest::Targets(_) => OperatorReply::Minions(registry.statuses(&meant(permit)?)),
            OperatorRequest::Minions => {
                OperatorReply::Minions(registry.statuses(&self.listed(meant(permit)?)))
            }
            OperatorRequest::Modules { name: only, target: _ } => {
                OperatorReply::Modules(self.modules(meant(permit)?, only.as_ref())?)
            }
            OperatorRequest::Facts(_) => {
                let (facts, heard) = meant(permit)?.into_iter().map(|name| self.facts(name)).unzip();
                OperatorReply::Facts(facts, heard)
            }
            OperatorRequest::Jobs { filter, limit } => {
                OperatorReply::Jobs(self.gate().jobs(filter, limit, permit.jobs()?).await?)
            }
            OperatorRequest::Job(_) => OperatorReply::Job(Box::new(jobs.document(permit.job()?).await?)),
            OperatorRequest::History(_) => {
                OperatorReply::History(Box::new(jobs.history(permit.job()?).await?))
            }
            OperatorRequest::Mandate(_) => {
                let record = jobs.record(permit.job()?).await?;
                // It says the digest of all arguments, secret ones too, and is of use to nobody else.
                let own = record.filter(|record| record.operator == *self.name());
                OperatorReply::Mandate(own.and_then(|record| record.mandate))
            }
            OperatorRequest::Cancel { .. } => self.cancel(permit, warnings).await?,
            OperatorRequest::GiveUp { .. } => self.give_up(permit, warnings).await?,
            OperatorRequest::Purge { keep_ms } => OperatorReply::Purged(self.purge(keep_ms).await?),
            OperatorRequest::Status => OperatorReply::Status(Box::new(daemon_status(&self.services).await)),
            request @ (OperatorRequest::Invite { .. }
            | OperatorRequest::Enrolment(_)
            | OperatorRequest::Operators(_)
            | OperatorRequest::Renew(_)
            | OperatorRequest::Authority(_)) => self.reply_on_identities(request, warnings).await?,
            OperatorRequest::Call { .. }
            | OperatorRequest::Attach { .. }
            | OperatorRequest::Rerun { .. }
            | OperatorRequest::Audit { .. }
            | OperatorRequest::Module(..) => {
                // `answer` has taken these already, as their replies are many.
                return Err(Refusal::new(RefusalKind::BadRequest, "not a request with one reply"));
            }
        })
    }

    /// The reply to a request that is about who may come in.
    async fn reply_on_identities(
        &self,
        request: OperatorRequest,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        Ok(match request {
            OperatorRequest::Invite { name, ttl_ms } => {
                OperatorReply::Invited(self.enrolment().invite(name, ttl_ms).await?)
            }
            OperatorRequest::Enrolment(request) => {
                OperatorReply::Enrolment(Box::new(self.enrolment().answer(*request).await?))
            }
            OperatorRequest::Operators(request) => {
                let door = OperatorsDoor { services: &self.services, operator: self.name(), from: self.from };
                OperatorReply::Operators(Box::new(door.answer(*request, warnings).await?))
            }
            OperatorRequest::Renew(request) => {
                let asked = (self.from, &request[..], false);
                renewal::of_operator(&self.services, (&self.operator, &self.certificate), asked).await?
            }
            OperatorRequest::Authority(request) => match *request {
                AuthorityRequest::Renew(request) => {
                    let asked = (self.from, &request[..], true);
                    renewal::of_operator(&self.services, (&self.operator, &self.certificate), asked).await?
                }
                request => {
                    let (operator, certificate) = (self.name(), &*self.certificate);
                    let door =
                        AuthorityDoor { services: &self.services, operator, certificate, from: self.from };
                    OperatorReply::Authority(Box::new(door.answer(request).await?))
                }
            },
            // `reply` answers the others itself.
            _ => return Err(Refusal::new(RefusalKind::BadRequest, "not a request about identities")),
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

    async fn call(
        &self,
        (call, mandate): (Call, Carried),
        permit: Permit,
        follow: Follow,
        send: &mut SendStream,
    ) -> Result<(), FrameError> {
        let accepted = match permit.minions() {
            Ok((minions, warnings)) => {
                let accepted = self.services.jobs.accept(call, mandate, minions, self.name()).await;
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
        permit: Permit,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let (job, only) = permit.parts()?;
        let minions = only.as_ref().map(|matching| matching.minions.as_slice());
        let cancelling = self.services.jobs.cancel(job, minions).await?;
        *warnings = only.map(|matching| matching.warnings).unwrap_or_default();
        Ok(OperatorReply::Cancelling(cancelling))
    }

    /// Gives parts of a job up: those on the minions that a target means, or on those that are out of touch.
    async fn give_up(
        &self,
        permit: Permit,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorReply, Refusal> {
        let (job, only) = permit.parts()?;
        let minions = only.as_ref().map(|matching| matching.minions.as_slice());
        let giving_up = self.services.jobs.give_up(job, minions, self.name()).await?;
        *warnings = only.map(|matching| matching.warnings).unwrap_or_default();
        Ok(OperatorReply::GivingUp(giving_up))
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
            Err(refusal) => return self.refuse(refusal, send).await,
        };
        let record = &follower.job().record;
        let (id, targets) = (record.id, record.targets.clone());
        reach(Point::TellBefore);
        self.outbox.say(send, OperatorReply::Accepted { job: id, targets }).await?;
        reach(Point::TellAfter);
        if follow != Follow::No {
            let telling = Telling::new(&self.services.jobs, self.gate(), id, follow, &self.outbox);
            telling.tell(Some(follower), send).await?;
        }
        let _ = send.finish();
        Ok(())
    }

    async fn attach(&self, permit: Permit, follow: Follow, send: &mut SendStream) -> Result<(), FrameError> {
        let jobs = &self.services.jobs;
        let attached = async {
            let id = permit.job()?;
            Ok((id, jobs.attach(id).await?))
        };
        match attached.await {
            Ok((id, follower)) => {
                let telling = Telling::new(jobs, self.gate(), id, follow, &self.outbox);
                telling.tell(follower, send).await?;
            }
            Err(refusal) => return self.refuse(refusal, send).await,
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

    fn enrolment(&self) -> EnrolmentDoor<'_> {
        let gate = Gate::new(&self.services, self.name(), self.from);
        EnrolmentDoor { services: &self.services, operator: self.name(), gate }
    }

    /// Those of the minions to list that the client understands: an older one does not hear which are revoked, and would
    /// take them for others.
    fn listed(&self, mut minions: Vec<MinionName>) -> Vec<MinionName> {
        if self.outbox.version() < Version::Five {
            let active = self.services.registry.roster();
            minions.retain(|minion| active.names().binary_search(minion).is_ok());
        }
        minions
    }

    async fn purge(&self, keep_ms: u64) -> Result<usize, Refusal> {
        let purged = self.services.jobs.purge(keep_ms).await?;
        self.services.audit.purged(purged, self.name(), self.from);
        Ok(purged)
    }
}

/// Whether a single reply grows with what the overlord has.
fn may_be_large(request: &OperatorRequest) -> bool {
    match request {
        OperatorRequest::Method { .. }
        | OperatorRequest::Targets(_)
        | OperatorRequest::Minions
        | OperatorRequest::Modules { .. }
        | OperatorRequest::Facts(_)
        | OperatorRequest::Jobs { .. }
        | OperatorRequest::Job(_)
        | OperatorRequest::History(_) => true,
        // A change of operators waits for no reader: who has to go goes at once.
        OperatorRequest::Operators(request) => matches!(**request, OperatorsRequest::List),
        OperatorRequest::Ping(_)
        | OperatorRequest::Invite { .. }
        | OperatorRequest::Cancel { .. }
        | OperatorRequest::GiveUp { .. }
        | OperatorRequest::Purge { .. }
        | OperatorRequest::Status
        | OperatorRequest::Renew(_)
        // Who is missing is named once, and briefly.
        | OperatorRequest::Authority(_)
        // What they list is bounded.
        | OperatorRequest::Enrolment(_)
        // Their replies are many, each of which waits for its own turn.
        | OperatorRequest::Call { .. }
        | OperatorRequest::Attach { .. }
        | OperatorRequest::Rerun { .. }
        | OperatorRequest::Audit { .. }
        | OperatorRequest::Mandate(_)
        | OperatorRequest::Module(..) => false,
    }
}

/// How much memory the modules of minions may take in one answer.
const MAX_MODULES_HELD: usize = 512 << 20;
/// How long requests go on that came with the end of their connection.
const LAST_REQUESTS: Duration = Duration::from_millis(250);
/// How long a request may take to arrive once its stream is open: it may be of many bytes, and wait for others.
const REQUEST: Duration = Duration::from_secs(600);
/// How long a ping waits for its answer.
const PING: Duration = Duration::from_secs(5);
