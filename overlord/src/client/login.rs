//! How a person or a program becomes an operator: `overlord login TOKEN`.

use std::time::Duration;

use quinn::{Connection, ConnectionError};
use wire::identity::{Admission, CertificateDer, Identity, Moment, Side, load_or_make_key, signing_request};
use wire::message::enroll::Token;
use wire::message::newcomer::{ALPN, MAX_MESSAGE, Newcomer, NewcomerReply};
use wire::name::OperatorName;
use wire::signing::PublicKey;
use wire::transport::endpoint::{CLOSE_BUSY, CLOSE_DONE, Dialling, Trust, shown};
use wire::transport::frame;

use super::ClientError;
use super::dial::dial;
use super::error::Stood;
use crate::contexts::ContextName;
use crate::folder::{Folder, FolderError};

/// Who this folder's commands are from now on.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The operator.
    pub operator: OperatorName,
    /// The context that was made.
    pub context: ContextName,
    /// Where the overlord is dialled.
    pub address: String,
    /// The last moment at which the certificate is good.
    pub valid_until: Moment,
    /// The key with which the operator's calls are signed.
    pub signing_key: PublicKey,
}

/// Makes a key, has the overlord of a token sign it, and keeps both in a context of the folder, which is used from then
/// on. `address` is dialled in place of that of the token; `context` is the name of the context, which has that of the
/// operator and of the overlord where nothing is said.
///
/// A login that was interrupted goes on with the key that it had made, so the same token can be used for it again.
///
/// # Errors
/// [`ClientError::TokenRefused`] where the token is used up, expired or of another overlord, and otherwise why there was
/// no answer, after which the same token can be tried again.
pub async fn log_in(
    folder: &Folder,
    token: &Token,
    address: Option<&str>,
    context: Option<ContextName>,
) -> Result<LoggedIn, ClientError> {
    wire::identity::create_private_dir(folder.dir()).map_err(FolderError::from)?;
    let key_file = folder.dir().join(KEY);
    let key = load_or_make_key(&key_file).map_err(FolderError::from)?;
    let signing_request = signing_request(&key).map_err(FolderError::from)?;
    let newcomer = Newcomer::Operator { secret: token.secret, signing_request };
    let address = address.unwrap_or(&token.address).to_owned();
    let mut reply = ask(&address, token, &newcomer).await;
    // Others from the same address may be in its way for a moment.
    for _ in 0..BUSY_TRIES {
        let Ok(None) = reply else { break };
        tokio::time::sleep(BUSY_PAUSE).await;
        reply = ask(&address, token, &newcomer).await;
    }
    let refused = || ClientError::TokenRefused { address: address.clone() };
    let Some((NewcomerReply::Operator { name, issued }, shown)) = reply? else { return Err(refused()) };
    let admission = Admission { issued, fingerprint: token.authority, shown };
    let identity = Identity::of_newcomer(&key, Side::Operator, admission).map_err(FolderError::from)?;
    let valid_until = Moment(identity.validity().map_err(FolderError::from)?.until);
    let context = context.unwrap_or_else(|| ContextName::for_operator(name.as_str(), &address));
    // Minions that want signed calls are told this key: it is there from the beginning, and stays.
    let signing_key = folder.keep_context(&context, &identity, &address)?.make_signing_key()?.public_key();
    // The key now lives with its certificate; the next login makes another.
    let _ = std::fs::remove_file(&key_file);
    Ok(LoggedIn { operator: name, context, address, valid_until, signing_key })
}

/// Dials the overlord of the token and asks it once; `None` where it is too busy to listen. Gives the certificates with that it
/// showed.
async fn ask(
    address: &str,
    token: &Token,
    newcomer: &Newcomer,
) -> Result<Option<(NewcomerReply, Vec<CertificateDer<'static>>)>, ClientError> {
    let dialling = Dialling::new(None, Trust::Fingerprint(token.authority), &[ALPN])?;
    let dialled = dial(address, &dialling, PATIENCE).await;
    let (endpoint, connection) = dialled.map_err(|error| match error {
        ClientError::Untrusted { address, .. } => ClientError::NotOfToken { address },
        other => other,
    })?;
    let reply = tokio::time::timeout(ANSWER, speak(&connection, address, newcomer)).await;
    let shown = shown(&connection);
    connection.close(CLOSE_DONE, b"");
    // With this the overlord need not wait for the connection to time out. It is a courtesy, so it has an end.
    let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
    let reply = reply.unwrap_or_else(|_| Err(ClientError::NoAnswer { address: address.to_owned() }))?;
    Ok(reply.map(|reply| (reply, shown)))
}

async fn speak(
    connection: &Connection,
    address: &str,
    newcomer: &Newcomer,
) -> Result<Option<NewcomerReply>, ClientError> {
    let exchange = async {
        let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
        frame::write(&mut send, newcomer, MAX_MESSAGE).await?;
        // This fails only where the stream was reset, and then the reply does not come either.
        let _ = send.finish();
        frame::read(&mut receive, MAX_MESSAGE).await
    };
    match exchange.await {
        Ok(reply) => Ok(Some(reply)),
        Err(error) => match connection.close_reason() {
            Some(ConnectionError::ApplicationClosed(close)) if close.error_code == CLOSE_BUSY => Ok(None),
            Some(reason) => match ClientError::of_connection(address, &reason, Stood::Already) {
                ClientError::Refused { address } => Err(ClientError::TokenRefused { address }),
                other => Err(other),
            },
            None => Err(ClientError::Frame(error)),
        },
    }
}

/// The key of a login that has not ended yet.
const KEY: &str = "login.key";
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// How often an overlord that has too many newcomers is asked again.
const BUSY_TRIES: usize = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const GOODBYE: Duration = Duration::from_secs(1);
