//! How the overlord is told something over the link, each notice on a stream of its own, and answers.

use std::time::Duration;

use quinn::Connection;
use wire::message::Message;
use wire::message::link::{MAX_MESSAGE, Notice};
use wire::message::version::Version;
use wire::transport::frame::{self, FrameError};

/// Sends one notice on a stream of its own and reads the answer.
pub(crate) async fn notify<T: Message>(connection: &Connection, notice: &Notice) -> Result<T, FrameError> {
    let exchange = async {
        let (mut send, mut recv) = connection.open_bi().await.map_err(std::io::Error::from)?;
        let version = Version::of(connection);
        frame::write_as(version, &mut send, notice, MAX_MESSAGE).await?;
        // It fails only where the stream was reset, and then the answer does not come either.
        let _ = send.finish();
        frame::read_as(version, &mut recv, MAX_MESSAGE).await
    };
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    tokio::time::timeout(ANSWER, exchange).await.map_err(late)?
}

/// How long an overlord may take to answer a notice; it may have many minions that all come at once.
const ANSWER: Duration = Duration::from_secs(30);
