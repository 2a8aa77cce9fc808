//! How this host becomes a minion: `minion join TOKEN`.

use std::time::Duration;

use quinn::Connection;

use wire::identity::{Identity, IdentityError, load_or_make_key, signing_request};
use wire::message::enroll::{self, EnrollReply, EnrollRequest, Token};
use wire::message::newcomer::{ALPNS, MAX_MESSAGE, Newcomer, NewcomerReply};
use wire::transport::endpoint::{self, CLOSE_DONE, Dialling, EndpointError, Trust};
use wire::transport::frame::{self, FrameError};

use crate::dial::{DialError, Dialled, dial};
use crate::folder::{Enrolment, Folder, FolderError};

/// Why this host did not become a minion.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The overlord refused the token.
    #[error(
        "the overlord at \"{0}\" refuses the token: it was used before, has run out or is not of this \
         overlord; get a new one with `overlord minion invite NAME`"
    )]
    Refused(String),
    /// The program that answers is not the overlord of the token.
    #[error(
        "\"{0}\" is not the overlord that the token was made by: check the address, or get a new token with \
         `overlord minion invite NAME`"
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

/// Makes a key, has the overlord of the token sign it, and keeps both in the folder.
///
/// What was there before is replaced only once the overlord has agreed. A join that was interrupted goes on with
/// the key that it had made, so the same token can be used for it again.
///
/// # Errors
/// [`JoinError`]: [`JoinError::Refused`] where the token is used up, expired or of another overlord, and otherwise
/// why there was no answer, after which the same token can be tried again.
pub async fn join(folder: &Folder, token: &Token) -> Result<Enrolment, JoinError> {
    folder.create()?;
    let key_file = folder.identity_dir().join(JOINING_KEY);
    let key = load_or_make_key(&key_file)?;
    let newcomer =
        Newcomer::Minion { secret: token.secret, name: None, signing_request: signing_request(&key)? };

    let mut reply = ask(token, &newcomer).await;
    // Other newcomers from the same address may be in its way for a moment, with tokens or without.
    for _ in 0..BUSY_TRIES {
        let Err(JoinError::Dial(DialError::Busy { .. })) = reply else { break };
        tokio::time::sleep(BUSY_PAUSE).await;
        reply = ask(token, &newcomer).await;
    }
    let refused = || JoinError::Refused(token.address.clone());
    let NewcomerReply::Minion { name, issued } = reply? else { return Err(refused()) };
    let authority = issued.authorities.into_iter().next().ok_or_else(refused)?;
    let identity = Identity::new(&key, issued.certificate, authority);
    let enrolment = Enrolment { overlord: token.address.clone(), name };
    folder.enrol(&identity, &enrolment)?;
    // The key now lives with its certificate; the next join makes another.
    let _ = std::fs::remove_file(&key_file);
    Ok(enrolment)
}

/// Dials the overlord of the token and asks it once.
async fn ask(token: &Token, newcomer: &Newcomer) -> Result<NewcomerReply, JoinError> {
    let dialling = Dialling::new(None, Trust::Fingerprint(token.authority), ALPNS)?;
    let Dialled { endpoint, connection } =
        dial(&token.address, &dialling).await.map_err(|error| refusal(&token.address, error))?;
    let reply = exchange(&connection, &token.address, newcomer).await;
    connection.close(CLOSE_DONE, b"");
    // With this the overlord need not wait for the connection to time out. It is a courtesy, so it has an end.
    let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
    reply
}

async fn exchange(
    connection: &Connection,
    address: &str,
    newcomer: &Newcomer,
) -> Result<NewcomerReply, JoinError> {
    match tokio::time::timeout(ANSWER, speak(connection, newcomer)).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(source)) => Err(match connection.close_reason() {
            Some(reason) => refusal(address, DialError::ended(address, &reason)),
            None => JoinError::Speech { address: address.to_owned(), source },
        }),
        Err(_) => Err(JoinError::Silent(address.to_owned())),
    }
}

