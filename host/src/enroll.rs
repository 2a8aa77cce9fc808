//! How this host becomes a minion: `minion join`, with a token or without.

use std::time::Duration;

use quinn::Connection;

use machine::backoff::Backoff;
use wire::digest::Digest;
use wire::document::text::printable;
use wire::identity::{
    Admission, CertificateDer, Identity, IdentityError, Side, SigningRequest, load_or_make_key,
    signing_request,
};
use wire::message::enroll::{self, EnrollReply, EnrollRequest};
use wire::message::newcomer::{ALPNS, Issued, MAX_MESSAGE, Newcomer, NewcomerReply};
use wire::name::MinionName;
use wire::transport::alpn::alpn;
use wire::transport::endpoint::{self, Dialling, EndpointError, Trust};
use wire::transport::frame::{self, FrameError};

use crate::dial::DialError;
use crate::dialler::Dialler;
use crate::folder::{Enrolment, Folder, FolderError};
use crate::membership::authorities;

/// Why this host did not become a minion.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The overlord refused the token.
    #[error(
        "the overlord at \"{0}\" refuses the token: it was used before, has run out or is not of this \
         overlord; get a new one with `overlord minion invite NAME`"
    )]
    Refused(String),
    /// The overlord refuses a host without a token.
    #[error(
        "the overlord at \"{0}\" refuses this host: its log says why; the name may be that of a minion that was revoked, see \
         `overlord minion list`"
    )]
    Unwelcome(String),
    /// An operator has rejected this host.
    #[error(
        "the overlord at \"{address}\" has rejected this host (fingerprint {fingerprint}): an operator can still let it in \
         with `overlord minion accept NAME`, or invite it with `overlord minion invite NAME`"
    )]
    Rejected {
        /// The address that was dialled.
        address: String,
        /// SHA-256 of this host's public key.
        fingerprint: Digest,
    },
    /// Another host has the name.
    #[error(
        "the name \"{name}\" is in use by a minion that is linked to the overlord at \"{address}\", and keeps it: choose \
         another with --name, or stop that minion first"
    )]
    NameInUse {
        /// The address that was dialled.
        address: String,
        /// The name.
        name: MinionName,
    },
    /// The overlord gives this host another name than it is to have.
    #[error(
        "the overlord at \"{address}\" would have this host be \"{given}\", and it is to be \"{wanted}\": nothing was changed; where \
         the other name is meant, join again with --name {given}"
    )]
    NameDiffers {
        /// The address that was dialled.
        address: String,
        /// The name that the overlord gives.
        given: MinionName,
        /// The name that was asked for, or that this host has had from the same overlord.
        wanted: MinionName,
    },
    /// The token is for other names.
    #[error("the token is for hosts whose name \"{glob}\" matches, and this one is {}: choose its name with --name", named(.name))]
    NameNotInvited {
        /// The names that the token is for, fit for a terminal.
        glob: String,
        /// This host's name, where it has one that could be a minion's.
        name: Option<MinionName>,
    },
    /// This host has no name that could be a minion's.
    #[error("the name of this host cannot be that of a minion: choose one with --name")]
    NoName,
    /// The overlord lets no host wait.
    #[error(
        "the overlord at \"{0}\" is older than this program, and lets nobody in without a token: update it, or get a token \
         with `overlord minion invite NAME`"
    )]
    Older(String),
    /// The program that answers is not the expected overlord.
    #[error(
        "\"{0}\" is not the overlord that was expected: check the address and the fingerprint, or get a token with `overlord \
         minion invite NAME`"
    )]
    Stranger(String),
    /// The overlord could not be reached.
    #[error(transparent)]
    Dial(DialError),
    /// The overlord's answer could not be read.
    #[error("the overlord at \"{address}\" does not speak as expected: {source}")]
    Speech {
        /// The address that was dialled.
        address: String,
        /// What went wrong.
        source: FrameError,
    },
    /// The overlord did not answer in time.
    #[error("the overlord at \"{0}\" does not answer: try the same token again")]
    Silent(String),
    /// The minion's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A key or certificate cannot be made or kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// There is no socket or no TLS to dial with.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Which overlord to join, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Where it listens: `host:port`.
    pub address: String,
    /// The digest of the certificate of its authority.
    pub authority: Digest,
    /// The secret of the token; without one, this host waits until it is let in.
    pub secret: Option<[u8; 16]>,
    /// The name that this host has or wants, where it has one that could be a minion's.
    pub name: Option<MinionName>,
    /// Whether the name was asked for, so that no other one will do.
    pub is_named: bool,
}

/// What there is to know while a join is not over.
#[derive(Debug)]
pub enum JoinEvent<'a> {
    /// It waits for an operator.
    Waits {
        /// The name that it wants.
        name: &'a MinionName,
        /// SHA-256 of its public key.
        fingerprint: Digest,
    },
    /// So many hosts wait that the overlord has no room for this one. It goes on asking.
    Full,
    /// The overlord could not be asked. It goes on trying.
    Unreachable(&'a JoinError),
}

