//! Bringing modules to an overlord and its minions: the requests that change what is kept, in service or assigned.
//!
//! They are methods of [`Client`], so this file and its parent name each other.

use std::sync::Arc;

use quinn::SendStream;
use tokio::time::{Instant, sleep_until};
use wire::message::catalogue::{
    Assignment, AssignmentStatus, KeptModule, ModuleReply, ModuleRequest, ModuleResult, OngoingChange,
    PushOptions, RolloutStep,
};
use wire::message::operator::{Absence, OperatorReply, OperatorRequest, Target, TargetWarning};
use wire::name::{MinionName, ModuleName};

use super::job_stream::Replies;
use super::module_file::ModuleFile;
use super::patience::{Patience, WaitOver, first};
use super::{Client, ClientError, Matched};

/// One thing that happens while a module is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum ModuleEvent {
    /// So many bytes of the file are on the overlord, or on their way there. Before all of them are, nothing goes
    /// to any minion; afterwards it may, whether or not anybody listens.
    Uploaded {
        /// How many bytes are there or on their way.
        done: u64,
        /// How many bytes the file has.
        total: u64,
    },
    /// The file is in the overlord's catalogue.
    Kept(Box<KeptModule>),
    /// The change goes to these minions.
    Began(Vec<MinionName>),
    /// How far a minion is. A later step of the same minion replaces an earlier one.
    Step {
        /// Which minion.
        minion: MinionName,
        /// How far.
        step: RolloutStep,
    },
    /// What became of the change on a minion.
    Ended(Box<ModuleResult>),
    /// Something that the operator should know, as one line for people.
    Note(String),
    /// The minions that are out of touch now, of those on which the change has not ended. Replaces what was said
    /// before.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// The waiting that [`ModuleStream::with_patience`] asked for is over. Said once; the change goes on, and so
    /// does the stream for callers who want more of it.
    WaitOver(WaitOver),
}

/// The events of one change of a module, until its end. Once all bytes of the file are on the overlord, dropping
/// the stream only detaches from the change, which goes on.
pub struct ModuleStream {
    replies: Replies,
    upload: Option<Upload>,
    last: Last,
    address: String,
    awaited: Option<Awaited>,
}

/// For how long the change is waited for.
struct Awaited {
    patience: Patience,
    until: Option<Instant>,
    /// Until when the minions are waited for that are out of touch and hold up all others.
    held_up_until: Option<Instant>,
}

/// What ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// That the file is in the catalogue.
    Kept,
    /// That the change has ended on all minions.
    Over,
    /// Nothing any more: the last event was seen.
    Seen,
}

/// A file on its way to the overlord.
struct Upload {
    send: SendStream,
    bytes: Arc<[u8]>,
    /// How many bytes were sent; `None` until the overlord says where to begin.
    at: Option<usize>,
}

impl ModuleStream {
    /// What the overlord said of the target. Complete once [`ModuleEvent::Began`] came.
    pub fn warnings(&self) -> &[TargetWarning] {
        self.replies.warnings()
    }

    /// Bounds the waiting, from now on: once it is over, the stream says [`ModuleEvent::WaitOver`].
    pub fn with_patience(self, patience: Patience) -> Self {
        let until = patience.until_in_all(Instant::now());
        Self { awaited: Some(Awaited { patience, until, held_up_until: None }), ..self }
    }

