//! The socket in the minion's folder on which its owner asks a running minion, and which nobody else can open.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::message::module::Module;
use wire::message::{Limit, Message};
use wire::name::ModuleName;
use wire::transport::frame::{self, FrameError};

use crate::folder::Folder;
use crate::granting::Suggested;
use crate::modules::Modules;
use crate::status::{Status, Vitals};

/// The socket of a running minion.
pub(crate) struct Control {
    path: PathBuf,
    listener: UnixListener,
    doors: Doors,
}

/// The parts of the minion that answer. Clones are the same parts.
#[derive(Clone)]
pub(crate) struct Doors {
    /// The parts that tell how the minion is; none where there are many, of which an overlord tells.
    pub(crate) vitals: Option<Vitals>,
    /// The modules that there are.
    pub(crate) modules: Modules,
    /// The code that reads the configuration again.
    pub(crate) reloads: mpsc::Sender<Reload>,
}

/// A request to read the configuration again: the place for the answer, which is what that changed, a line each,
/// or why it was not read.
pub type Reload = oneshot::Sender<Result<Vec<String>, String>>;

/// What the owner asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Question {
    /// How is the minion? Answered by a [`Status`].
    Status,
    /// What modules are there? Answered by a list of [`Module`]s.
    Modules,
    /// What does this module suggest that it be granted? Answered by a [`Suggested`].
    Suggested(ModuleName),
    /// Read the configuration again. Answered by what that changed, or why it was not read.
    Reload,
}

impl Message for Question {
    fn limit(_: u8) -> Limit {
        Limit::new(MAX_QUESTION, MAX_QUESTION)
    }
}

/// The answer to a question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Answer<T>(T);

impl<T: DeserializeOwned> Message for Answer<T> {
    fn limit(_: u8) -> Limit {
        // The answer comes from our own daemon.
        Limit::new(MAX_ANSWER, 8 * MAX_ANSWER)
    }
}

/// Why a running minion could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No minion runs in this folder.
    #[error("no minion runs in \"{}\": start it with `minion serve`, or choose another folder", .0.display())]
    NotRunning(PathBuf),
    /// A minion runs there, under another user.
    #[error("the minion in \"{}\" runs under another user: ask as that user, or as root", .0.display())]
    Forbidden(PathBuf),
    /// The answer could not be read.
    #[error("the minion does not answer as expected ({0}): is it of another version than this program?")]
    Speech(#[from] FrameError),
    /// No answer came in time.
    #[error("the minion does not answer: look at its log")]
    Silent,
}

impl Control {
    /// Answers `minion status` and the like from now on, until it is told to stop.
    pub(crate) fn serve(folder: &Folder, doors: Doors, background: &TaskTracker, stop: &CancellationToken) {
        match Self::open(&folder.socket(), doors) {
            Ok(control) => drop(background.spawn(control.run(stop.clone()))),
            // A minion that cannot be asked how it is still does its work.
            Err(error) => tracing::warn!(%error, "`minion status` will not work: there is no socket"),
        }
    }

    /// Opens the socket. The caller has made sure that no other process serves this folder.
    fn open(path: &Path, doors: Doors) -> std::io::Result<Self> {
        // A minion that was killed leaves its socket behind.
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { path: path.to_owned(), listener, doors })
    }

    /// Answers until it is told to stop, and then removes the socket.
    async fn run(self, stop: CancellationToken) {
        let (answers, callers) = (TaskTracker::new(), Arc::new(Semaphore::new(MAX_CALLERS)));
        let accept = async {
            loop {
                // The semaphore is never closed, and each caller's time is bounded, so there is a permit sooner or
                // later.
                let Ok(permit) = callers.clone().acquire_owned().await else { return };
                let Ok((stream, _)) = self.listener.accept().await else {
                    // Most likely the process is out of file handles: others will close some.
                    tokio::time::sleep(RETRY).await;
                    continue;
                };
                let doors = self.doors.clone();
                answers.spawn(async move {
                    let _permit = permit;
                    // Where this fails, the program that asked sees that there is no answer.
                    let _ = answer(&doors, stream).await;
                });
            }
        };
        stop.run_until_cancelled(accept).await;
        answers.close();
        answers.wait().await;
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks the minion of a folder how it is.
pub(crate) async fn status(dir: &Path, socket: &Path) -> Result<Status, ControlError> {
    ask(dir, socket, Question::Status, PATIENCE).await
}

/// Asks the minion of a folder for its modules.
pub(crate) async fn modules(dir: &Path, socket: &Path) -> Result<Vec<Module>, ControlError> {
    ask(dir, socket, Question::Modules, PATIENCE).await
}

/// Asks the minion of a folder what a module suggests.
pub(crate) async fn suggested(
    dir: &Path,
    socket: &Path,
    module: ModuleName,
) -> Result<Suggested, ControlError> {
    ask(dir, socket, Question::Suggested(module), PATIENCE).await
}

/// Has the minion of a folder read its configuration again, and waits until that is in force. Returns what it
/// changed, a line each, or why it stays as it was.
pub(crate) async fn reload(dir: &Path, socket: &Path) -> Result<Result<Vec<String>, String>, ControlError> {
    ask(dir, socket, Question::Reload, RELOADED).await
}

async fn ask<T: DeserializeOwned>(
    dir: &Path,
    socket: &Path,
    question: Question,
    patience: Duration,
) -> Result<T, ControlError> {
    let mut stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => ControlError::Forbidden(dir.to_owned()),
        _ => ControlError::NotRunning(dir.to_owned()),
    })?;
    let exchange = async {
        frame::write(&mut stream, &question, MAX_QUESTION).await?;
        frame::read(&mut stream, MAX_ANSWER).await
    };
    let Answer(answer) =
        tokio::time::timeout(patience, exchange).await.map_err(|_| ControlError::Silent)??;
    Ok(answer)
}

async fn answer(doors: &Doors, mut stream: UnixStream) -> Result<(), FrameError> {
    let Doors { vitals, modules, .. } = doors;
    let asked = tokio::time::timeout(PATIENCE, frame::read(&mut stream, MAX_QUESTION)).await;
    match asked.map_err(silent)?? {
        Question::Status => match vitals {
            Some(vitals) => told(&mut stream, &vitals.status()).await,
            None => Ok(()),
        },
        Question::Modules => told(&mut stream, &modules.list()).await,
        Question::Suggested(module) => told(&mut stream, &modules.suggested(module).await).await,
        Question::Reload => {
            let (done, ends) = oneshot::channel();
            let reloaded = async {
                doors.reloads.send(done).await.ok()?;
                ends.await.ok()
            };
            let reloaded = tokio::time::timeout(RELOADED, reloaded).await.map_err(silent)?;
            let stops =
                || Err("the minion does not read its configuration again, or is about to stop".to_owned());
            told(&mut stream, &reloaded.unwrap_or_else(stops)).await
        }
    }
}

async fn told<T: Serialize>(stream: &mut UnixStream, answer: &T) -> Result<(), FrameError> {
    let written = tokio::time::timeout(PATIENCE, frame::write(stream, answer, MAX_ANSWER)).await;
    written.map_err(silent)?
}

/// The error for a program that asks and then does not go on.
fn silent(_: tokio::time::error::Elapsed) -> FrameError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

const MAX_QUESTION: usize = 1 << 10;
const MAX_ANSWER: usize = 64 << 20;
/// How many may ask at once.
const MAX_CALLERS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a reload may take: modules are compiled for it.
const RELOADED: Duration = Duration::from_secs(300);
const RETRY: Duration = Duration::from_millis(100);
