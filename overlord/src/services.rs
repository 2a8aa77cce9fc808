//! What requests are answered from: the parts of the daemon that the doors share.

use std::net::SocketAddr;
use std::sync::Arc;

use ledger::OverlordLedger;
use wire::identity::Authority;
use wire::transport::intake::Intake;

use crate::audit::Audit;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::jobs::Jobs;
use crate::outbox::Outbox;
use crate::registry::Registry;
use crate::rollout::Rollout;

/// The parts of the daemon that a request may touch.
pub(crate) struct Services {
    pub(crate) config: Config,
    pub(crate) authority: Authority,
    pub(crate) ledger: OverlordLedger,
    pub(crate) audit: Arc<Audit>,
    pub(crate) registry: Registry,
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
