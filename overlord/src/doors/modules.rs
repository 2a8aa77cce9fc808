//! What operators ask of modules: bringing, pushing, removing, going back, assigning.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use machine::partial::PartialFile;
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;
use wire::message::catalogue::{AssignmentStatus, MAX_FILE, ModuleReply, ModuleRequest, Offer};
use wire::message::link::Carried;
use wire::message::operator::{MAX_MESSAGE, OperatorReply, Refusal, RefusalKind, TargetWarning};
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::signing::MAX_SIGNATURE;
use wire::signing::mandate::SignedMandate;
use wire::transport::endpoint::CLOSE_DONE;
use wire::transport::frame::{self, FrameError};

use super::permit::Permit;
use crate::catalogue::{CatalogueError, FileError, Here};
use crate::mandates;
use crate::roles::{Deed, ModuleVerb, On};
use crate::rollout::{Asker, Assigned, Deadline, Edit, Following, Reservation, tell, time_for};
use crate::services::Services;
use crate::targets::check_width;
use wire::targets::Roster;

/// One request of an operator.
struct ModulesDoor<'a> {
    services: &'a Services,
    operator: &'a OperatorName,
    /// The operator again, with what it has signed of the request.
    asker: Asker,
    /// That of the messages.
    version: Version,
    send: SendStream,
    receive: RecvStream,
}

/// Why a request ends before its time.
enum Ended {
    /// The operator is told why.
    Refused(Refusal),
    /// The operator has gone.
    Gone(FrameError),
}

/// Notes what an operator is about to change, which its roles allow.
fn note(
    services: &Services,
    request: &ModuleRequest,
    mandate: Option<&SignedMandate>,
    operator: &OperatorName,
    from: SocketAddr,
) {
    let (verb, module, target) = match request {
        ModuleRequest::Add(offer) => (ModuleVerb::Push, &offer.name, ""),
        ModuleRequest::Push { offer, target, .. } => {
            (ModuleVerb::Push, &offer.name, target.expression.as_str())
        }
        ModuleRequest::Remove { name, target, .. } => (ModuleVerb::Remove, name, target.expression.as_str()),
        ModuleRequest::Rollback { name, target, .. } => {
            (ModuleVerb::Rollback, name, target.expression.as_str())
        }
        ModuleRequest::Assign { name, expression, .. } | ModuleRequest::Unassign { name, expression } => {
            (ModuleVerb::Assign, name, expression.as_str())
        }
        ModuleRequest::CancelPush(name) | ModuleRequest::Release(name) => (ModuleVerb::Release, name, ""),
        ModuleRequest::Catalogue(_) | ModuleRequest::Assignments => return,
    };
    let by = (operator, mandate.and_then(|mandate| mandates::signer(mandate, operator)));
    services.audit.modules(Deed::Module(verb), (module.as_str(), target), by, from);
}

/// Answers one request.
pub(super) async fn answer(
    services: &Arc<Services>,
    (operator, from): (&OperatorName, SocketAddr),
    version: Version,
    (request, mandate, permit): (ModuleRequest, Carried, Permit),
    (send, receive): (SendStream, RecvStream),
) -> Result<(), FrameError> {
    note(services, &request, mandate.as_deref(), operator, from);
    let asker = Asker { operator: operator.clone(), mandate };
    let mut door = ModulesDoor { services, operator, asker, version, send, receive };
    match door.serve(request, permit).await {
        Ok(()) => {}
        Err(Ended::Gone(error)) => return Err(error),
        Err(Ended::Refused(refusal)) => {
            // An operator who is still sending is to stop, and read.
            let _ = door.receive.stop(CLOSE_DONE);
            frame::write(&mut door.send, &OperatorReply::Refused(refusal), MAX_MESSAGE).await?;
        }
    }
    // The operator has the answer, or has gone.
    let _ = door.send.finish();
    Ok(())
}