/// Asks in the form that the overlord knows.
async fn speak(connection: &Connection, newcomer: &Newcomer) -> Result<NewcomerReply, FrameError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
    let is_older = endpoint::alpn(connection).as_deref() == Some(enroll::ALPN);
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

/// What a failed conversation means to someone who holds a token.
fn refusal(address: &str, error: DialError) -> JoinError {
    match error {
        DialError::Refused { .. } => JoinError::Refused(address.to_owned()),
        DialError::Stranger { .. } => JoinError::Stranger(address.to_owned()),
        other => JoinError::Dial(other),
    }
}

/// The key of a join that has not ended yet.
const JOINING_KEY: &str = "joining.key";
const ANSWER: Duration = Duration::from_secs(15);
/// How often an overlord that has too many newcomers is asked again.
const BUSY_TRIES: usize = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use quinn::Endpoint;

    use wire::digest::Digest;
    use wire::identity::{Authority, Role, SigningRequest};
    use wire::transport::endpoint;

    use super::*;

    /// An overlord's enrolment door, in the form that older overlords have.
    fn overlord(authority: &Authority) -> (SocketAddr, Endpoint) {
        let identity = authority.issue(Role::Overlord, "overlord").expect("an identity");
        let endpoint =
            endpoint::listen(([127, 0, 0, 1], 0).into(), &identity, &[enroll::ALPN]).expect("listens");
        (endpoint.local_addr().expect("an address"), endpoint)
    }

    /// Lets one newcomer in, or refuses it.
    async fn answer(endpoint: Endpoint, authority: Authority, secret: [u8; 16]) {
        let Some(incoming) = endpoint.accept().await else { return };
        let Ok(connection) = incoming.await else { return };
        let (mut send, mut recv) = connection.accept_bi().await.expect("a stream");
        let request: EnrollRequest = frame::read(&mut recv, MAX_MESSAGE).await.expect("a request");
        let reply = if request.secret == secret {
            let asked = SigningRequest::from_der(&request.signing_request).expect("parses");
            let certificate = authority.sign_request(&asked, Role::Minion, "web1").expect("signed");
            let authority = authority.certificate().to_vec();
            EnrollReply::Enrolled { name: "web1".parse().expect("a name"), certificate, authority }
        } else {
            EnrollReply::Refused
        };
        frame::write(&mut send, &reply, MAX_MESSAGE).await.expect("written");
        connection.closed().await;
    }

    async fn join_with(secret: [u8; 16], fingerprint: Option<Digest>) -> Result<Folder, JoinError> {
        let dir = tempfile::tempdir().expect("a folder").keep();
        let authority = Authority::create(&dir).expect("an authority");
        let (address, endpoint) = overlord(&authority);
        let fingerprint = fingerprint.unwrap_or(authority.fingerprint());
        let token = Token { address: address.to_string(), authority: fingerprint, secret };
        let server = tokio::spawn(answer(endpoint, authority, [7; 16]));
        let folder = Folder::at(dir.join("minion"));
        let joined = join(&folder, &token).await;
        server.await.expect("no panic");
        joined.map(|_| folder)
    }

    #[tokio::test]
    async fn a_token_makes_this_host_a_minion() {
        let folder = join_with([7; 16], None).await.expect("joins");
        let peer = folder.identity().expect("there").peer().expect("ours");
        assert_eq!((peer.role, peer.name.as_str()), (Role::Minion, "web1"));
        assert_eq!(folder.enrolment().expect("there").name.as_str(), "web1");
        assert!(!folder.identity_dir().join(JOINING_KEY).exists());
    }

    #[tokio::test]
    async fn a_token_that_the_overlord_does_not_know_is_refused_and_the_secret_not_repeated() {
        let error = join_with([8; 16], None).await.expect_err("refused");
        assert!(matches!(error, JoinError::Refused(_)), "{error}");
        assert!(!error.to_string().contains("8, 8"));
    }

    #[tokio::test]
    async fn an_overlord_of_another_authority_is_a_stranger() {
        let error = join_with([7; 16], Some(Digest::of(b"another"))).await.expect_err("refused");
        assert!(matches!(error, JoinError::Stranger(_)), "{error}");
    }
}
