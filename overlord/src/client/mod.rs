//! The operator's side of an overlord: what the command line and operators' own programs call.
//!
//! [`Client`] has a method for each thing that can be asked. What lasts comes back as a stream of events: a job as
//! a [`JobStream`], a change of a module as a [`ModuleStream`], entries of the audit log as an [`AuditStream`]. Neither prints or decides anything, which the
//! command line does.
//!
//! ```no_run
//! # async fn ping() -> Result<(), overlord::client::ClientError> {
//! use overlord::client::{Client, ClientConfig};
//! use overlord::folder::Folder;
//! use wire::message::operator::Target;
//!
//! let folder = Folder::at("/var/lib/overlord");
//! let client = Client::connect(&ClientConfig::new(folder, None)?).await?;
//! for ping in client.ping(Target::of("web*")).await?.answer {
//!     println!("{}: {:?}", ping.minion, ping.answer);
//! }
//! # Ok(())
//! # }
//! ```

mod audit;
mod authority;
mod config;
mod dial;
mod enrolment;
mod error;
mod handed;
mod job_stream;
mod login;
mod module_file;
mod modules;
mod operators;
mod own;
mod patience;
mod signed;
mod signer;
#[cfg(test)]
pub(crate) mod stolen;

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, SendStream};
use wire::identity::{make_key, signing_request};
use wire::message::authority::AuthorityRequest;
use wire::message::inventory::Inventory;
use wire::message::operator::{
    ALPNS, Call, Cancelling, FactsHeard, Follow, GivingUp, History, JobDocument, JobFilter, JobSummary,
    MinionStatus, OperatorReply, OperatorRequest, OverlordStatus, Ping, Rerun, Target, TargetWarning,
};
use wire::message::version::Version;
use wire::name::{MethodPath, MinionName, ModuleName};
use wire::transport::endpoint::{CLOSE_DONE, Dialling, Trust, shown};
use wire::transport::frame;
use wire::value::method::OneMethod;

use self::handed::Handed;
use self::job_stream::Replies;
use self::own::Own;
use self::signer::Signer;
use crate::folder::FolderError;

pub use self::audit::AuditStream;
pub use self::config::ClientConfig;
pub use self::enrolment::{AcceptedHost, RevokedMinion};
pub use self::error::ClientError;
pub use self::job_stream::{JobEvent, JobStream};
pub use self::login::{LoggedIn, log_in};
pub use self::module_file::{ModuleFile, ModuleFileError};
pub use self::modules::{ModuleEvent, ModuleStream};
pub(crate) use self::operators::milliseconds;
pub use self::patience::{Patience, WaitOver};

/// A connection to an overlord. A cheap handle: clones share it, and requests may run side by side.
///
/// # Errors
/// Every request fails with [`ClientError::Refusal`] where the overlord refuses it, whose kind says why;
/// [`ClientError::Refused`] or [`ClientError::Outdated`] where it does not let the operator in;
/// [`ClientError::Lost`] or [`ClientError::NoAnswer`] where no answer comes; [`ClientError::Frame`] where a
/// message is too large; and [`ClientError::Unexpected`] where the answer does not fit the question. A request
/// that fails without an answer may have been done.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Connection,
    address: String,
    own: Arc<Own>,
    /// Held because the connection lives on it.
    _endpoint: Endpoint,
}

/// An answer about the minions that a target means, and what the overlord said of that target.
#[derive(Clone, Debug, PartialEq)]
pub struct Matched<T> {
    /// The answer.
    pub answer: T,
    /// What the operator should know of how the target was understood; empty where all is well.
    pub warnings: Vec<TargetWarning>,
}

impl<T> Matched<T> {
    /// Makes something of the answer and keeps the warnings. Fails with [`ClientError::Unexpected`] where `map`
    /// returns nothing.
    fn try_map<U>(self, map: impl FnOnce(T) -> Option<U>) -> Result<Matched<U>, ClientError> {
        let Matched { answer, warnings } = self;
        Ok(Matched { answer: map(answer).ok_or(ClientError::Unexpected)?, warnings })
    }
}

/// Sends a request about the minions that a target means and takes the one kind of reply that answers it.
macro_rules! matched {
    ($client:expr, $request:expr, $reply:ident) => {
        $client.ask_matched(&$request).await?.try_map(|reply| match reply {
            OperatorReply::$reply(answer) => Some(answer),
            _ => None,
        })
    };
}