    /// The next event; `None` after the last one. Cancel safe.
    ///
    /// # Errors
    /// As for [`Client`]: [`ClientError::Refusal`] where the change was refused, and [`ClientError::Lost`] where
    /// the connection broke, while a change that began goes on. Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<ModuleEvent>, ClientError> {
        if self.last == Last::Seen {
            return Ok(None);
        }
        let end = self.awaited.as_ref().and_then(|awaited| first(awaited.held_up_until, awaited.until));
        let at = end.map_or_else(Instant::now, |(at, _)| at);
        tokio::select! {
            biased;
            // The end of the waiting is looked at first, since bytes of a file may go on and on.
            () = sleep_until(at), if end.is_some() => {
                self.awaited = None;
                Ok(end.map(|(_, why)| ModuleEvent::WaitOver(why)))
            }
            told = self.told() => told,
        }
    }

    async fn told(&mut self) -> Result<Option<ModuleEvent>, ClientError> {
        loop {
            let reply = match &mut self.upload {
                Some(upload) if upload.at.is_some() => {
                    tokio::select! {
                        sent = upload.step() => match sent {
                            Some(event) => return Ok(Some(event)),
                            None => {
                                self.upload = None;
                                continue;
                            }
                        },
                        reply = self.replies.next() => reply?,
                    }
                }
                _ => self.replies.next().await?,
            };
            let Some(OperatorReply::Module(reply)) = reply else {
                return match reply {
                    Some(_) => Err(ClientError::Unexpected),
                    None => Err(ClientError::Lost {
                        address: self.address.clone(),
                        cause: "it stopped before the end".to_owned(),
                    }),
                };
            };
            return self.take(*reply);
        }
    }

    /// Takes note of the minions that are out of touch.
    fn hear(&mut self, minions: &[(MinionName, Absence)], hold_up: bool) {
        let Some(awaited) = &mut self.awaited else { return };
        let now = Instant::now();
        let until = minions.iter().map(|(_, absence)| awaited.patience.until(absence, now));
        // The longest wait counts; where nobody is out of touch, nobody holds up anything.
        let until: Option<Vec<Instant>> = until.collect();
        awaited.held_up_until = until.filter(|_| hold_up).and_then(|until| until.into_iter().max());
    }

    /// What a reply means: an event, or the end of the stream.
    fn take(&mut self, reply: ModuleReply) -> Result<Option<ModuleEvent>, ClientError> {
        Ok(match reply {
            ModuleReply::Send { from } => {
                let upload = self.upload.as_mut().ok_or(ClientError::Unexpected)?;
                let at = usize::try_from(from).ok().filter(|at| *at <= upload.bytes.len());
                upload.at = Some(at.ok_or(ClientError::Unexpected)?);
                Some(ModuleEvent::Uploaded { done: from, total: upload.bytes.len() as u64 })
            }
            ModuleReply::Kept(module) => {
                self.upload = None;
                if self.last == Last::Kept {
                    self.last = Last::Seen;
                }
                Some(ModuleEvent::Kept(module))
            }
            ModuleReply::Began(minions) => Some(ModuleEvent::Began(minions)),
            ModuleReply::Step { minion, step } => Some(ModuleEvent::Step { minion, step }),
            ModuleReply::Ended(result) => Some(ModuleEvent::Ended(result)),
            ModuleReply::Note(note) => Some(ModuleEvent::Note(note)),
            ModuleReply::OutOfTouch { minions, hold_up } => {
                self.hear(&minions, hold_up);
                Some(ModuleEvent::OutOfTouch(minions))
            }
            ModuleReply::Over => {
                self.last = Last::Seen;
                None
            }
            _ => return Err(ClientError::Unexpected),
        })
    }
}

impl Upload {
    /// Sends some bytes; `None` once there is nothing more to send. Cancel safe.
    async fn step(&mut self) -> Option<ModuleEvent> {
        let at = self.at?;
        let rest = &self.bytes[at..];
        if rest.is_empty() {
            // What is wrong with the stream, the replies say.
            let _ = self.send.finish();
            return None;
        }
        match self.send.write(&rest[..rest.len().min(CHUNK)]).await {
            Ok(sent) => {
                self.at = Some(at + sent);
                Some(ModuleEvent::Uploaded { done: (at + sent) as u64, total: self.bytes.len() as u64 })
            }
            // The overlord wants no more, or is gone: the replies say which, and why.
            Err(_) => None,
        }
    }
}

impl Client {
    /// Brings a file into the overlord's catalogue, and to no minion. To bring it into service too, use
    /// [`Client::push_module`].
    ///
    /// # Errors
    /// As for [`Client`]. That the overlord refuses the file is an error of the stream.
    pub async fn add_module(&self, file: &ModuleFile) -> Result<ModuleStream, ClientError> {
        self.change(ModuleRequest::Add(file.offer().clone()), Some(file), Last::Kept).await
    }

    /// Brings a file into the overlord's catalogue, and into service on the minions that match now. Minions that
    /// connect later get it only where [`Client::assign_module`] says so.
    ///
    /// # Errors
    /// As for [`Client`]. A refusal is an error of the stream: of kind `Busy` where another change of the module
    /// is under way, `NoMatch` where no minion matches, and `NeedsConfirmation` where many do.
    pub async fn push_module(
        &self,
        file: &ModuleFile,
        target: Target,
        options: PushOptions,
    ) -> Result<ModuleStream, ClientError> {
        let request = ModuleRequest::Push { offer: file.offer().clone(), target, options };
        self.change(request, Some(file), Last::Over).await
    }

    /// Takes a module out of service on the minions that match. `confirmed` says that the operator knows that
    /// those are many.
    ///
    /// # Errors
    /// As for [`Client::push_module`].
    pub async fn remove_module(
        &self,
        target: Target,
        name: ModuleName,
        confirmed: bool,
    ) -> Result<ModuleStream, ClientError> {
        self.change(ModuleRequest::Remove { target, name, confirmed }, None, Last::Over).await
    }