impl Joining {
    /// The name that alone will do: the one that was asked for, or else the one that the folder has had from this overlord.
    fn wanted(&self, folder: &Folder) -> Option<MinionName> {
        if self.is_named && self.name.is_some() {
            return self.name.clone();
        }
        let identity = folder.identity().ok().filter(|identity| is_of(identity, self.authority))?;
        identity.peer().ok()?.name.parse().ok()
    }
}

/// Whether this authority is one of those that an identity trusts. There are several while an overlord moves to another.
fn is_of(identity: &Identity, authority: Digest) -> bool {
    authorities(identity).contains(&authority)
}

/// Makes a key, has the overlord sign it, and keeps both in the folder. Without a token, and with one that does not settle
/// the name, it may take until an operator has decided, which `tell` hears.
///
/// What was there before is replaced only once the overlord has agreed. A join that was interrupted goes on with
/// the key that it had made, so the same token can be used for it again, and a host that waits is the same.
///
/// # Errors
/// [`JoinError`]: [`JoinError::Refused`] where the token is used up, expired or of another overlord, and otherwise
/// why there was no answer, after which the same token can be tried again.
pub async fn join(
    folder: &Folder,
    joining: &Joining,
    tell: impl FnMut(JoinEvent<'_>),
) -> Result<Enrolment, JoinError> {
    folder.create()?;
    let key_file = folder.identity_dir().join(JOINING_KEY);
    let key = load_or_make_key(&key_file)?;
    let signing_request = signing_request(&key)?;
    let fingerprint = SigningRequest::from_der(&signing_request)?.key();
    let applicant = Applicant { joining, signing_request, fingerprint };
    let (wanted, (name, admission)) = match applicant.by_token().await? {
        Some(enrolled) => (joining.wanted(folder), enrolled),
        // Who waits has asked for one name.
        None => {
            let wanted = joining.wanted(folder).or_else(|| joining.name.clone());
            (wanted, applicant.by_waiting(tell).await?)
        }
    };
    // Calls are signed for names: which one is this host's, is not for the overlord alone to say.
    if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
        return Err(JoinError::NameDiffers { address: joining.address.clone(), given: name, wanted });
    }
    let identity = Identity::of_newcomer(&key, Side::Minion, admission)?;
    if identity.peer()?.name != name.as_str() {
        return Err(IdentityError::Foreign("it is for another name").into());
    }
    let enrolment = Enrolment { overlord: joining.address.clone(), name };
    folder.enrol(&identity, &enrolment)?;
    // The key now lives with its certificate; the next join makes another.
    let _ = std::fs::remove_file(&key_file);
    Ok(enrolment)
}

/// This host, while it is no minion yet.
struct Applicant<'a> {
    joining: &'a Joining,
    signing_request: Vec<u8>,
    fingerprint: Digest,
}