/// Sends a request and takes the one kind of reply that answers it.
macro_rules! answer {
    ($client:expr, $request:expr, $reply:ident) => {
        match $client.ask(&$request).await? {
            OperatorReply::$reply(answer) => Ok(answer),
            _ => Err(ClientError::Unexpected),
        }
    };
}

impl Client {
    /// Dials the overlord, for as long as [`ClientConfig::patience`] says.
    ///
    /// An operator who is not let in may notice only at the first request.
    ///
    /// # Errors
    /// [`ClientError::NotInitialised`] or [`ClientError::Folder`] where the folder has no identity to dial with,
    /// [`ClientError::Address`] where the address leads nowhere, [`ClientError::Unreachable`] where nobody answers,
    /// [`ClientError::Untrusted`] or [`ClientError::Untimely`] where somebody answers whose certificate is not
    /// that of the folder's overlord, or not good now, and [`ClientError::Version`] where the two have no version
    /// in common.
    pub async fn connect(config: &ClientConfig) -> Result<Self, ClientError> {
        let identity = config.folder.operator_identity()?;
        let dialling = Dialling::new(Some(&identity), Trust::Authorities(identity.authorities()), ALPNS)?;
        let (endpoint, connection) = dial::dial(&config.address, &dialling, config.patience).await?;
        let signer = Signer::of(&config.folder, &identity, &shown(&connection))?;
        let own = Arc::new(Own { folder: config.folder.clone(), identity, signer });
        Ok(Self { connection, address: config.address.clone(), own, _endpoint: endpoint })
    }

    /// Renews the operator's certificate over this connection, with a new key, where two thirds of its life have passed, or the
    /// overlord goes by other authorities than this operator, of which one that it trusts has signed for all; and keeps it in the folder. The connection goes on as it is, and the next one is made with the new certificate.
    /// Returns whether there is a new one.
    ///
    /// # Errors
    /// As for [`Client`]; [`ClientError::OlderOverlord`] where the overlord renews none, and [`ClientError::Folder`] where
    /// the new certificate cannot be kept: the former one is good until its end then.
    pub async fn renew_if_due(&self) -> Result<bool, ClientError> {
        let Own { folder, identity, signer: _ } = &*self.own;
        let validity = identity.validity().map_err(FolderError::from)?;
        let is_behind = identity.is_behind(&shown(&self.connection));
        if !validity.is_due() && !is_behind {
            return Ok(false);
        }
        if Version::of(&self.connection) < Version::Five {
            return Err(ClientError::OlderOverlord { what: "renew this operator's certificate" });
        }
        let key = make_key().map_err(FolderError::from)?;
        let request = signing_request(&key).map_err(FolderError::from)?;
        let request = match is_behind {
            true => OperatorRequest::Authority(Box::new(AuthorityRequest::Renew(request))),
            false => OperatorRequest::Renew(request),
        };
        let credentials = answer!(self, request, Renewed)?;
        let renewed = identity.renewed(&key, *credentials).map_err(FolderError::from)?;
        Ok(folder.renew_operator_identity(identity, &renewed)?)
    }

    /// The address at which the overlord was reached, as the configuration gives it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells the overlord that the connection ends, so that it need not wait for a sign of life. Waits for no
    /// answer; jobs that were followed go on.
    pub async fn close(self) {
        self.connection.close(CLOSE_DONE, b"done");
        // The goodbye is sent by the connection's own task, which gets its turn here even where all tasks
        // share one thread and the program ends right after.
        tokio::task::yield_now().await;
    }

    /// Hands in a call, signed where the folder has a signing key, and follows the job that it becomes. The job goes on
    /// when the stream is dropped.
    ///
    /// # Errors
    /// As for [`Client`]. That the overlord refuses the call is an error of the stream: of kind `BadRequest` where
    /// the target or the arguments are wrong, `NoMatch` where no minion matches, and `NeedsConfirmation` where
    /// many do.
    pub async fn call(&self, call: Call, follow: Follow) -> Result<JobStream, ClientError> {
        let mandate = self.signer().map(|signer| signer.call(&call)).transpose()?.map(Box::new);
        let signed = self.noting(&mandate);
        let request = OperatorRequest::Call { call: Box::new(call), follow, mandate };
        Ok(JobStream::new(self.send(&request).await?).noting(signed))
    }

    /// Follows a job that exists already, by its id or a unique beginning of it.
    ///
    /// # Errors
    /// As for [`Client`]; a refusal is an error of the stream: of kind `NotFound` where there is no such job.
    pub async fn attach(&self, job: &str, follow: Follow) -> Result<JobStream, ClientError> {
        let request = OperatorRequest::Attach { job: job.to_owned(), follow };
        Ok(JobStream::new(self.send(&request).await?))
    }

