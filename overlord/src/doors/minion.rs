//! The minions' door: one connection for as long as it lasts.

use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use quinn::{Connection, RecvStream, SendStream};
use wire::endpoint::CLOSE_REFUSED;
use wire::frame::{self, FrameError};
use wire::identity::Peer;
use wire::link::{Acknowledged, MAX_MESSAGE, Notice, Welcome};
use wire::name::MinionName;
use wire::version::Version;

use super::refuse;
use crate::desk::Desk;
use crate::facts;

/// One minion's connection.
pub(super) struct MinionDoor {
    desk: Arc<Desk>,
    connection: Connection,
    name: MinionName,
}

/// Why a minion's notice could not be taken.
#[derive(Debug, thiserror::Error)]
enum NoticeError {
    #[error("the connection ended: {0}")]
    Connection(#[from] quinn::ConnectionError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("it did not introduce itself within {HELLO:?}")]
    Silent,
}

impl MinionDoor {
    /// Serves the connection until it ends.
    pub(super) async fn serve(desk: Arc<Desk>, connection: Connection, peer: &Peer) {
        let name = match desk.registry.admit(peer) {
            Ok(name) => name,
            Err(why) => return refuse(&connection, &why.to_string()),
        };
        let door = Self { desk, connection, name };
        let why = door.notices().await;
        // A notice that cannot be taken ends the connection; the minion dials again and starts over.
        door.connection.close(CLOSE_REFUSED, b"refused");
        if let Err(error) = door.desk.registry.disconnected(&door.name, &door.connection).await {
            tracing::error!(minion = %door.name, "cannot record that it is gone: {error}");
        }
        tracing::info!(minion = %door.name, "gone: {why}");
    }

    /// Takes notices until the connection ends; the first one is due soon.
    async fn notices(&self) -> NoticeError {
        match tokio::time::timeout(HELLO, self.take()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return NoticeError::Silent,
        }
        loop {
            if let Err(error) = self.take().await {
                return error;
            }
        }
    }

    async fn take(&self) -> Result<(), NoticeError> {
        let (mut send, mut receive) = self.connection.accept_bi().await?;
        self.answer(&mut send, &mut receive).await?;
        // The minion has its answer or asks again on a new connection.
        let _ = send.finish();
        Ok(())
    }

    async fn answer(&self, send: &mut SendStream, receive: &mut RecvStream) -> Result<(), NoticeError> {
        let Desk { registry, jobs, rollout, .. } = &*self.desk;
        match frame::read_as(Version::of(&self.connection), receive, MAX_MESSAGE).await? {
            Notice::Hello(hello) => {
                // Before anyone can see that it is there, and ask for it by its facts.
                self.take_facts(&hello.facts);
                let welcome = Welcome {
                    name: self.name.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    settled: jobs.settled(&self.name, &hello.unacknowledged)?,
                };
                let (from, modules) = (self.connection.remote_address(), hello.modules.modules.len());
                let (connection, version) = (self.connection.clone(), hello.version.clone());
                registry.connected(&self.name, connection, version, hello.modules).await?;
                // Said, here and to the minion, only when calls find it connected.
                tracing::info!(minion = %self.name, %from, version = hello.version, modules, "connected");
                frame::write(send, &welcome, MAX_MESSAGE).await?;
                rollout.reconcile(&self.name);
            }
            Notice::Modules(modules) => {
                registry.modules_changed(&self.name, modules).await?;
                frame::write(send, &Acknowledged, MAX_MESSAGE).await?;
            }
            Notice::Facts(facts) => {
                self.take_facts(&facts);
                frame::write(send, &Acknowledged, MAX_MESSAGE).await?;
                rollout.reconcile_if_changed(&self.name);
            }
        }
        Ok(())
    }

    /// Notes what the minion says of its host. What cannot be read leaves its former facts in place.
    fn take_facts(&self, text: &str) {
        match facts::parse(text) {
            Ok(facts) => self.desk.registry.facts_changed(&self.name, facts),
            Err(error) => tracing::warn!(minion = %self.name, "its facts are not taken: {error}"),
        }
    }
}

/// How long a minion may take to introduce itself.
const HELLO: Duration = Duration::from_secs(10);
