//! Taking a version over the wire: its bytes, which may come in several goes, and then its way to being ready.

mod expiry;
mod staged;
mod ungranted;
mod uploads;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use wire::digest::Digest;
use wire::message::link::{MAX_MESSAGE, ModuleAnswer, Stage, Staging};
use wire::message::module::{Module, ModuleState};
use wire::message::version::Version as MessageVersion;
use wire::name::ModuleName;
use wire::signing::MAX_SIGNATURE;
use wire::transport::frame::{self, FrameError};

use crate::audit::Origin;
use crate::modules::admission::Age;
use crate::modules::candidate::{Candidate, Signature};
use crate::modules::change_lock::ChangeGuard;
use crate::modules::inventory::tellable;
use crate::modules::loading::Floor;
use crate::modules::service::Service;
use crate::modules::shelf::{Progress, Version};
use crate::modules::tasks::STOPPING;
use crate::sandbox::MAX_MODULE;

pub(super) use expiry::Expiry;
pub(super) use staged::Staged;
use staged::{KEEP_STAGED, Unready};
pub(super) use ungranted::Ungranted;
pub(super) use uploads::Uploads;
use uploads::{Bringer, UploadError};

/// Takes versions over the wire and makes them ready. Clones share it.
#[derive(Clone)]
pub(super) struct StagingDoor {
    service: Service,
    staged: Staged,
    uploads: Uploads,
}

/// What came of the bytes of a version.
enum Brought {
    /// They are here.
    Whole(Candidate, Bringer),
    /// They are not, and cannot be.
    Refused(String),
}

impl StagingDoor {
    pub(super) fn new(service: Service, staged: Staged, uploads: Uploads) -> Self {
        Self { service, staged, uploads }
    }

    /// What is staged.
    #[cfg(test)]
    pub(super) fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Takes a version and makes it ready, without putting it into service.
    ///
    /// What has come of it stays where the stream breaks. From when all of it is here, it goes on whether or
    /// not the stream does. Who brings the same a second time waits for the first.
    pub(super) async fn stage(
        &self,
        stage: Stage,
        version: MessageVersion,
        send: &mut (impl AsyncWrite + Unpin),
        recv: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), FrameError> {
        if let Err(refusal) = fits(&stage) {
            return say(send, Staging::Refused(refusal)).await;
        }
        let bringer = self.uploads.bringer(stage.digest).await;
        let (candidate, bringer) = match self.bytes(&stage, bringer, send, recv).await? {
            Brought::Whole(candidate, bringer) => (candidate, bringer),
            Brought::Refused(reason) => return say(send, Staging::Refused(reason)).await,
        };
        let (states, mut news) = mpsc::channel(8);
        let work = self.clone().make_ready(candidate, stage, states, bringer);
        let tell = async {
            while let Some(state) = news.recv().await {
                say(send, Staging::State(state)).await?;
            }
            Ok::<_, FrameError>(())
        };
        let (staged, told) = tokio::join!(self.service.tasks().finish(work), tell);
        told?;
        let last = match staged {
            Some(Ok(module)) => Staging::Staged(Box::new(tellable(module))),
            Some(Err(reason)) => Staging::Refused(reason),
            None => Staging::Refused(STOPPING.to_owned()),
        };
        // Only this message has a form for each version.
        say_as(version, send, last).await
    }

    /// The bytes of a version: those that are kept, or else what is sent.
    async fn bytes(
        &self,
        stage: &Stage,
        bringer: Bringer,
        send: &mut (impl AsyncWrite + Unpin),
        recv: &mut (impl AsyncRead + Unpin),
    ) -> Result<Brought, FrameError> {
        let (staging, offered) = (self.clone(), stage.clone());
        if let Some(candidate) = self.service.change(move |_| staging.kept(&offered)).await {
            return Ok(Brought::Whole(candidate, bringer));
        }
        if let Some(refusal) = self.make_room(stage).await {
            return Ok(Brought::Refused(refusal));
        }
        let refused = |error: UploadError| {
            Ok(Brought::Refused(format!("cannot take module \"{}\": it {error}", stage.name)))
        };
        let mut upload = match self.uploads.open(bringer, stage.size).await {
            Ok(upload) => upload,
            Err(error) => return refused(error),
        };
        if upload.missing() > 0 {
            say(send, Staging::Send { from: upload.length() }).await?;
            upload = match upload.receive(recv).await {
                Ok(upload) => upload,
                Err(UploadError::Broken(error)) => return Err(error.into()),
                Err(error) => return refused(error),
            }
        }
        let Stage { name, digest, signature, .. } = stage.clone();
        match upload.finish().await {
            Ok((bringer, Some(bytes))) => {
                Ok(Brought::Whole(Candidate { name, digest, bytes, signature: signature.into() }, bringer))
            }
            Ok((_, None)) => {
                let said = format!(
                    "did not get module \"{name}\" as it should be: its digest is another one; send it again"
                );
                let service = self.service.clone();
                let record = move |_: &ChangeGuard| {
                    let reason = "came with another digest";
                    service.tell(&service.refused(&name, digest, Origin::Overlord, reason));
                };
                self.service.change(record).await;
                Ok(Brought::Refused(said))
            }
            Err(error) => refused(error),
        }
    }

