//! The minions' door: one connection for as long as it lasts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger::LedgerError;
use quinn::{Connection, RecvStream, SendStream};
use wire::identity::Peer;
use wire::message::link::{Acknowledged, Hello, MAX_MESSAGE, Notice, Welcome};
use wire::message::version::Version;
use wire::transport::allowance::Allowance;
use wire::transport::endpoint::{CLOSE_DONE, CLOSE_REFUSED, CLOSE_REPLACED, CLOSE_SECOND, shown};
use wire::transport::frame::{self, FrameError};
use wire::transport::heartbeat::Heartbeat;

use super::renewal;
use crate::authorities;
use crate::facts;
use crate::registry::{Admitted, Introduction, Link, LinkError, NoMinion, since_three};
use crate::services::Services;

/// One minion's connection.
pub(super) struct MinionDoor {
    services: Arc<Services>,
    connection: Connection,
    minion: Admitted,
    /// Whether the log has it that its facts are no good: once is enough for each connection.
    complained: AtomicBool,
}

/// What a connection of a minion is for.
enum First {
    /// It is the minion's link.
    Hello(Link),
    /// It only shows a certificate.
    Proof,
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
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("its certificate is of an authority that was let go of")]
    FormerAuthority,
    #[error("it did not introduce itself within {HELLO:?}")]
    Silent,
    #[error("it introduced itself late, or twice")]
    OutOfOrder,
    #[error("a notice of it did not come to its end within {NOTICE:?}")]
    Slow,
}

impl MinionDoor {
    /// The door for a peer that is a minion, or why it may not come in.
    pub(super) fn admit(
        services: Arc<Services>,
        connection: Connection,
        peer: &Peer,
    ) -> Result<Self, NoMinion> {
        let minion = services.registry.admit(peer)?;
        Ok(Self { services, connection, minion, complained: AtomicBool::new(false) })
    }

    /// Serves the connection until it ends.
    pub(super) async fn serve(self) {
        Allowance::MINION.give(&self.connection);
        let why = match self.introduction().await {
            Ok(First::Proof) => {
                // It has nothing else to say, and leaves once it has read the answer.
                let _ = tokio::time::timeout(HELLO, self.connection.closed()).await;
                return self.connection.close(CLOSE_DONE, b"");
            }
            Ok(First::Hello(link)) => {
                let why = self.notices(&link).await;
                self.connection.close(CLOSE_REFUSED, b"refused");
                if let Err(error) = link.gone().await {
                    tracing::error!(minion = %self.minion.name(), %error, "cannot record that it is gone");
                }
                why
            }
            Err(NoticeError::Link(LinkError::Second { linked, is_news, .. })) => {
                return self.second(linked, is_news);
            }
            Err(why) => why,
        };
        // A notice that cannot be taken ends the connection; the minion dials again and starts over.
        self.connection.close(CLOSE_REFUSED, b"refused");
        let reason = why.to_string();
        tracing::info!(minion = %self.minion.name(), ?reason, "gone");
    }

    /// Shows out a minion whose key is in use by another one, and says so where it matters.
    fn second(&self, linked: SocketAddr, is_news: bool) {
        let (minion, from) = (self.minion.name(), self.connection.remote_address());
        if is_news {
            tracing::warn!(
                %minion,
                %from,
                %linked,
                "a second minion with the identity of one that is linked is refused: one of them is a copy"
            );
            self.services.audit.second_minion(minion, from, linked);
        }
        let code = since_three(&self.connection, CLOSE_SECOND, CLOSE_REPLACED);
        self.connection.close(code, b"another minion with this identity is linked");
    }

    /// Takes the first notice, which says who is there.
    async fn introduction(&self) -> Result<First, NoticeError> {
        let first = async {
            let stream = self.connection.accept_bi().await?;
            self.take(stream).await
        };
        let first = tokio::time::timeout(HELLO, first).await;
        let (mut send, notice) = first.unwrap_or(Err(NoticeError::Silent))?;
        match notice {
            Notice::Hello(hello) => Ok(First::Hello(self.hello(hello, &mut send).await?)),
            Notice::Proof => {
                self.prove().await?;
                self.say(&mut send, &Acknowledged).await?;
                Ok(First::Proof)
            }
            _ => Err(NoticeError::OutOfOrder),
        }
    }