impl Applicant<'_> {
    /// Asks with the token, if there is one. Gives nothing where there is none, or an operator has to decide all the same.
    async fn by_token(&self) -> Result<Option<(MinionName, Admission)>, JoinError> {
        let Some(secret) = self.joining.secret else { return Ok(None) };
        let (name, signing_request) = (self.joining.name.clone(), self.signing_request.clone());
        let newcomer = Newcomer::Minion { secret, name, signing_request };
        let mut reply = self.ask(&newcomer).await;
        // Other newcomers from the same address may be in its way for a moment, with tokens or without.
        for _ in 0..BUSY_TRIES {
            let Err(JoinError::Dial(DialError::Busy { .. })) = reply else { break };
            tokio::time::sleep(BUSY_PAUSE).await;
            reply = self.ask(&newcomer).await;
        }
        match reply? {
            (NewcomerReply::Minion { name, issued }, shown) => {
                Ok(Some((name, self.admission(issued, shown))))
            }
            (NewcomerReply::Waits { .. } | NewcomerReply::Full { .. }, _) => Ok(None),
            (other, _) => Err(self.turned_away(other)),
        }
    }

    /// Asks until the overlord has decided.
    async fn by_waiting(
        &self,
        mut tell: impl FnMut(JoinEvent<'_>),
    ) -> Result<(MinionName, Admission), JoinError> {
        let name = self.joining.name.clone().ok_or(JoinError::NoName)?;
        let newcomer =
            Newcomer::Waiting { name: name.clone(), signing_request: self.signing_request.clone() };
        let (mut backoff, mut said) = (Backoff::new(SHORTEST, LONGEST), String::new());
        let mut once = |what: String, event: JoinEvent<'_>| {
            if said != what {
                tell(event);
                said = what;
            }
        };
        loop {
            let least = match self.ask(&newcomer).await {
                Ok((NewcomerReply::Minion { name, issued }, shown)) => {
                    return Ok((name, self.admission(issued, shown)));
                }
                Ok((NewcomerReply::Waits { again_ms }, _)) => {
                    once("waits".into(), JoinEvent::Waits { name: &name, fingerprint: self.fingerprint });
                    again_ms
                }
                Ok((NewcomerReply::Full { again_ms }, _)) => {
                    once("full".into(), JoinEvent::Full);
                    again_ms
                }
                Ok((other, _)) => return Err(self.turned_away(other)),
                Err(error) if error.is_passing() => {
                    once(error.to_string(), JoinEvent::Unreachable(&error));
                    0
                }
                Err(error) => return Err(error),
            };
            // Whatever an overlord says, it is asked again some day.
            tokio::time::sleep(backoff.pause().max(Duration::from_millis(least).min(LONGEST * 2))).await;
        }
    }

    fn admission(&self, issued: Issued, shown: Vec<CertificateDer<'static>>) -> Admission {
        Admission { issued, fingerprint: self.joining.authority, shown }
    }

    /// Dials the overlord and asks it once. Gives the certificates with its answer that it showed.
    async fn ask(
        &self,
        newcomer: &Newcomer,
    ) -> Result<(NewcomerReply, Vec<CertificateDer<'static>>), JoinError> {
        let Joining { address, authority, .. } = self.joining;
        let dialling = Dialling::new(None, Trust::Fingerprint(*authority), ALPNS)?;
        let dialled = Dialler::alone().dial(address, &dialling).await.map_err(|error| self.refusal(error))?;
        let reply = self.exchange(&dialled.connection, newcomer).await;
        let shown = endpoint::shown(&dialled.connection);
        dialled.close().await;
        Ok((reply?, shown))
    }

    async fn exchange(
        &self,
        connection: &Connection,
        newcomer: &Newcomer,
    ) -> Result<NewcomerReply, JoinError> {
        let address = || self.joining.address.clone();
        let is_older = alpn(connection).as_deref() == Some(enroll::ALPN);
        if is_older && !matches!(newcomer, Newcomer::Minion { .. }) {
            return Err(JoinError::Older(address()));
        }
        match tokio::time::timeout(ANSWER, speak(connection, newcomer, is_older)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(source)) => Err(match connection.close_reason() {
                Some(reason) => self.refusal(DialError::ended(&self.joining.address, &reason)),
                None => JoinError::Speech { address: address(), source },
            }),
            Err(_) => Err(JoinError::Silent(address())),
        }
    }

    /// What a failed conversation means.
    fn refusal(&self, error: DialError) -> JoinError {
        match error {
            DialError::Refused { .. } => self.refused(),
            DialError::Stranger { address } => JoinError::Stranger(address),
            other => JoinError::Dial(other),
        }
    }

    fn refused(&self) -> JoinError {
        let address = self.joining.address.clone();
        if self.joining.secret.is_some() {
            JoinError::Refused(address)
        } else {
            JoinError::Unwelcome(address)
        }
    }

    /// What an answer means that lets this host in neither now nor later.
    fn turned_away(&self, reply: NewcomerReply) -> JoinError {
        let address = self.joining.address.clone();
        match reply {
            NewcomerReply::Rejected => JoinError::Rejected { address, fingerprint: self.fingerprint },
            NewcomerReply::NameInUse(name) => JoinError::NameInUse { address, name },
            NewcomerReply::NameNotInvited { glob } => {
                JoinError::NameNotInvited { glob: printable(&glob), name: self.joining.name.clone() }
            }
            _ => self.refused(),
        }
    }
}

impl JoinError {
    /// Whether another attempt may find it otherwise.
    fn is_passing(&self) -> bool {
        match self {
            JoinError::Dial(error) => !error.is_final(),
            JoinError::Silent(_) | JoinError::Speech { .. } => true,
            _ => false,
        }
    }
}

/// How a host's name reads.
fn named(name: &Option<MinionName>) -> String {
    name.as_ref().map_or_else(|| "not named as a minion can be".to_owned(), |name| format!("\"{name}\""))
}

/// Asks in the form that the overlord knows.
async fn speak(
    connection: &Connection,
    newcomer: &Newcomer,
    is_older: bool,
) -> Result<NewcomerReply, FrameError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
    match newcomer {
        Newcomer::Minion { secret, signing_request, .. } if is_older => {
            let request = EnrollRequest { secret: *secret, signing_request: signing_request.clone() };
            frame::write(&mut send, &request, MAX_MESSAGE).await?;
        }
        newcomer => frame::write(&mut send, newcomer, MAX_MESSAGE).await?,
    }
    // This fails only where the stream was reset, and then the reply does not come either.
    let _ = send.finish();
    match is_older {
        true => frame::read::<EnrollReply>(&mut receive, MAX_MESSAGE).await.map(NewcomerReply::from),
        false => frame::read(&mut receive, MAX_MESSAGE).await,
    }
}

/// The key of a join that has not ended yet.
const JOINING_KEY: &str = "joining.key";
const ANSWER: Duration = Duration::from_secs(15);
/// How often an overlord that has too many newcomers is asked again.
const BUSY_TRIES: usize = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// The shortest and the longest pause before a host that waits asks again, but for what chance adds.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
