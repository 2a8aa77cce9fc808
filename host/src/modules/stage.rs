//! Taking a version over the wire: its bytes, which may come in several goes, and then its way to being ready.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use wire::digest::Digest;
use wire::message::link::{MAX_MESSAGE, Stage, Staging};
use wire::message::module::{Module, ModuleState};
use wire::message::version;
use wire::signing::MAX_SIGNATURE;
use wire::transport::frame::{self, FrameError};

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::error::Refusal;
use crate::modules::folder::{Candidate, Signature};
use crate::modules::housekeeping::KEEP_STAGED;
use crate::modules::prepare::{Floor, Prepared};
use crate::modules::set::Entry;
use crate::modules::told::tellable;
use crate::modules::uploads::{Bringer, UploadError};
use crate::modules::version::Version;
use crate::modules::{Modules, STOPPING};
use crate::sandbox::MAX_MODULE;

/// What came of the bytes of a version.
enum Brought {
    /// They are here.
    Whole(Candidate, Bringer),
    /// They are not, and cannot be.
    Refused(String),
}

impl Modules {
    /// Takes a version and makes it ready, without putting it into service.
    ///
    /// What has come of it stays where the stream breaks. From when all of it is here, it goes on whether or
    /// not the stream does. Who brings the same a second time waits for the first.
    pub(crate) async fn stage(
        &self,
        stage: Stage,
        version: version::Version,
        send: &mut (impl AsyncWrite + Unpin),
        recv: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), FrameError> {
        if let Err(refusal) = fits(&stage) {
            return say(send, Staging::Refused(refusal)).await;
        }
        let bringer = self.0.uploads.bringer(stage.digest).await;
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
        let (staged, told) = tokio::join!(self.detached(work), tell);
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
        let kept = self.step({
            let stage = stage.clone();
            move |modules| modules.kept(&stage)
        });
        if let Some(candidate) = kept.await {
            return Ok(Brought::Whole(candidate, bringer));
        }
        if let Some(refusal) = self.make_room(stage).await {
            return Ok(Brought::Refused(refusal));
        }
        let refused = |error: UploadError| {
            Ok(Brought::Refused(format!("cannot take module \"{}\": it {error}", stage.name)))
        };
        let mut upload = match self.0.uploads.open(bringer, stage.size).await {
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
                self.0.tell(&self.0.refused(&name, digest, Origin::Overlord, "came with another digest"));
                Ok(Brought::Refused(format!(
                    "did not get module \"{name}\" as it should be: its digest is another one; send it again"
                )))
            }
            Err(error) => refused(error),
        }
    }

    /// A version that is kept already, with the signature that it comes with now. Part of a step.
    fn kept(&self, stage: &Stage) -> Option<Candidate> {
        let known = self.0.set().get(&stage.name)?.version(stage.digest)?.kept;
        let mut candidate = known.then(|| self.0.store.read(&stage.name, stage.digest).ok())??;
        if let Some(text) = &stage.signature {
            candidate.signature = Signature::Text(text.clone());
        }
        Some(candidate)
    }

    /// Sees to it that not too much is staged, and says where it is.
    async fn make_room(&self, stage: &Stage) -> Option<String> {
        let is_staged = |version: &&Version| version.state == ModuleState::Staged;
        let staged = self.0.set().values().flat_map(|entry| &entry.versions).filter(is_staged).count();
        if staged >= MAX_STAGED {
            return Some(format!("has {staged} staged versions of modules: activate or discard some"));
        }
        let size = stage.size;
        self.step(move |modules| modules.0.uploads.tidy(KEEP_STAGED, size)).await;
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
        let floor = {
            let set = self.0.set();
            let serving = set.get(&name).and_then(|entry| entry.serving.as_ref());
            Floor(serving.filter(|_| !downgrade).and_then(|module| module.describe().version.clone()))
        };
        let known = self.0.update(&name, |entry| {
            let known = entry.version(digest).is_some_and(|version| version.is_good());
            entry.arrive(&name, digest).discarded = false;
            entry.now(digest, ModuleState::Received);
            known
        });
        // Whoever asked may be gone, or slow: what it is not told it sees in the last message.
        let _ = states.try_send(ModuleState::Received);
        let on_state = {
            let (modules, name) = (self.clone(), name.clone());
            move |state: ModuleState| {
                modules.0.update(&name, |entry| entry.now(digest, state.clone()));
                let _ = states.try_send(state);
            }
        };
        let prepared = {
            // Never closed. It bounds how many modules are compiled at once.
            let _permit = self.0.loads.acquire().await;
            self.prepare_or_reuse(candidate, floor, Age::Counts, Box::new(on_state)).await
        };
        self.step(move |modules| match prepared {
            Ok(prepared) => modules.hold_ready(prepared, Origin::Overlord),
            Err(refusal) => {
                let waits = !known && modules.keep_waiting(&name, digest, signature.into(), &refusal);
                Err(modules.refuse_staged(&name, digest, known, waits, &refusal))
            }
        })
        .await
    }

    /// Part of a step.
    pub(super) fn hold_ready(&self, prepared: Prepared, by: Origin) -> Result<Module, String> {
        let Prepared { candidate, module, signer, .. } = prepared;
        let (name, digest) = (&candidate.name, candidate.digest);
        self.0.uploads.discard(digest);
        let discarded = |entry: &Entry| entry.version(digest).is_some_and(|version| version.discarded);
        if self.0.set().get(name).is_some_and(discarded) {
            self.0.update(name, |entry| entry.forgo(digest));
            return Err(format!("does not take module \"{name}\": it was discarded meanwhile"));
        }
        let kept = self.0.store.keep(&candidate);
        if let Err(error) = kept {
            self.0.update(name, |entry| entry.forgo(digest));
            return Err(format!("cannot keep module \"{name}\": {error}"));
        }
        let about = module.describe().clone();
        self.0.update(name, |entry| {
            let serving = entry.serving_digest() == Some(digest);
            let version = entry.arrive(name, digest);
            (version.about, version.kept) = (about.clone(), true);
            version.signer.clone_from(&signer);
            if !serving {
                version.ready = Some(module);
                version.now(ModuleState::Staged);
            }
        });
        self.0.trim(name);
        self.0.tell(&ModuleChange {
            what: "staged",
            by,
            module: name,
            digest: Some(digest),
            version: about.version.as_deref(),
            before: None,
            signer: signer.as_deref(),
            reason: None,
        });
        let set = self.0.set();
        let entry = set.get(name);
        let version = entry.and_then(|entry| entry.version(digest));
        let state = version.map_or(ModuleState::Staged, |version| version.state.clone());
        let versions = entry.and_then(|entry| entry.describe(name)).map(|module| module.versions);
        Ok(Module { state, versions: versions.unwrap_or_default(), ..about })
    }

    /// Part of a step.
    fn refuse_staged(
        &self,
        name: &wire::name::ModuleName,
        digest: Digest,
        known: bool,
        waits: bool,
        refusal: &Refusal,
    ) -> String {
        self.0.uploads.discard(digest);
        self.0.update(name, |entry| match known {
            true => entry.forgo(digest),
            false => {
                if let Some(version) = entry.version_mut(digest) {
                    version.kept |= waits;
                }
                entry.failed(digest, refusal.clone());
            }
        });
        self.0.trim(name);
        self.0.tell(&self.0.refused(name, digest, Origin::Overlord, &refusal.reason));
        format!("does not take module \"{name}\": it {}", refusal.reason)
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
    say_as(version::Version::default(), send, staging).await
}

async fn say_as(
    version: version::Version,
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