    /// Goes back to the version that was in service before, on the minions that match. `confirmed` says that the
    /// operator knows that those are many.
    ///
    /// # Errors
    /// As for [`Client::push_module`].
    pub async fn roll_back_module(
        &self,
        target: Target,
        name: ModuleName,
        confirmed: bool,
    ) -> Result<ModuleStream, ClientError> {
        self.change(ModuleRequest::Rollback { target, name, confirmed }, None, Last::Over).await
    }

    /// The versions that the overlord keeps, of all modules or of one: by name, the newest first.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn catalogue(&self, name: Option<ModuleName>) -> Result<Vec<KeptModule>, ClientError> {
        match self.ask_of_modules(ModuleRequest::Catalogue(name)).await? {
            ModuleReply::Catalogue(kept) => Ok(kept),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Lets every minion that matches the expression of a target have this version in service, now or when it
    /// connects. `version` is as in the module's metadata, or a beginning of its digest; it is signed where it is the whole
    /// digest. Returns the assignment,
    /// the minions that match now, and those of them that are connected.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where the version is not in the catalogue.
    pub async fn assign_module(
        &self,
        target: Target,
        name: ModuleName,
        version: String,
        confirmed: bool,
    ) -> Result<Matched<(Assignment, Vec<MinionName>, Vec<MinionName>)>, ClientError> {
        let Target { expression, lenience, .. } = target;
        let request = ModuleRequest::Assign { expression, name, version, confirmed, lenience };
        let reply = self.ask_matched(&self.of_modules(request)?).await?;
        reply.try_map(|reply| match reply {
            OperatorReply::Module(reply) => match *reply {
                ModuleReply::Assigned { assignment, minions, connected } => {
                    Some((*assignment, minions, connected))
                }
                _ => None,
            },
            _ => None,
        })
    }

    /// Takes an assignment back. Returns it, and the older ones that hold in its place from then on, the newest
    /// first.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such assignment.
    pub async fn unassign_module(
        &self,
        expression: String,
        name: ModuleName,
    ) -> Result<(Assignment, Vec<Assignment>), ClientError> {
        match self.ask_of_modules(ModuleRequest::Unassign { expression, name }).await? {
            ModuleReply::Unassigned { assignment, instead } => Ok((*assignment, instead)),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// All assignments, and how far the minions are with them: by module, the newest first.
    ///
    /// # Errors
    /// As for [`Client`].
    pub async fn assignments(&self) -> Result<Vec<AssignmentStatus>, ClientError> {
        match self.ask_of_modules(ModuleRequest::Assignments).await? {
            ModuleReply::Assignments(assignments) => Ok(assignments),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Calls off the push of a module that is under way, whoever began it. Returns whose it was.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where none is under way.
    pub async fn cancel_push(&self, name: ModuleName) -> Result<OngoingChange, ClientError> {
        match self.ask_of_modules(ModuleRequest::CancelPush(name)).await? {
            ModuleReply::Cancelled(ongoing) => Ok(*ongoing),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Takes a module from a change that does not come to an end, whoever began that. Returns whose it was.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where no change is under way.
    pub async fn release_module(&self, name: ModuleName) -> Result<OngoingChange, ClientError> {
        match self.ask_of_modules(ModuleRequest::Release(name)).await? {
            ModuleReply::Released(ongoing) => Ok(*ongoing),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// A request, signed where it changes something and the folder has a signing key.
    fn of_modules(&self, request: ModuleRequest) -> Result<OperatorRequest, ClientError> {
        let signed = self.signer().map(|signer| signer.change(&request)).transpose()?;
        Ok(OperatorRequest::Module(Box::new(request), signed.flatten().map(Box::new)))
    }

    async fn ask_of_modules(&self, request: ModuleRequest) -> Result<ModuleReply, ClientError> {
        match self.ask(&self.of_modules(request)?).await? {
            OperatorReply::Module(reply) => Ok(*reply),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn change(
        &self,
        request: ModuleRequest,
        file: Option<&ModuleFile>,
        last: Last,
    ) -> Result<ModuleStream, ClientError> {
        let (mut send, replies) = self.open(&self.of_modules(request)?).await?;
        let upload = match file {
            Some(file) => Some(Upload { send, bytes: file.bytes(), at: None }),
            None => {
                // Fails only where the connection is gone, which the reply will say better.
                let _ = send.finish();
                None
            }
        };
        Ok(ModuleStream { replies, upload, last, address: self.address.clone(), awaited: None })
    }
}

/// How many bytes are handed to the connection at once.
const CHUNK: usize = 256 << 10;