impl ModulesDoor<'_> {
    async fn serve(&mut self, request: ModuleRequest, permit: Permit) -> Result<(), Ended> {
        let Services { catalogue, rollout, .. } = self.services;
        if !matches!(request, ModuleRequest::Assign { .. }) {
            mandates::check_change(&self.asker.mandate, &request, None, self.operator)?;
        }
        let reply = match request {
            ModuleRequest::Add(offer) => {
                let reservation =
                    rollout.reserve(&offer.name, Some(offer.digest), self.operator, ("brought", &[]))?;
                let (reservation, _) = self.bring(reservation, offer).await?;
                drop(reservation);
                rollout.prune().await;
                return Ok(());
            }
            ModuleRequest::Push { offer, target, options } => {
                let targets = self.targets(permit, &target.expression, options.confirmed).await?;
                let reservation =
                    rollout.reserve(&offer.name, Some(offer.digest), self.operator, ("pushed", &targets))?;
                let (reservation, module) = self.bring(reservation, offer).await?;
                let following = rollout.push(reservation, module, targets, options, self.asker.clone());
                return self.follow(following).await;
            }
            ModuleRequest::Remove { target, name, confirmed } => {
                let targets = self.targets(permit, &target.expression, confirmed).await?;
                return self.edit(Edit::Remove, targets, name).await;
            }
            ModuleRequest::Rollback { target, name, confirmed } => {
                let targets = self.targets(permit, &target.expression, confirmed).await?;
                return self.edit(Edit::Rollback, targets, name).await;
            }
            ModuleRequest::Catalogue(name) => {
                ModuleReply::Catalogue(catalogue.list(name.as_ref()).await.map_err(CatalogueError::from)?)
            }
            ModuleRequest::Assign { ref expression, confirmed, .. } => {
                let (_, warnings) = self.permitted(permit, expression, confirmed)?;
                let reply = self.assign(&request).await?;
                self.warn(warnings).await?;
                reply
            }
            ModuleRequest::Unassign { expression, name } => {
                let (assignment, instead) = rollout.unassign(&name, &expression, self.operator).await?;
                ModuleReply::Unassigned { assignment: Box::new(assignment), instead }
            }
            ModuleRequest::Assignments => ModuleReply::Assignments(self.assignments().await?),
            ModuleRequest::CancelPush(name) => {
                ModuleReply::Cancelled(Box::new(rollout.cancel_push(&name, self.operator)?))
            }
            ModuleRequest::Release(name) => {
                ModuleReply::Released(Box::new(rollout.release(&name, self.operator).await?))
            }
        };
        Ok(tell(&mut self.send, reply).await?)
    }

    /// The minions that a request is permitted for, once the operator has been told what there is to say of them.
    async fn targets(
        &mut self,
        permit: Permit,
        expression: &str,
        confirmed: bool,
    ) -> Result<Vec<MinionName>, Ended> {
        let (minions, warnings) = self.permitted(permit, expression, confirmed)?;
        self.warn(warnings).await?;
        Ok(minions)
    }

    fn permitted(
        &self,
        permit: Permit,
        expression: &str,
        confirmed: bool,
    ) -> Result<(Vec<MinionName>, Vec<TargetWarning>), Refusal> {
        let (minions, warnings) = permit.minions()?;
        let matches = format!("\"{expression}\" matches");
        check_width(self.services.config.current().confirm_above, &matches, minions.len(), confirmed)?;
        Ok((minions, warnings))
    }

    /// All assignments, with the failures of those minions alone that the operator may see.
    async fn assignments(&self) -> Result<Vec<AssignmentStatus>, Ended> {
        let Services { rollout, registry, roles, operators, .. } = self.services;
        let mut assignments = rollout.assignments().await.map_err(CatalogueError::from)?;
        let roles = roles.of(self.operator, operators.roles(self.operator).as_deref());
        for one in &mut assignments {
            let failed = Roster::new(one.failures.iter().map(|(minion, _)| minion.clone()).collect());
            let seen = roles.decide(Deed::See, On::These(failed.names()), registry).allowed;
            one.failures.retain(|(minion, _)| seen.contains(minion));
        }
        Ok(assignments)
    }

    /// Tells an operator what to know of how its target was understood, if its version has heard of that.
    async fn warn(&mut self, warnings: Vec<TargetWarning>) -> Result<(), FrameError> {
        if warnings.is_empty() || self.version < Version::Three {
            return Ok(());
        }
        frame::write(&mut self.send, &OperatorReply::Warned(warnings), MAX_MESSAGE).await
    }

    async fn edit(&mut self, edit: Edit, targets: Vec<MinionName>, name: ModuleName) -> Result<(), Ended> {
        let doing = (edit.doing(), targets.as_slice());
        let reservation = self.services.rollout.reserve(&name, None, self.operator, doing)?;
        let following = self.services.rollout.edit(edit, reservation, name, targets, self.asker.clone());
        self.follow(following).await
    }

    async fn assign(&mut self, request: &ModuleRequest) -> Result<ModuleReply, Ended> {
        let Services { catalogue, rollout, .. } = self.services;
        let ModuleRequest::Assign { expression, name, version, .. } = request else {
            return Err(Refusal::new(RefusalKind::BadRequest, "not an assignment").into());
        };
        let module = catalogue.find(name, version).await?;
        mandates::check_change(&self.asker.mandate, request, Some(module.digest), self.operator)?;
        let Assigned { assignment, minions, connected } =
            rollout.assign(expression.clone(), module, self.asker.clone()).await?;
        Ok(ModuleReply::Assigned { assignment: Box::new(assignment), minions, connected })
    }

    async fn follow(&mut self, following: Following) -> Result<(), Ended> {
        let registry = (self.version >= Version::Three).then_some(&self.services.registry);
        Ok(following.relay(&mut self.send, registry).await?)
    }

    /// Takes a file into the catalogue, with those of its bytes that are not here yet.
    async fn bring(
        &mut self,
        reservation: Reservation,
        offer: Offer,
    ) -> Result<(Reservation, wire::message::catalogue::KeptModule), Ended> {
        let Services { catalogue, rollout, .. } = self.services;
        check(&offer)?;
        let (reservation, bytes) = match catalogue.take(&offer).await? {
            Here::All(bytes) => (reservation, bytes),
            Here::Part(upload) => {
                let from = upload.length();
                let (module, digest) = (&offer.name, offer.digest.short());
                tracing::info!(operator = %self.operator, %module, digest, from, "taking a file");
                tell(&mut self.send, ModuleReply::Send { from }).await?;
                let (reservation, upload) = self.receive_all(reservation, upload).await?;
                let (files, digest) = (catalogue.files().clone(), offer.digest);
                let done =
                    tokio::task::spawn_blocking(move || (reservation, files.finish(upload, digest))).await;
                let (reservation, bytes) = done.map_err(CatalogueError::from)?;
                (reservation, bytes.map_err(CatalogueError::from)?)
            }
        };
        let module = match catalogue.keep(offer, bytes, self.operator).await {
            Ok(module) => module,
            Err(error) => {
                // Nobody has a use for the file.
                drop(reservation);
                rollout.prune().await;
                return Err(error.into());
            }
        };
        let (version, digest) = (module.version.as_deref().unwrap_or("-"), module.digest.short());
        tracing::info!(operator = %self.operator, module = %module.name, version, digest, "in the catalogue");
        tell(&mut self.send, ModuleReply::Kept(Box::new(module.clone()))).await?;
        Ok((reservation, module))
    }

    /// Takes bytes until all are here. An operator who goes leaves what came for the next time.
    ///
    /// The reservation goes with the file, so that nobody else writes to it before the last write has ended.
    async fn receive_all(
        &mut self,
        mut reservation: Reservation,
        mut upload: PartialFile,
    ) -> Result<(Reservation, PartialFile), Ended> {
        let time = self.services.config.current().staging + time_for(upload.missing());
        let deadline = Deadline::within(time);
        while upload.missing() > 0 {
            let chunk = tokio::select! {
                chunk = chunk(&mut self.receive, upload.missing()) => chunk?,
                by = reservation.cancelled() => {
                    let message = format!("the push was called off by {by} before the file was here");
                    return Err(Refusal::new(RefusalKind::Busy, message).into());
                }
                () = deadline.passed() => {
                    let time = humantime::format_duration(time);
                    let message = format!("the file did not come within {time}: push again, which goes on from here");
                    return Err(Refusal::new(RefusalKind::BadRequest, message).into());
                }
            };
            let files = self.services.catalogue.files().clone();
            let wrote = tokio::task::spawn_blocking(move || {
                let wrote = files.add(&mut upload, &chunk);
                (reservation, upload, wrote)
            });
            let wrote = wrote.await.map_err(CatalogueError::from)?;
            (reservation, upload) = (wrote.0, wrote.1);
            wrote.2.map_err(CatalogueError::from)?;
        }
        Ok((reservation, upload))
    }
}