    /// A method as the minions that match have it; several where its signature differs between them.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn method(
        &self,
        target: Target,
        method: MethodPath,
    ) -> Result<Matched<Vec<OneMethod>>, ClientError> {
        matched!(self, OperatorRequest::Method { target, method }, Method)
    }

    /// What each minion that matches answers to a ping, by name. A minion that does not answer is no error.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn ping(&self, target: Target) -> Result<Matched<Vec<Ping>>, ClientError> {
        matched!(self, OperatorRequest::Ping(target), Pings)
    }

    /// The minions that match, by name. Nothing is sent to them.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn targets(&self, target: Target) -> Result<Matched<Vec<MinionStatus>>, ClientError> {
        matched!(self, OperatorRequest::Targets(target), Minions)
    }

    /// All enrolled minions, by name.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn minions(&self) -> Result<Vec<MinionStatus>, ClientError> {
        answer!(self, OperatorRequest::Minions, Minions)
    }

    /// Makes a token with which one minion of this name can join, good for `ttl`. It is a secret.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn invite(&self, name: MinionName, ttl: Duration) -> Result<String, ClientError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        answer!(self, OperatorRequest::Invite { name, ttl_ms }, Invited)
    }

    /// The modules of the minions that match, by the minions' names. For one module, [`Client::modules_named`]
    /// asks for less.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn modules(
        &self,
        target: Target,
    ) -> Result<Matched<Vec<(MinionName, Inventory)>>, ClientError> {
        matched!(self, OperatorRequest::Modules { target, name: None }, Modules)
    }

    /// The module of one name on the minions that match. Minions that have no such module are left out.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn modules_named(
        &self,
        target: Target,
        name: ModuleName,
    ) -> Result<Matched<Vec<(MinionName, Inventory)>>, ClientError> {
        let request = OperatorRequest::Modules { target, name: Some(name) };
        let mut minions = matched!(self, request, Modules)?;
        minions.answer.retain(|(_, inventory)| !inventory.modules.is_empty());
        Ok(minions)
    }

    /// The facts of the minions that match, by name: each a JSON object as text, empty where a minion never told
    /// any. How old they are, an older overlord does not say: `at` is `None` then.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn facts(
        &self,
        target: Target,
    ) -> Result<Matched<Vec<(MinionName, String, FactsHeard)>>, ClientError> {
        self.ask_matched(&OperatorRequest::Facts(target)).await?.try_map(|reply| {
            let OperatorReply::Facts(facts, heard) = reply else { return None };
            let heard = heard.into_iter().chain(std::iter::repeat(FactsHeard::default()));
            Some(
                facts.into_iter().zip(heard).map(|((minion, facts), heard)| (minion, facts, heard)).collect(),
            )
        })
    }

    /// The newest jobs that fit the filter, newest first and at most `limit`.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`] where the filter names outcomes, and the overlord is
    /// too old to know that.
    pub async fn jobs(&self, filter: JobFilter, limit: usize) -> Result<Vec<JobSummary>, ClientError> {
        if (filter.failed || !filter.outcomes.is_empty()) && Version::of(&self.connection) < Version::Four {
            // The overlord would list all jobs, as if they were those that fit.
            return Err(ClientError::OlderOverlord { what: "find jobs by their outcomes" });
        }
        answer!(self, OperatorRequest::Jobs { filter, limit }, Jobs)
    }

    /// A job's document at this moment, by its id or a unique beginning of it. To wait for what is to come, use
    /// [`Client::attach`].
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such job.
    pub async fn job(&self, job: &str) -> Result<JobDocument, ClientError> {
        answer!(self, OperatorRequest::Job(job.to_owned()), Job).map(|document| *document)
    }

    /// A job's recorded transitions, by its id or a unique beginning of it.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such job.
    pub async fn history(&self, job: &str) -> Result<History, ClientError> {
        answer!(self, OperatorRequest::History(job.to_owned()), History).map(|history| *history)
    }

    /// Makes a new job of an old one, and follows it as [`Client::call`] does. A minion that is out of touch keeps
    /// its place in a batch for `patience_ms` milliseconds, or as long as in the old job. `confirmed` says that
    /// the operator knows that it goes to many minions. What this operator has signed is signed anew; what another has
    /// is run again unsigned, since only the overlord says what that was.
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub async fn rerun(
        &self,
        job: &str,
        on: Rerun,
        confirmed: bool,
        follow: Follow,
        patience_ms: Option<u64>,
    ) -> Result<JobStream, ClientError> {
        let (job, mandate) = self.sign_again(job, on).await?;
        let signed = self.noting(&mandate);
        let request = OperatorRequest::Rerun { job, on, confirmed, follow, patience_ms, mandate };
        Ok(JobStream::new(self.send(&request).await?).noting(signed))
    }

    /// Forgets jobs that ended longer ago than `keep`. Returns how many those were.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn purge(&self, keep: Duration) -> Result<usize, ClientError> {
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        answer!(self, OperatorRequest::Purge { keep_ms }, Purged)
    }

    /// Stops a job, everywhere or only where `target` matches. Takes a few seconds where minions do not answer.
    /// How it ends on each minion is for those to hear who follow the job.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such job.
    pub async fn cancel(
        &self,
        job: &str,
        target: Option<Target>,
    ) -> Result<Matched<Cancelling>, ClientError> {
        matched!(self, OperatorRequest::Cancel { job: job.to_owned(), target }, Cancelling)
    }

    /// Gives up the parts of a job that are not over: on the minions that `target` matches, or without one on all
    /// that are out of touch. What a minion says of its part later is recorded beside that.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such job.
    pub async fn give_up(&self, job: &str, target: Option<Target>) -> Result<Matched<GivingUp>, ClientError> {
        matched!(self, OperatorRequest::GiveUp { job: job.to_owned(), target }, GivingUp)
    }

    /// The overlord's version, address and disk, and how many minions and unfinished jobs it has.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn status(&self) -> Result<OverlordStatus, ClientError> {
        answer!(self, OperatorRequest::Status, Status).map(|status| *status)
    }

    /// Sends a request and returns the one reply to it.
    async fn ask(&self, request: &OperatorRequest) -> Result<OperatorReply, ClientError> {
        Ok(self.ask_matched(request).await?.answer)
    }

    /// Sends a request and returns the one reply to it, with what was said of its target before.
    async fn ask_matched(&self, request: &OperatorRequest) -> Result<Matched<OperatorReply>, ClientError> {
        let mut replies = self.send(request).await?;
        let answer = replies.next().await?;
        let answer = answer.ok_or_else(|| ClientError::NoAnswer { address: self.address.clone() })?;
        Ok(Matched { answer, warnings: replies.warnings().to_vec() })
    }

    /// Sends a request on a stream of its own.
    async fn send(&self, request: &OperatorRequest) -> Result<Replies, ClientError> {
        let (mut send, replies) = self.open(request).await?;
        // This fails only where the connection is gone, which the reply will say better.
        let _ = send.finish();
        Ok(replies)
    }

    /// Sends a request on a stream of its own, behind which more may be sent.
    async fn open(&self, request: &OperatorRequest) -> Result<(SendStream, Replies), ClientError> {
        let opened = self.connection.open_bi().await;
        let (mut send, receive) = opened
            .map_err(|error| ClientError::of_connection(&self.address, &error, error::Stood::Already))?;
        let sent = frame::write_as(Version::of(&self.connection), &mut send, request, MAX_REQUEST).await;
        if let Err(error) = sent {
            return Err(job_stream::broken(&self.connection, &self.address, error));
        }
        let handed = Handed::with(request, &self.own);
        Ok((send, Replies::new(self.connection.clone(), self.address.clone(), receive, handed)))
    }
}

/// The largest request, in bytes: a call must fit the message in which it goes on to the minions.
const MAX_REQUEST: usize = wire::message::link::MAX_MESSAGE;

#[cfg(test)]
mod tests {
    use super::config::tests::folder;
    use super::*;
    use crate::folder::Folder;

    #[tokio::test]
    async fn a_folder_without_an_identity_says_how_to_make_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = ClientConfig::new(Folder::at(dir.path()), None).expect("a config");
        let error = Client::connect(&config).await.expect_err("no identity");
        assert!(matches!(error, ClientError::NotInitialised(_)));
        assert!(error.to_string().contains("overlord init"), "{error}");
    }

    #[tokio::test]
    async fn an_address_without_an_overlord_says_how_to_start_one() {
        let (_dir, folder) = folder("127.0.0.1:1");
        let config = ClientConfig::new(folder, None).expect("a config");
        let error = Client::connect(&config).await.expect_err("nobody there");
        assert!(matches!(&error, ClientError::Unreachable { address, .. } if address == "127.0.0.1:1"));
        assert!(error.to_string().contains("overlord serve"), "{error}");
    }
}