    /// A version that is kept already, with the signature that it comes with now.
    fn kept(&self, stage: &Stage) -> Option<Candidate> {
        let shelf = self.service.shelf();
        let kept = |version: &Version| version.is_kept();
        let known = shelf.look(&stage.name, |entry| entry.version(stage.digest).is_some_and(kept))?;
        let mut candidate = known.then(|| shelf.read(&stage.name, stage.digest).ok())??;
        if let Some(text) = &stage.signature {
            candidate.signature = Signature::Text(text.clone());
        }
        Some(candidate)
    }

    /// Sees to it that not too much is staged, and says where it is.
    async fn make_room(&self, stage: &Stage) -> Option<String> {
        let staged = self.staged.count();
        if staged >= MAX_STAGED {
            return Some(format!("has {staged} staged versions of modules: activate or discard some"));
        }
        let size = stage.size;
        let uploads = self.uploads.clone();
        self.service.change(move |_| uploads.tidy(KEEP_STAGED, size)).await;
        None
    }

    /// Verifies and compiles a version, keeps it, and holds it ready. Where it is refused, why; reads on from
    /// the minion's name.
    async fn make_ready(
        self,
        candidate: Candidate,
        stage: Stage,
        states: mpsc::Sender<ModuleState>,
        bringer: Bringer,
    ) -> Result<Module, String> {
        let _bringer = bringer;
        let Stage { name, digest, downgrade, signature, .. } = stage;
        let shelf = self.service.shelf();
        let serving = shelf.serving(&name).filter(|_| !downgrade);
        let floor = Floor(serving.and_then(|module| module.describe().version.clone()));
        let was_good = shelf.receive(&name, digest);
        // The overlord that asked may be gone, or slow: it sees in the last message what it was not told before.
        let _ = states.try_send(ModuleState::Received);
        let on_progress = {
            let (shelf, name) = (shelf.clone(), name.clone());
            move |progress: Progress| {
                shelf.come(&name, digest, progress);
                let _ = states.try_send(progress.state());
            }
        };
        let prepared = {
            let _permit = self.service.loader().permit().await;
            self.service.loader().prepare(candidate, floor, Age::Counts, Box::new(on_progress)).await
        };
        let staged = self.staged.clone();
        self.service
            .change(move |guard| match prepared {
                Ok(prepared) => staged.hold_ready(guard, prepared, Origin::Overlord),
                Err(refusal) => {
                    let refused = Unready { name, digest, signature: signature.into(), was_good };
                    Err(staged.refuse(guard, refused, &refusal))
                }
            })
            .await
    }

    /// Forgets a version that was staged, on an overlord's word. One that is or was in service stays what it is.
    pub(super) async fn discard(&self, name: ModuleName, digest: Digest) -> ModuleAnswer {
        let staging = self.clone();
        self.service
            .change(move |guard| {
                let serving = staging.service.shelf().serving_digest(&name);
                if serving == Some(digest) {
                    let digest = digest.short();
                    return ModuleAnswer::Refused(format!(
                        "has version {digest} of module \"{name}\" in service: remove it, or roll it back"
                    ));
                }
                staging.staged.discard(guard, &name, digest, Origin::Overlord);
                staging.service.done(&name, serving)
            })
            .await
    }
}

/// Whether it is worth beginning.
fn fits(stage: &Stage) -> Result<(), String> {
    let Stage { name, size, signature, .. } = stage;
    if *size > MAX_MODULE as u64 {
        return Err(format!("takes no module of {size} bytes, as \"{name}\": {MAX_MODULE} are the most"));
    }
    if signature.as_ref().is_some_and(|signature| signature.len() > MAX_SIGNATURE) {
        return Err(format!("takes no signature of more than {MAX_SIGNATURE} bytes, as that of \"{name}\""));
    }
    Ok(())
}

/// Says what has the same form in every version.
async fn say(send: &mut (impl AsyncWrite + Unpin), staging: Staging) -> Result<(), FrameError> {
    say_as(MessageVersion::default(), send, staging).await
}

async fn say_as(
    version: MessageVersion,
    send: &mut (impl AsyncWrite + Unpin),
    staging: Staging,
) -> Result<(), FrameError> {
    // Others may wait for what is staged: one who does not read must not hold it.
    let told = tokio::time::timeout(TOLD, frame::write_as(version, send, &staging, MAX_MESSAGE)).await;
    told.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// How long an overlord may take to read what it is told.
const TOLD: Duration = Duration::from_secs(60);

/// How many versions are staged at most.
const MAX_STAGED: usize = 64;
