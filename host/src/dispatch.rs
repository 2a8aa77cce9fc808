//! What an overlord asks, and who answers: one match, one task for each stream.

use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use quinn::{RecvStream, SendStream};
use serde::Serialize;

use wire::message::link::{
    Acknowledged, Carried, MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand, Pong, Staging,
};
use wire::message::version::Version;
use wire::name::OperatorName;
use wire::signing::mandate::SignedMandate;
use wire::transport::frame::{self, FrameError};
use wire::transport::intake::Intake;

use crate::access::{AccessInForce, ChangeDenied};
use crate::audit::Audit;
use crate::jobs::{self, FollowError, Jobs, Stopping};
use crate::mandates::{Mandates, Unmandated};
use crate::modules::Modules;
use crate::renewal::Wanted;
use crate::shared::Sharing;

/// Why a request was not answered to its end. The overlord sees that the stream ends, and asks again later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The stream broke, or what came over it was no request.
    #[error(transparent)]
    Stream(#[from] FrameError),
    /// The request did not come.
    #[error("no request came on a stream that was opened for one")]
    Silent,
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The minion is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

/// Those who answer. Clones share them.
#[derive(Clone)]
pub(crate) struct Dispatch {
    /// Start, follow and stop jobs.
    pub(crate) jobs: Jobs,
    /// Take and give up versions.
    pub(crate) modules: Modules,
    /// Who may change modules; jobs ask it themselves.
    pub(crate) access: AccessInForce,
    /// Whether a change of modules is signed; jobs ask it themselves.
    pub(crate) mandates: Mandates,
    /// Is told of every change of modules that was asked for.
    pub(crate) audit: Arc<Audit>,
    /// Whose modules they are.
    pub(crate) sharing: Sharing,
    /// Is told when the overlord wants the certificate to be renewed.
    pub(crate) wanted: Wanted,
}

impl Dispatch {
    /// Reads the request of one stream and answers it.
    pub(crate) async fn answer(
        &self,
        version: Version,
        mut send: SendStream,
        mut recv: RecvStream,
        intake: &Intake,
    ) -> Result<(), Unanswered> {
        let jobs = &self.jobs;
        let reading = frame::read_into(version, &mut recv, MAX_MESSAGE, intake);
        let request = tokio::time::timeout(REQUEST, reading).await;
        let (request, room) = request.map_err(|_| Unanswered::Silent)??;
        let (job, follower) = match request {
            MinionRequest::Ping => return reply(&mut send, &Pong).await,
            MinionRequest::Cancel(job) => return reply(&mut send, &jobs.cancel(job).await?).await,
            MinionRequest::Start(start, mandate) => (start.job, jobs.start(*start, mandate)?),
            MinionRequest::Follow(job) => (job, jobs.follow(job).await?),
            MinionRequest::Settle(job) => (job, jobs.settle(job).await?),
            MinionRequest::Move { in_ms } => {
                self.wanted.in_time(Duration::from_millis(in_ms));
                return reply(&mut send, &Acknowledged).await;
            }
            MinionRequest::Modules { operator, command, mandate } => {
                let ask = Ask { operator, command, mandate, version };
                return self.change_modules(ask, &mut send, &mut recv).await;
            }
        };
        // What runs is bounded by how many jobs may.
        drop(room);
        // An overlord that stops following must not leave the task behind until the job has news.
        let gone = gone(&send);
        tokio::select! {
            reported = jobs::report(jobs, job, follower, &mut send, &mut recv) => Ok(reported?),
            () = gone => Ok(()),
        }
    }

    /// Changes the modules, where the access list lets the operator do so.
    async fn change_modules(
        &self,
        Ask { operator, command, mandate, version }: Ask,
        send: &mut SendStream,
        recv: &mut RecvStream,
    ) -> Result<(), Unanswered> {
        let modules = &self.modules;
        let turn = match self.changes_service(&command) {
            true => Some(modules.turn(command.module()).await),
            false => None,
        };
        let permitted = self.permit_change(&operator, &command, mandate.as_deref()).await;
        let denied = permitted.err().map(|denied| denied.to_string());
        let answer = match (command, denied) {
            (ModuleCommand::Stage(_), Some(why)) => return reply(send, &Staging::Refused(why)).await,
            (_, Some(why)) => ModuleAnswer::Refused(why),
            (ModuleCommand::Stage(stage), None) => {
                modules.stage(*stage, version, send, recv).await?;
                // It fails only where the stream was reset, and then nobody waits.
                let _ = send.finish();
                return Ok(());
            }
            (ModuleCommand::Activate { name, digest }, None) => modules.activate(turn, name, digest).await,
            (ModuleCommand::Discard { name, digest }, None) => modules.discard(name, digest).await,
            // Each of them would go back by one more version.
            (ModuleCommand::Rollback(_), None) if self.sharing != Sharing::Alone => {
                ModuleAnswer::Refused(NO_ROLLBACK.to_owned())
            }
            (ModuleCommand::Rollback(name), None) => modules.roll_back(turn, name).await,
            (ModuleCommand::Remove(name), None) => modules.remove(turn, name).await,
        };
        reply(send, &answer).await
    }

    /// Whether a command changes what is in service, in an order that operators have signed.
    fn changes_service(&self, command: &ModuleCommand) -> bool {
        let changes = !matches!(command, ModuleCommand::Stage(_) | ModuleCommand::Discard { .. });
        changes && self.access.current().wants_signatures()
    }

    /// Asks whether a change of the modules is signed, where that is wanted, and the access list about it, and writes down
    /// what was said.
    async fn permit_change(
        &self,
        operator: &OperatorName,
        command: &ModuleCommand,
        mandate: Option<&SignedMandate>,
    ) -> Result<(), ChangeDenied> {
        let unsigned = |why: Unmandated| ChangeDenied::unsigned(command.module().clone(), why.to_string());
        let checked = self.mandates.check_change(operator, command, mandate);
        let signer = checked.as_ref().ok().and_then(|checked| checked.signer);
        let decision = match checked {
            // What the list denies must not put off what another operator has signed.
            Ok(checked) => match self.access.current().check_change(operator, command.module()) {
                Ok(()) => self.mandates.take_precedence(checked, command).await.map_err(unsigned),
                denied => denied,
            },
            Err(why) => Err(unsigned(why)),
        };
        self.audit.module_command(operator, command, &decision, signer);
        decision
    }
}

/// What is asked of the modules.
struct Ask {
    operator: OperatorName,
    command: ModuleCommand,
    /// What the operator has signed.
    mandate: Carried,
    /// In which version the answer is understood.
    version: Version,
}

/// Waits until nobody reads this stream any more.
fn gone(send: &SendStream) -> impl Future<Output = ()> + use<> {
    let stopped = send.stopped();
    async {
        // All was sent and has arrived: then there is still the receipt to wait for.
        if let Ok(None) = stopped.await {
            std::future::pending::<()>().await;
        }
    }
}

async fn reply(send: &mut SendStream, message: &impl Serialize) -> Result<(), Unanswered> {
    frame::write(send, message, MAX_MESSAGE).await?;
    // It fails only where the stream was reset, and then nobody waits.
    let _ = send.finish();
    Ok(())
}

impl From<FollowError> for Unanswered {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Ledger(error) => Unanswered::Ledger(error),
            FollowError::Stopping(error) => Unanswered::Stopping(error),
        }
    }
}

/// Why a minion of a swarm does not roll back.
const NO_ROLLBACK: &str = "is one of a swarm, whose minions share their modules and do not roll back: push the version \
                           that is to serve";
/// How long a request may take to arrive once its stream is open, and there is room for it.
const REQUEST: Duration = Duration::from_secs(120);
