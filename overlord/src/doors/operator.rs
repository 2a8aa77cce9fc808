//! The operators' door: one stream a request, one match over all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use quinn::{Connection, RecvStream, SendStream};
use tokio::task::JoinSet;
use wire::clock::now_ms;
use wire::digest::Digest;
use wire::enroll::Token;
use wire::failpoint::{Point, reach};
use wire::frame::{self, FrameError};
use wire::identity::{Peer, Role};
use wire::link::{MinionRequest, Pong};
use wire::name::{MinionName, OperatorName};
use wire::operator::{
    Call, Follow, MAX_MESSAGE, OperatorReply, OperatorRequest, OverlordStatus, Ping, Refusal, RefusalKind,
};
use wire::transport::Allowance;
use wire::version::Version;

use ledger::Invite;

use super::modules;
use crate::desk::Desk;
use crate::folder::dialable;
use crate::jobs::Follower;

/// One operator's connection.
#[derive(Clone)]
pub(super) struct OperatorDoor {
    desk: Arc<Desk>,
    operator: OperatorName,
    version: Version,
}

impl OperatorDoor {
    /// The door for a peer that is an operator, or why it is none.
    pub(super) fn admit(desk: Arc<Desk>, peer: &Peer, version: Version) -> Result<Self, String> {
        match (peer.role, peer.name.parse()) {
            (Role::Operator, Ok(operator)) => Ok(Self { desk, operator, version }),
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
        let request = frame::read(&mut receive, wire::link::MAX_MESSAGE).await?;
        let reply = match request {
            OperatorRequest::Call { call, follow } => return self.call(*call, follow, &mut send).await,
            OperatorRequest::Attach { job, follow } => return self.attach(&job, follow, &mut send).await,
            OperatorRequest::Rerun { job, on, confirmed, follow } => {
                let accepted = self.desk.jobs.rerun(&job, on, confirmed, &self.operator).await;
                return self.begin(accepted, follow, &mut send).await;
            }
            OperatorRequest::Module(request) => {
                return modules::answer(&self.desk, &self.operator, *request, send, receive).await;
            }
            other => self.reply(other).await.unwrap_or_else(OperatorReply::Refused),
        };
        if let Err(error) = frame::write_as(self.version, &mut send, &reply, MAX_MESSAGE).await {
            // Of one that is too long, nothing is sent.
            let FrameError::TooLong { length, limit } = error else { return Err(error) };
            let message = format!(
                "the answer has {length} bytes, over the limit of {limit}: ask for fewer minions or jobs"
            );
            let refusal = Refusal::new(RefusalKind::BadRequest, message);
            frame::write(&mut send, &OperatorReply::Refused(refusal), MAX_MESSAGE).await?;
        }
        // The operator has the answer, or has gone.
        let _ = send.finish();
        Ok(())
    }

    /// Everything that is answered by one reply.
    async fn reply(&self, request: OperatorRequest) -> Result<OperatorReply, Refusal> {
        let Desk { registry, jobs, .. } = &*self.desk;
        Ok(match request {
            OperatorRequest::Method { target, method } => {
                OperatorReply::Method(jobs.methods(&jobs.resolve(&target)?, &method)?)
            }
            OperatorRequest::Ping(target) => OperatorReply::Pings(self.ping(jobs.resolve(&target)?).await),
            OperatorRequest::Targets(target) => {
                OperatorReply::Minions(registry.statuses(&jobs.resolve(&target)?))
            }
            OperatorRequest::Minions => OperatorReply::Minions(registry.statuses(&registry.names())),
            OperatorRequest::Invite { name, ttl_ms } => {
                OperatorReply::Invited(self.invite(name, ttl_ms).await?)
            }
            OperatorRequest::Modules { target, name: only } => {
                let names = jobs.resolve(&target)?;
                let modules = |name: MinionName| {
                    let mut inventory = registry.modules(&name)?;
                    inventory.modules.retain(|module| only.as_ref().is_none_or(|only| module.name == *only));
                    Some((name, inventory))
                };
                OperatorReply::Modules(names.into_iter().filter_map(modules).collect())
            }
            OperatorRequest::Facts(target) => {
                let facts = |name: MinionName| {
                    let facts =
                        registry.facts(&name).map_or_else(|| "{}".to_owned(), |facts| facts.to_string());
                    (name, facts)
                };
                OperatorReply::Facts(jobs.resolve(&target)?.into_iter().map(facts).collect())
            }
            OperatorRequest::Jobs { filter, limit } => OperatorReply::Jobs(jobs.list(&filter, limit)?),
            OperatorRequest::Job(id) => OperatorReply::Job(Box::new(jobs.document(jobs.find(&id)?)?)),
            OperatorRequest::History(id) => OperatorReply::History(Box::new(jobs.history(jobs.find(&id)?)?)),
            OperatorRequest::Cancel { job, target } => {
                let only = target.map(|target| jobs.resolve(&target)).transpose()?;
                let job = jobs.find(&job)?;
                OperatorReply::Cancelling(jobs.cancel(job, only.as_deref()).await?)
            }
            OperatorRequest::Purge { keep_ms } => OperatorReply::Purged(jobs.purge(keep_ms).await?),
            OperatorRequest::Status => OperatorReply::Status(Box::new(self.status())),
            OperatorRequest::Call { .. }
            | OperatorRequest::Attach { .. }
            | OperatorRequest::Rerun { .. }
            | OperatorRequest::Module(_) => {
                // `answer` has taken these already, as their replies are many.
                return Err(Refusal::new(RefusalKind::BadRequest, "not a request with one reply"));
            }
        })
    }

    async fn call(&self, call: Call, follow: Follow, send: &mut SendStream) -> Result<(), FrameError> {
        let accepted = self.desk.jobs.accept(call, &self.operator).await;
        self.begin(accepted, follow, send).await
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
                frame::write(send, &OperatorReply::Refused(refusal), MAX_MESSAGE).await?;
                let _ = send.finish();
                return Ok(());
            }
        };
        let record = &follower.job().record;
        let (id, targets) = (record.id, record.targets.clone());
        reach(Point::TellBefore);
        frame::write(send, &OperatorReply::Accepted { job: id, targets }, MAX_MESSAGE).await?;
        reach(Point::TellAfter);
        if follow != Follow::No {
            self.desk.jobs.follow(id, Some(follower), follow, send).await?;
        }
        let _ = send.finish();
        Ok(())
    }

    async fn attach(&self, job: &str, follow: Follow, send: &mut SendStream) -> Result<(), FrameError> {
        let jobs = &self.desk.jobs;
        match jobs.find(job) {
            Ok(id) => jobs.follow(id, jobs.attach(id), follow, send).await?,
            Err(refusal) => frame::write(send, &OperatorReply::Refused(refusal), MAX_MESSAGE).await?,
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
        let connection = self.desk.registry.connection(minion).ok_or("not connected")?;
        let begun = Instant::now();
        let exchange = async {
            let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
            frame::write(&mut send, &MinionRequest::Ping, wire::link::MAX_MESSAGE).await?;
            frame::read::<Pong>(&mut receive, wire::link::MAX_MESSAGE).await
        };
        match tokio::time::timeout(PING, exchange).await {
            Ok(Ok(Pong)) => Ok(begun.elapsed().as_micros() as u64),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PING.as_secs())),
        }
    }

    async fn invite(&self, name: MinionName, ttl_ms: u64) -> Result<String, Refusal> {
        let Desk { authority, ledger, config, address, .. } = &*self.desk;
        let secret = wire::identity::secret()
            .map_err(|error| Refusal::new(RefusalKind::Unavailable, error.to_string()))?;
        let token = Token {
            address: config.advertise.clone().unwrap_or_else(|| dialable(*address).to_string()),
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

    fn status(&self) -> OverlordStatus {
        let (minions, connected) = self.desk.registry.counts();
        OverlordStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.desk.address.to_string(),
            started_at: self.desk.started_at,
            minions,
            connected,
            live_jobs: self.desk.jobs.live_count(),
            ledger_bytes: self.desk.ledger.disk_bytes().unwrap_or(0),
        }
    }
}

/// How long requests go on that came with the end of their connection.
const LAST_REQUESTS: Duration = Duration::from_millis(250);
/// How long a ping waits for its answer.
const PING: Duration = Duration::from_secs(5);