/// The next bytes of a stream: as many as make a write worthwhile, or as are wanted, or have come in a while.
///
/// Fails only where none have come: those that have are not to be sent again.
async fn chunk(receive: &mut (impl AsyncRead + Unpin), wanted: u64) -> Result<Vec<u8>, Ended> {
    let mut chunk = vec![0; CHUNK.min(usize::try_from(wanted).unwrap_or(CHUNK))];
    let mut filled = 0;
    let begun = Instant::now();
    while filled < chunk.len() {
        let until = begun + if filled == 0 { STALL } else { GATHER };
        match tokio::time::timeout_at(until, receive.read(&mut chunk[filled..])).await {
            Ok(Ok(read)) if read > 0 => filled += read,
            // What is wrong, the next read says again.
            _ if filled > 0 => break,
            Ok(Ok(_)) => return Err(FrameError::Closed.into()),
            Ok(Err(error)) => return Err(FrameError::from(error).into()),
            Err(_) => {
                let message =
                    format!("no bytes came for {} s: push again, which goes on from here", STALL.as_secs());
                return Err(Refusal::new(RefusalKind::BadRequest, message).into());
            }
        }
    }
    chunk.truncate(filled);
    Ok(chunk)
}

fn check(offer: &Offer) -> Result<(), Refusal> {
    let refused = |message: String| Err(Refusal::new(RefusalKind::BadRequest, message));
    let Offer { name, size, signature, .. } = offer;
    if *size > MAX_FILE {
        return refused(format!(
            "\"{name}\" has {size} bytes, over the limit of {MAX_FILE}: build it optimised and stripped"
        ));
    }
    let signature = signature.as_ref().map_or(0, String::len);
    if signature > MAX_SIGNATURE {
        return refused(format!("the signature of \"{name}\" has {signature} bytes of {MAX_SIGNATURE}"));
    }
    Ok(())
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Ended::Refused(refusal)
    }
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        Ended::Gone(error)
    }
}

