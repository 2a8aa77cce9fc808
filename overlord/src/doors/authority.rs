//! What operators ask of the authority, and of the move from one to another.

use std::net::SocketAddr;

use machine::clock::now_ms;
use wire::message::authority::{AuthorityReply, AuthorityRequest, AuthorityStatus, Lack, Missing, MoveStep};
use wire::message::operator::{Refusal, RefusalKind};
use wire::name::OperatorName;

use crate::authorities::{ChangeError, Held, counted};
use crate::refusals::unavailable;
use crate::services::Services;

/// Answers one request, which the operator's roles allow.
pub(super) struct AuthorityDoor<'a> {
    pub(super) services: &'a Services,
    pub(super) operator: &'a OperatorName,
    /// The certificate that the operator showed, in DER.
    pub(super) certificate: &'a [u8],
    pub(super) from: SocketAddr,
}

impl AuthorityDoor<'_> {
    /// The answer.
    pub(super) async fn answer(&self, request: AuthorityRequest) -> Result<AuthorityReply, Refusal> {
        let authorities = &self.services.authorities;
        match request {
            AuthorityRequest::Status => {}
            AuthorityRequest::Rotate => self.done("authority-rotated", authorities.rotate().await)?,
            AuthorityRequest::Back => self.done("authority-back", authorities.back().await)?,
            AuthorityRequest::Import(pem) => {
                self.done("authority-imported", authorities.import(&pem).await)?
            }
            AuthorityRequest::Finish { leave_behind, force } => self.finish(&leave_behind, force).await?,
            AuthorityRequest::Export => {
                let request = authorities.export().await;
                self.done("authority-exported", request.as_ref().map(|_| ()))?;
                return request.map(AuthorityReply::SigningRequest).map_err(|error| refusal(&error));
            }
            AuthorityRequest::Renew(_) => {
                // The door of operators takes it, since the answer is another.
                return Err(Refusal::new(RefusalKind::BadRequest, "not a request about authorities"));
            }
        }
        Ok(AuthorityReply::Status(Box::new(self.status().await?)))
    }

    async fn status(&self) -> Result<AuthorityStatus, Refusal> {
        let tokens = self.tokens().await?;
        Ok(counted(self.services).status(self.services, tokens))
    }

    /// How many tokens for minions are out that name an authority which the end of the move lets go of.
    async fn tokens(&self) -> Result<usize, Refusal> {
        let held = self.services.authorities.held();
        let (goes, since) =
            (held.own().fingerprint() != held.target().fingerprint(), held.since().unwrap_or_default());
        let is_one_root = held.all().iter().all(|one| one.fingerprint() == held.target().fingerprint());
        let names_former = |made_at: Option<u64>| match held.step() {
            MoveStep::Settled => false,
            _ if is_one_root => false,
            _ => goes || made_at.is_none_or(|at| at < since),
        };
        let all = self.services.ledger.invitations().await.map_err(unavailable)?;
        let now = now_ms();
        let one = all.names.iter().filter(|(invite, made)| {
            invite.used_by.is_none()
                && invite.expires_at > now
                && names_former(made.as_ref().map(|made| made.at))
        });
        let many = all.globs.iter().filter(|glob| {
            glob.used < glob.uses && glob.expires_at > now && names_former(Some(glob.made.at))
        });
        Ok(one.count() + many.count())
    }

    /// Ends the move, where nobody is left behind but those who are to be.
    async fn finish(&self, leave_behind: &[String], force: bool) -> Result<(), Refusal> {
        let authorities = &self.services.authorities;
        let seen = authorities.held();
        let finished = authorities.finish(&seen, |held| self.left_behind(held, leave_behind, force)).await;
        self.done("authority-finished", finished.as_ref().map(|_| ()))?;
        for one in finished.map_err(|error| refusal(&error))? {
            tracing::warn!(
                name = one.name,
                is_operator = one.is_operator,
                "left behind with the former authority"
            );
        }
        Ok(())
    }

    /// Who is left behind if the move ends now, or that somebody must not be.
    fn left_behind(
        &self,
        held: &Held,
        leave_behind: &[String],
        force: bool,
    ) -> Result<Vec<Missing>, ChangeError> {
        if !held.target().has_signed(self.certificate) {
            return Err(ChangeError::Yourself);
        }
        let missing = counted(self.services).missing;
        let left = missing.into_iter().filter(|one| one.lack == Lack::Certificate);
        let (meant, needy): (Vec<Missing>, Vec<Missing>) =
            left.partition(|one| force || leave_behind.contains(&one.name));
        if needy.is_empty() {
            return Ok(meant);
        }
        let count = needy.len();
        let named: Vec<String> = needy.iter().take(NAMED).map(|one| format!("\"{}\"", one.name)).collect();
        let more = if count > NAMED { " and others" } else { "" };
        Err(ChangeError::Wrong(format!(
            "{count} still need the authority that would be let go of: {}{more}; wait until they were connected, or leave them \
             behind with --leave-behind NAME, and all with --force: they would have to join or log in anew. \
             `overlord ca status` shows who is missing",
            named.join(", ")
        )))
    }

    /// Notes what was done, or why it was not.
    fn done(
        &self,
        event: &str,
        done: Result<(), impl std::borrow::Borrow<ChangeError>>,
    ) -> Result<(), Refusal> {
        let held = self.services.authorities.held();
        let (step, fingerprint) = (held.step().as_str(), held.target().fingerprint());
        let refused = done.map_err(|error| refusal(error.borrow()));
        let why = refused.as_ref().err().map(|refusal| refusal.message.as_str());
        self.services.audit.authority(event, (self.operator, self.from), (step, fingerprint), why);
        if refused.is_ok() {
            tracing::info!(operator = %self.operator, event, step, %fingerprint, "the authority was changed");
        }
        refused
    }
}

fn refusal(error: &ChangeError) -> Refusal {
    let kind = match error {
        ChangeError::Folder(_) => RefusalKind::Unavailable,
        ChangeError::Moving | ChangeError::GoesBack | ChangeError::WentOn => RefusalKind::Busy,
        _ => RefusalKind::BadRequest,
    };
    Refusal::new(kind, error.to_string())
}

/// How many of those are named who would be left behind.
const NAMED: usize = 10;