    /// Takes notices until the connection ends.
    async fn notices(&self, link: &Link) -> NoticeError {
        loop {
            let stream = match self.connection.accept_bi().await {
                Ok(stream) => stream,
                Err(error) => return error.into(),
            };
            let taken = async {
                let (mut send, notice) = self.take(stream).await?;
                self.answer(link, notice, &mut send).await
            };
            match tokio::time::timeout(NOTICE, taken).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return NoticeError::Slow,
            }
            // Each is written to the ledger: a minion has no reason to say more than this.
            tokio::time::sleep(PACE).await;
        }
    }

    async fn take(&self, stream: (SendStream, RecvStream)) -> Result<(SendStream, Notice), NoticeError> {
        let (send, mut receive) = stream;
        Ok((send, frame::read_as(Version::of(&self.connection), &mut receive, MAX_MESSAGE).await?))
    }

    async fn hello(&self, hello: Hello, send: &mut SendStream) -> Result<Link, NoticeError> {
        let Services { jobs, rollout, .. } = &*self.services;
        let name = self.minion.name();
        let settled = jobs.settled(name, &hello.unacknowledged).await?;
        let (from, modules) = (self.connection.remote_address(), hello.modules.modules.len());
        let said = Introduction {
            version: hello.version.clone(),
            modules: hello.modules,
            facts: self.readable(&hello.facts),
            instance: hello.instance,
        };
        let link = self.minion.connect(self.connection.clone(), said).await?;
        // It is entered by now: whoever lets go of an authority either finds it, or is seen here.
        let certificate = shown(&self.connection).first().map(|one| one.to_vec()).unwrap_or_default();
        if !self.services.authorities.know(&self.minion.certificate().key, &certificate) {
            link.gone().await?;
            return Err(NoticeError::FormerAuthority);
        }
        // Said, here and to the minion, only when calls find it connected.
        tracing::info!(minion = %name, %from, version = hello.version, modules, "connected");
        let lifetime = self.services.authorities.held().own().lifetimes().minion;
        let renew_in_ms = Some(renewal::due_in(self.minion.certificate().validity(), lifetime));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let heartbeat = Heartbeat::of_each_of(self.services.registry.size());
        let heartbeat_ms = Some(heartbeat.pause().as_millis() as u64);
        let welcome = Welcome { name: name.clone(), version, settled, renew_in_ms, heartbeat_ms };
        if let Err(error) = self.say(send, &welcome).await {
            link.gone().await?;
            return Err(error.into());
        }
        authorities::ask(&self.services, name);
        rollout.reconcile(name).await;
        Ok(link)
    }

    async fn answer(&self, link: &Link, notice: Notice, send: &mut SendStream) -> Result<(), NoticeError> {
        match notice {
            Notice::Hello(_) | Notice::Proof => return Err(NoticeError::OutOfOrder),
            Notice::Renew(request) => self.renew(link, (&request, false), send).await?,
            Notice::Move(request) => self.renew(link, (&request, true), send).await?,
            Notice::Modules(modules) => {
                link.modules_changed(modules).await?;
                self.say(send, &Acknowledged).await?;
                self.services.rollout.reconcile_what_is_ready(self.minion.name()).await;
            }
            Notice::Facts(facts) => {
                if let Some(facts) = self.readable(&facts) {
                    link.facts_changed(facts).await?;
                }
                self.say(send, &Acknowledged).await?;
                self.services.rollout.reconcile_if_changed(self.minion.name()).await;
            }
        }
        Ok(())
    }

    /// Takes note that the minion has shown its certificate, which may be its next one.
    async fn prove(&self) -> Result<(), LinkError> {
        let Services { registry, authorities, .. } = &*self.services;
        let key = || Some(registry.statuses(std::slice::from_ref(self.minion.name())).first()?.key);
        let former = key();
        self.minion.prove().await?;
        if let Some(former) = former.filter(|former| key() != Some(*former)) {
            authorities.is_former(former).await;
            authorities.news.notify_one();
        }
        Ok(())
    }

    /// Makes the minion's next certificate.
    async fn renew(
        &self,
        link: &Link,
        request: (&[u8], bool),
        send: &mut SendStream,
    ) -> Result<(), NoticeError> {
        let (minion, over) = (self.minion.name(), &self.connection);
        let renewal = renewal::of_minion(&self.services, link, minion, over, request).await?;
        Ok(self.say(send, &renewal).await?)
    }

    /// The whole answer to a notice. The minion has it or asks again on a new connection.
    async fn say<T: serde::Serialize>(&self, send: &mut SendStream, answer: &T) -> Result<(), FrameError> {
        frame::write_as(Version::of(&self.connection), send, answer, MAX_MESSAGE).await?;
        let _ = send.finish();
        Ok(())
    }

    /// What the minion says of its host. What cannot be read leaves its former facts in place.
    fn readable(&self, text: &str) -> Option<Arc<serde_json::Value>> {
        let parsed = facts::parse(text);
        if let Err(error) = &parsed
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(minion = %self.minion.name(), %error, "its facts are not taken");
        }
        // A host always has some: who says none has none to say, such as because they were too long.
        parsed.ok().filter(|facts| facts.as_object().is_some_and(|facts| !facts.is_empty()))
    }
}

/// How long a minion may take to introduce itself.
const HELLO: Duration = Duration::from_secs(10);
/// How long a notice may take once its stream is open.
const NOTICE: Duration = Duration::from_secs(30);
/// How long after one notice the next is looked at.
const PACE: Duration = Duration::from_millis(20);