impl From<CatalogueError> for Ended {
    fn from(error: CatalogueError) -> Self {
        Ended::Refused(error.into())
    }
}

impl From<CatalogueError> for Refusal {
    fn from(error: CatalogueError) -> Self {
        let kind = match &error {
            CatalogueError::NotAModule(..)
            | CatalogueError::File(FileError::WrongDigest(_) | FileError::TooMany(_)) => {
                RefusalKind::BadRequest
            }
            CatalogueError::NotKept(_) => RefusalKind::NotFound,
            CatalogueError::File(_) | CatalogueError::Ledger(_) | CatalogueError::Stopping(_) => {
                RefusalKind::Unavailable
            }
        };
        Refusal::new(kind, error.to_string())
    }
}

/// How much is written at once.
const CHUNK: usize = 256 << 10;

/// How long an operator may take from some bytes to the next.
const STALL: Duration = Duration::from_secs(60);

/// How long bytes that have come may wait for more before they are written.
const GATHER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    async fn next(receive: &mut (impl AsyncRead + Unpin), wanted: u64) -> Result<Vec<u8>, Ended> {
        tokio::time::timeout(STALL / 2, chunk(receive, wanted)).await.expect("what came is held back")
    }

    #[tokio::test]
    async fn what_has_come_of_a_file_is_taken_even_where_the_rest_is_slow_or_lost() {
        let (mut operator, mut receive) = tokio::io::duplex(64);
        for bytes in [b"some", b"code"] {
            operator.write_all(bytes).await.expect("written");
            assert!(matches!(next(&mut receive, 100).await, Ok(chunk) if chunk == bytes));
        }
        operator.write_all(b"more").await.expect("written");
        drop(operator);
        assert!(matches!(next(&mut receive, 100).await, Ok(chunk) if chunk == b"more"));
        assert!(matches!(next(&mut receive, 96).await, Err(Ended::Gone(FrameError::Closed))));
    }

    #[tokio::test]
    async fn what_comes_at_once_is_taken_as_far_as_it_is_wanted() {
        let mut receive: &[u8] = &[7; CHUNK + 10];
        assert!(matches!(chunk(&mut receive, u64::MAX).await, Ok(chunk) if chunk.len() == CHUNK));
        assert!(matches!(chunk(&mut receive, 4).await, Ok(chunk) if chunk.len() == 4));
    }
}
