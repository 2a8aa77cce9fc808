//! A bare echo: what a connection, and a stream there and back, cost where nothing else is done. Measurements have it as
//! their floor, over the same endpoints as everything else.

use std::io;

use quinn::{Connection, RecvStream, SendStream};
use tokio::task::JoinSet;

/// The door of an echo that is dialled as an operator dials an overlord, to ask.
pub const ASKING_ALPN: &[u8] = b"echo/1";

/// The door of an echo that is dialled as a minion dials an overlord, to be asked.
pub const ASKED_ALPN: &[u8] = b"minion/echo";

/// How many bytes a message has that stands for a small call, and for its outcome.
pub const MESSAGE: usize = 256;

/// How many bytes may be sent at once.
const MOST: usize = 256 << 20;

/// Sends these bytes on a stream of their own, and waits until the first of them have come back, as many as the other end
/// sends.
///
/// # Errors
/// Where the connection breaks, or less or something else comes back.
pub async fn ask(connection: &Connection, bytes: &[u8], back: usize) -> io::Result<()> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(bytes).await?;
    send.finish()?;
    let answer = receive.read_to_end(back).await.map_err(io::Error::other)?;
    let expected = &bytes[..bytes.len().min(back)];
    if answer == expected { Ok(()) } else { Err(io::Error::other("the answer is another one")) }
}

/// Answers whatever is asked on this connection until it ends, once `work` has been done for it, with so many bytes of it.
pub async fn serve(connection: Connection, back: usize, work: impl Fn() + Clone + Send + 'static) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, receive)) => drop(streams.spawn(answer(send, receive, back, work.clone()))),
                Err(_) => return,
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

/// Sends back the beginning of what it receives. The other end sees where that fails.
async fn answer(mut send: SendStream, mut receive: RecvStream, back: usize, work: impl Fn()) {
    let Ok(request) = receive.read_to_end(MOST).await else { return };
    work();
    if send.write_all(&request[..request.len().min(back)]).await.is_ok() {
        let _ = send.finish();
    }
}
