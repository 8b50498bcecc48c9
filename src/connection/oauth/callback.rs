//! The listener on loopback that waits for the browser to come back
//! (RFC 8252 §7.3).
//!
//! Anybody on this machine can knock here, and web pages can make a browser
//! do so. Only a GET for the registered path and host is shown to the judge;
//! everything else gets a short answer and changes nothing. Heads are small and
//! must come soon, and who is slow makes room for who is not.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::client::Loopback;
use super::page::Page;

const MAX_HEAD_BYTES: usize = 8 * 1024;
const MAX_HEADERS: usize = 100;
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// So many may be heard at once; then the one that is slowest must go.
const MAX_CONNECTIONS: usize = 128;

/// Listens at the address of a redirect URI, for as long as it is not dropped.
pub struct Listener {
    sockets: Vec<TcpListener>,
    loopback: Loopback,
}

/// The browser whose request was the right one, waiting for its page.
pub struct WaitingBrowser(TcpStream);

/// A request, as far as it was looked at.
struct Head {
    method: String,
    target: String,
    hosts: Vec<String>,
}

impl Listener {
    /// Binds the exact address; `AddrInUse` where somebody has it. For
    /// `localhost` both addresses, since the browser chooses one of them.
    pub fn bind(loopback: &Loopback) -> io::Result<Self> {
        let mut sockets = vec![bind(SocketAddr::new(loopback.address, loopback.port))?];
        if loopback.is_name {
            match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), loopback.port)) {
                Ok(socket) => sockets.push(socket),
                // A machine without IPv6.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
                Err(error) if error.raw_os_error() == Some(97) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { sockets, loopback: loopback.clone() })
    }

    /// Waits until `judge` takes the query of a request. The port is free again
    /// when this returns.
    pub async fn wait<T, E>(self, judge: impl Fn(&str) -> Result<T, E>) -> (T, WaitingBrowser) {
        let (heard, mut hear) = mpsc::channel(16);
        let mut speakers: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            tokio::select! {
                accepted = accept(&self.sockets) => {
                    let Ok(stream) = accepted else {
                        // Out of file descriptors, most likely.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    };
                    speakers.retain(|speaker| !speaker.is_finished());
                    if speakers.len() >= MAX_CONNECTIONS
                        && let Some(slowest) = speakers.pop_front()
                    {
                        slowest.abort();
                    }
                    let heard = heard.clone();
                    let speaker = tokio::spawn(async move {
                        if let Some(said) = listen_to(stream).await {
                            let _ = heard.send(said).await;
                        }
                    });
                    speakers.push_back(speaker.abort_handle());
                }
                Some((head, stream)) = hear.recv() => {
                    let page = match query_of(&head, &self.loopback) {
                        Err(page) => page,
                        Ok(query) => match judge(query) {
                            Ok(answer) => return (answer, WaitingBrowser(stream)),
                            Err(_) => Page::not_this_attempt(),
                        },
                    };
                    tokio::spawn(answer(stream, page));
                }
            }
        }
    }
}

impl WaitingBrowser {
    /// Shows how it ended.
    pub async fn show(self, page: Page) {
        answer(self.0, page).await;
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

async fn accept(sockets: &[TcpListener]) -> io::Result<TcpStream> {
    let accepted = match sockets {
        [one, other] => tokio::select! {
            accepted = one.accept() => accepted,
            accepted = other.accept() => accepted,
        },
        _ => sockets[0].accept().await,
    };
    accepted.map(|(stream, _)| stream)
}

/// The head of a request, where one comes in time.
async fn listen_to(mut stream: TcpStream) -> Option<(Head, TcpStream)> {
    let mut bytes = Vec::with_capacity(1024);
    let head = tokio::time::timeout(HEAD_PATIENCE, async {
        loop {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            match read_head(&bytes) {
                Some(Ok(head)) => return Some(head),
                Some(Err(())) => return None,
                None if bytes.len() >= MAX_HEAD_BYTES => return None,
                None => {}
            }
        }
    });
    let head = head.await.ok().flatten()?;
    Some((head, stream))
}

/// `None` while the head is not complete.
fn read_head(bytes: &[u8]) -> Option<Result<Head, ()>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD_BYTES => {}
        Ok(httparse::Status::Partial) => return None,
        _ => return Some(Err(())),
    }
    let hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    Some(Ok(Head {
        method: request.method.unwrap_or("").to_owned(),
        target: request.path.unwrap_or("").to_owned(),
        hosts: hosts.map(|host| String::from_utf8_lossy(host.value).into_owned()).collect(),
    }))
}

/// The query of a request that could be the right one.
fn query_of<'a>(head: &'a Head, loopback: &Loopback) -> Result<&'a str, Page> {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let is_here = matches!(head.hosts.as_slice(), [host] if host.eq_ignore_ascii_case(&loopback.host));
    match head.method.as_str() {
        "GET" if !is_here => Err(Page::wrong_host()),
        "GET" if path == loopback.path => Ok(query),
        "GET" => Err(Page::not_found()),
        _ => Err(Page::method_not_allowed()),
    }
}

async fn answer(mut stream: TcpStream, page: Page) {
    let _ = tokio::time::timeout(ANSWER_PATIENCE, async {
        stream.write_all(&page.into_response()).await?;
        stream.shutdown().await?;
        // Closed by us with something unread, the page could be lost.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, io::Error>(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::oauth::client::RedirectUri;

    fn judged(request: &str) -> Result<String, u16> {
        let loopback = "http://127.0.0.1:8914/callback".parse::<RedirectUri>().unwrap().loopback().unwrap();
        let head = read_head(request.as_bytes()).expect("a whole head").map_err(|()| 0_u16)?;
        query_of(&head, &loopback).map(str::to_owned).map_err(|page| page.status())
    }

    #[test]
    fn only_a_get_for_path_and_host_is_judged() {
        let host = "Host: 127.0.0.1:8914\r\n\r\n";
        assert_eq!(judged(&format!("GET /callback?code=a HTTP/1.1\r\n{host}")), Ok("code=a".to_owned()));
        assert_eq!(judged(&format!("GET /callback HTTP/1.1\r\n{host}")), Ok(String::new()));
        assert_eq!(judged(&format!("GET /favicon.ico HTTP/1.1\r\n{host}")), Err(404));
        assert_eq!(judged(&format!("GET / HTTP/1.1\r\n{host}")), Err(404));
        for method in ["HEAD", "OPTIONS", "POST", "PUT"] {
            assert_eq!(judged(&format!("{method} /callback?code=a HTTP/1.1\r\n{host}")), Err(405), "{method}");
        }
        assert_eq!(judged("GET /callback?code=a HTTP/1.1\r\nHost: evil.example\r\n\r\n"), Err(403));
        assert_eq!(judged("GET /callback?code=a HTTP/1.0\r\n\r\n"), Err(403));
        assert_eq!(judged(&format!("GET /callback?code=a HTTP/1.1\r\nHost: evil\r\n{host}")), Err(403));
        assert!(read_head(b"\x16\x03\x01 garbage\r\n\r\n").unwrap().is_err());
        assert!(read_head(b"GET /callback").is_none());
    }
}
