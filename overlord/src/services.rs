//! What requests are answered from: the parts of the daemon that the doors share.

use std::net::SocketAddr;
use std::sync::Arc;

use ledger::OverlordLedger;
use wire::message::enroll::Token;
use wire::message::operator::{Refusal, RefusalKind};
use wire::transport::intake::Intake;

use crate::audit::Audit;
use crate::authorities::Authorities;
use crate::catalogue::Catalogue;
use crate::config_in_force::ConfigInForce;
use crate::enrolment::WaitingHosts;
use crate::folder::dialable;
use crate::jobs::Jobs;
use crate::operators::Operators;
use crate::outbox::Outbox;
use crate::registry::Registry;
use crate::restored::Gap;
use crate::roles::RoleBook;
use crate::rollout::Rollout;

/// The parts of the daemon that a request may touch.
pub(crate) struct Services {
    pub(crate) config: ConfigInForce,
    /// Who signs certificates, and who is about to.
    pub(crate) authorities: Authorities,
    pub(crate) ledger: OverlordLedger,
    pub(crate) audit: Arc<Audit>,
    pub(crate) registry: Registry,
    /// Who the operators are.
    pub(crate) operators: Operators,
    /// Between which moments keys were made that a folder does not know which was restored; `None` where it never was.
    pub(crate) gap: Option<Gap>,
    /// What operators may do.
    pub(crate) roles: RoleBook,
    /// Hosts that wait to be let in.
    pub(crate) waiting: Arc<WaitingHosts>,
    pub(crate) jobs: Jobs,
    pub(crate) catalogue: Catalogue,
    pub(crate) rollout: Rollout,
    /// Room for what operators send.
    pub(crate) intake: Intake,
    /// Room for what operators are sent.
    pub(crate) outbox: Outbox,
    /// Where the daemon really listens.
    pub(crate) address: SocketAddr,
    /// When it started, in milliseconds since 1970.
    pub(crate) started_at: u64,
}

impl Services {
    /// A token with a new secret, which tells whoever gets it where this overlord is and how to know it.
    pub(crate) fn token(&self) -> Result<Token, Refusal> {
        let secret = wire::identity::secret()
            .map_err(|error| Refusal::new(RefusalKind::Unavailable, error.to_string()))?;
        let address = match &self.config.current().advertise {
            Some(advertised) => advertised.to_string(),
            None => dialable(self.address).to_string(),
        };
        Ok(Token { address, authority: self.authorities.held().own().fingerprint(), secret })
    }
}
