//! How a request is sent: to addresses that were checked, and never by a name that could stand for others by now.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody};

use crate::sandbox::limits::budget::Hold;

/// How long a guest waits that sets no limit of its own; its job's limits are far below that.
const NEVER: Duration = Duration::from_secs(600);

/// The authorities that browsers trust.
static AUTHORITIES: LazyLock<TlsConnector> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
});

/// A future as the hooks of `wasi:http` want it.
pub(super) type Sent<T> = Box<dyn Future<Output = Result<T>> + Send>;

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Sends a request to the first of these addresses that can be connected to. Returns the answer, and with it the
/// future that drives the connection, which must be polled until the answer is read. `memory` holds what arrives
/// of the body, for as long as the body exists.
///
/// # Errors
/// Where no address can be connected to in time, or the request fails.
pub(super) async fn send(
    mut request: Request<WasiBody>,
    addresses: &[std::net::SocketAddr],
    options: Option<RequestOptions>,
    memory: Hold,
) -> Result<(Response<WasiBody>, Sent<()>)> {
    let time = |of: fn(&RequestOptions) -> Option<Duration>| options.as_ref().and_then(of).unwrap_or(NEVER);
    let uri = request.uri().clone();
    let connecting = async {
        let plain = TcpStream::connect(addresses).await.map_err(of_connecting)?;
        let stream = encrypted(plain, &uri).await?;
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(of_speaking)
    };
    let connected = timeout(time(|options| options.connect_timeout), connecting).await;
    let (mut sender, connection) = connected.map_err(|_| Error::ConnectionTimeout)??;
    // The connection leads to its destination already: only a proxy is told more than the path.
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let mut connection = Box::pin(connection);
    let answered = {
        let mut answer = std::pin::pin!(sender.send_request(request));
        let answering = async {
            tokio::select! {
                biased;
                answered = &mut answer => (answered, false),
                ended = &mut connection => match ended {
                    Ok(()) => (answer.await, true),
                    Err(error) => (Err(error), true),
                },
            }
        };
        timeout(time(|options| options.first_byte_timeout), answering).await
    };
    let (answer, over) = answered.map_err(|_| Error::ConnectionReadTimeout)?;
    let pace = time(|options| options.between_bytes_timeout).max(Duration::from_nanos(1));
    let response =
        answer.map_err(of_speaking)?.map(|incoming| Paced::new(incoming, pace, memory).boxed_unsync());
    let rest: Sent<()> =
        Box::new(async move { if over { Ok(()) } else { connection.await.map_err(of_speaking) } });
    Ok((response, rest))
}

/// Encrypts a connection where the address asks for it. The other end must have the certificate of the request's
/// host.
async fn encrypted(plain: TcpStream, uri: &Uri) -> Result<Box<dyn Stream>> {
    if uri.scheme() != Some(&Scheme::HTTPS) {
        return Ok(Box::new(plain));
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Box::new(AUTHORITIES.connect(name, plain).await.map_err(of_encrypting)?))
}

/// Why there is no connection.
fn of_connecting(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Error::ConnectionRefused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::Connect(error),
    }
}

/// Why a connection is not encrypted.
fn of_encrypting(error: io::Error) -> Error {
    match error.get_ref().and_then(|cause| cause.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            let words = alert.as_str().unwrap_or("an alert without a name");
            Error::TlsAlertReceived { alert_id: Some((*alert).into()), alert_message: Some(words.into()) }
        }
        _ => Error::Tls(error),
    }
}

/// Why there is no answer, or no more of it.
fn of_speaking(error: hyper::Error) -> Error {
    if error.is_incomplete_message() { Error::ConnectionTerminated } else { Error::Hyper(error) }
}

/// A body that must not pause for longer than its guest allows, with the hold on the memory of its connection.
struct Paced {
    incoming: Incoming,
    pause: Interval,
    _memory: Hold,
}

impl Paced {
    fn new(incoming: Incoming, pace: Duration, memory: Hold) -> Self {
        let mut pause = tokio::time::interval(pace);
        pause.reset();
        Self { incoming, pause, _memory: memory }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(frame)) => {
                self.pause.reset();
                Poll::Ready(Some(frame.map_err(of_speaking)))
            }
            Poll::Pending => {
                ready!(self.pause.poll_tick(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http_body_util::Empty;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::sandbox::limits::budget::Budget;

    fn memory() -> Hold {
        Budget::new(100, 0, 1).share(100).take(1).unwrap()
    }

    fn request(uri: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never: std::convert::Infallible| match never {}).boxed_unsync();
        Request::builder().uri(uri).header("host", "name.invalid").body(body).unwrap()
    }

    /// Gives one answer, and tells what it was asked.
    async fn server() -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let length = connection.read(&mut asked).await.unwrap();
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (address, asked)
    }

    #[tokio::test]
    async fn a_request_goes_to_the_address_and_not_to_the_name() {
        let (address, asked) = server().await;
        let (response, rest) =
            send(request("http://name.invalid:1/a?b=c"), &[address], None, memory()).await.unwrap();
        let (body, ended) = tokio::join!(response.into_body().collect(), Box::into_pin(rest));
        assert_eq!(body.unwrap().to_bytes(), "hi");
        ended.unwrap();
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET /a?b=c HTTP/1.1\r\n") && asked.contains("name.invalid"), "{asked}");
    }

    /// A listener that does this with each connection, and is closed with what it does.
    async fn failing<F: Future<Output = ()> + Send>(
        uri: &str,
        with: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static,
    ) -> Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { with(listener.accept().await.unwrap().0).await });
        send(request(uri), &[address], None, memory()).await.err().unwrap()
    }

    #[tokio::test]
    async fn why_there_is_no_answer_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = listener.local_addr().unwrap();
        drop(listener);
        let refused = send(request("http://name.invalid/"), &[closed], None, memory()).await.err().unwrap();
        assert!(matches!(refused, Error::ConnectionRefused), "{refused}");
        let ended = failing("http://name.invalid/", |mut connection| async move {
            let _ = connection.read(&mut [0; 1024]).await;
        });
        let ended = ended.await;
        assert!(matches!(ended, Error::ConnectionTerminated), "{ended}");
        let nonsense = failing("http://name.invalid/", |mut connection| async move {
            let _ = connection.read(&mut [0; 1024]).await;
            let _ = connection.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        });
        let nonsense = nonsense.await;
        assert!(matches!(nonsense, Error::Hyper(_)), "{nonsense}");
        let alert = failing("https://name.invalid/", |mut connection| async move {
            let _ = connection.read(&mut [0; 4096]).await;
            // A fatal alert: handshake failure.
            let _ = connection.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
        });
        let alert = alert.await;
        assert!(matches!(alert, Error::TlsAlertReceived { alert_id: Some(40), .. }), "{alert}");
    }

    #[tokio::test]
    async fn whoever_has_no_certificate_is_not_spoken_to() {
        let (address, asked) = server().await;
        let refused = send(request("https://name.invalid/secret"), &[address], None, memory()).await;
        assert!(matches!(refused, Err(Error::Tls(_))));
        assert!(!asked.await.unwrap().contains("secret"));
    }
}
