//! Connections of programs: accepted, bounded in number and in time, and ended in peace.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::forward::Forwarder;
use super::socket::{Cut, Socket};
use super::tls::Tls;

/// How many files a gateway with as many connections as it takes has open.
pub const FILES: usize = MOST + OTHER_FILES;
/// The most connections; more wait to be accepted.
const MOST: usize = 2000;
/// Those to the instance, and what every process has.
const OTHER_FILES: usize = 1000;
/// The least, however few files may be open.
const LEAST: usize = 8;

/// How long the head of a request may take, and how long a connection may be without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What is kept of a connection in memory, and so the longest head.
const BUFFER: usize = 64 * 1024;
/// How long requests that are under way may take once the gateway is to stop.
const LAST: Duration = Duration::from_secs(5);
/// Before the next connection is accepted if one could not be.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections there may be.
pub struct Connections(Arc<Semaphore>);

impl Connections {
    /// As many as so many open files allow; half of those of a small number are for the
    /// instance.
    pub fn of(files: usize) -> Self {
        let most = if files >= FILES { MOST } else { (files / 2).max(LEAST) };
        Self(Arc::new(Semaphore::new(most)))
    }
}

/// Serves until `stop`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    forwarder: Arc<Forwarder>,
    Connections(turns): Connections,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let turn = turns.clone().acquire_owned().await.expect("it is never closed");
            (listener.accept().await, turn)
        };
        let (accepted, turn) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of files, most likely: other connections will end.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (stream, cut) = Socket::new(stream);
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let (forwarder, watcher) = (forwarder.clone(), graceful.watcher());
        tokio::spawn(async move {
            match acceptor {
                None => connection(stream, &forwarder, cut, watcher).await,
                Some(acceptor) => {
                    let secured = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = secured {
                        connection(stream, &forwarder, cut, watcher).await;
                    }
                }
            }
            drop(turn);
        });
    }
    drop(listener);
    // What takes longer is cut.
    let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    forwarder: &Arc<Forwarder>,
    cut: Cut,
    watcher: Watcher,
) {
    let service = service_fn(|request| {
        let (forwarder, cut) = (forwarder.clone(), cut.clone());
        async move { Ok::<_, Infallible>(forwarder.respond(request, cut).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let _ = watcher.watch(served).await;
}
