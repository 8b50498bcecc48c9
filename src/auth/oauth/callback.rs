//! The listener on loopback that waits for the browser to come back
//! (RFC 8252 §7.3).
//!
//! Every program on this machine can connect here, and web pages can make a browser
//! do so. Only a GET for the registered path and host, by a browser that opens
//! it as a page, is shown to the judge; everything else gets a short answer and
//! changes nothing. Heads are small and come soon; a slow visitor makes room for
//! others.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::auth::oauth::page::Page;
#[cfg(target_os = "linux")]
use crate::base::sockets;
use crate::model::oauth_client::Loopback;

/// The cookies of every program on this host come along, whatever port set them.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// So much of what comes after the head is taken, so that the page is not lost.
const MAX_REST: u64 = 1024 * 1024;
/// So many may be heard at once; then the one that is slowest must go.
const MAX_CONNECTIONS: usize = 128;
/// So many may wait to be heard. One more would have to try again in a second.
const MAX_QUEUE: u32 = 1024;

/// Listens at the address of a redirect URI, for as long as it is not dropped.
pub struct Listener {
    sockets: Vec<TcpListener>,
    loopback: Loopback,
}

/// The browser whose request was the right one, waiting for its page.
pub struct WaitingBrowser(TcpStream);

/// Why a browser was not heard that could have been the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// It sends more cookies than are read.
    TooLarge,
    /// It runs as another user of this machine, who may have seen the address.
    OtherUser,
}

/// Whose browser may come back, if the system tells whose it is: this user's, root's,
/// and with sudo that of the user who ran it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Users {
    /// `SUDO_UID`.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux tells whose a connection is"))]
    pub sudo_user: Option<u32>,
}

impl Users {
    #[cfg(target_os = "linux")]
    fn include_peer_of(self, stream: &TcpStream) -> bool {
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return true };
        let owner = sockets::owner_of_peer(local, peer).filter(|uid| !sockets::is_unknown_user(*uid));
        owner.is_none_or(|uid| self.include(uid, rustix::process::geteuid().as_raw()))
    }

    /// Whether a program of the user `uid` may be the browser, if `me` waits for it.
    #[cfg(target_os = "linux")]
    fn include(self, uid: u32, me: u32) -> bool {
        let is_sudo_user = me == 0 && self.sudo_user == Some(uid);
        uid == me || uid == 0 || is_sudo_user
    }

    #[cfg(not(target_os = "linux"))]
    fn include_peer_of(self, _: &TcpStream) -> bool {
        true
    }
}

/// What came of a visit.
enum Visit {
    /// A request that could be the right one.
    Candidate { query: String, stream: TcpStream },
    /// A request whose head is too large to be read.
    TooLarge,
}

/// Why there is no head of a request.
enum Unread {
    Gone,
    TooLarge,
}

/// The visitors that are heard or answered, the oldest first.
#[derive(Default)]
struct Visitors(VecDeque<AbortHandle>);

/// A request, as far as it was looked at.
struct Head {
    method: String,
    target: String,
    hosts: Vec<String>,
    /// Whether a browser opens this as a page, as far as it says.
    is_navigation: bool,
}

impl Listener {
    /// Binds the exact address; `AddrInUse` if another program has it. For
    /// `localhost` both addresses, since the browser chooses one of them.
    pub fn bind(loopback: &Loopback) -> io::Result<Self> {
        let mut sockets = vec![bind(SocketAddr::new(loopback.address, loopback.port))?];
        if loopback.is_name {
            match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), loopback.port)) {
                Ok(socket) => sockets.push(socket),
                // A machine without IPv6.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
                Err(error) if is_unknown_family(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { sockets, loopback: loopback.clone() })
    }

    /// Waits until `judge` takes the query of a request that comes from `users`. The port
    /// is free again when this returns. `turned_away` is told of a browser that could
    /// have been the right one.
    pub async fn wait<T, E>(
        self,
        users: Users,
        judge: impl Fn(&str) -> Result<T, E>,
        turned_away: impl Fn(TurnedAway),
    ) -> (T, WaitingBrowser) {
        // Each visitor says one thing, and it is heard before the next comes in.
        let (heard, mut hear) = mpsc::unbounded_channel::<Visit>();
        let mut visitors = Visitors::default();
        let answer = loop {
            tokio::select! {
                biased;
                Some(visit) = hear.recv() => match visit {
                    Visit::Candidate { query, stream } => match judge(&query) {
                        Ok(answer) if users.include_peer_of(&stream) => break (answer, WaitingBrowser(stream)),
                        Ok(_) => {
                            turned_away(TurnedAway::OtherUser);
                            visitors.add(show(stream, Page::other_user()));
                        }
                        Err(_) => visitors.add(show(stream, Page::not_this_attempt())),
                    },
                    Visit::TooLarge => turned_away(TurnedAway::TooLarge),
                },
                accepted = accept(&self.sockets) => {
                    match accepted {
                        Ok(stream) => visitors.add(receive(stream, self.loopback.clone(), heard.clone())),
                        // Out of file descriptors, most likely.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                    // In a flood, too, everybody is looked at before making room.
                    tokio::task::yield_now().await;
                }
            }
        };
        hear.close();
        while let Ok(late) = hear.try_recv() {
            if let Visit::Candidate { stream, .. } = late {
                tokio::spawn(show(stream, Page::too_late()));
            }
        }
        answer
    }
}

impl Visitors {
    fn add(&mut self, visit: impl Future<Output = ()> + Send + 'static) {
        self.0.retain(|visitor| !visitor.is_finished());
        if self.0.len() >= MAX_CONNECTIONS
            && let Some(slowest) = self.0.pop_front()
        {
            slowest.abort();
        }
        self.0.push_back(tokio::spawn(visit).abort_handle());
    }
}

impl WaitingBrowser {
    /// Shows how it ended.
    pub async fn show(self, page: Page) {
        show(self.0, page).await;
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Not a second owner (that is what Windows takes it for), but no wait for
    // the connections of a former sign-in to be forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_QUEUE)
}

#[cfg(unix)]
fn is_unknown_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(not(unix))]
fn is_unknown_family(_: &io::Error) -> bool {
    false
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

/// Hears a visitor out: hands over what could be the right request, and
/// answers what cannot.
async fn receive(mut stream: TcpStream, loopback: Loopback, heard: mpsc::UnboundedSender<Visit>) {
    let head = match tokio::time::timeout(HEAD_TIMEOUT, head_from(&mut stream)).await {
        Ok(Ok(head)) => head,
        Ok(Err(Unread::TooLarge)) => {
            let _ = heard.send(Visit::TooLarge);
            return show(stream, Page::too_large()).await;
        }
        Ok(Err(Unread::Gone)) | Err(_) => return,
    };
    let query = match query_of(&head, &loopback) {
        Ok(query) => query.to_owned(),
        Err(page) => return show(stream, page).await,
    };
    if let Err(mpsc::error::SendError(Visit::Candidate { stream, .. })) = heard.send(Visit::Candidate { query, stream })
    {
        show(stream, Page::too_late()).await;
    }
}

/// The head of a request.
async fn head_from(stream: &mut TcpStream) -> Result<Head, Unread> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let known = bytes.len();
        if stream.read_buf(&mut bytes).await.map_err(|_| Unread::Gone)? == 0 {
            return Err(Unread::Gone);
        }
        // Looked at from the start as seldom as possible: a head can come byte by byte.
        let is_first = known == 0;
        let new = &bytes[known.saturating_sub(3)..];
        let may_end = new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n");
        match (is_first || may_end).then(|| read_head(&bytes)).flatten() {
            Some(head) => return head.map_err(|()| Unread::Gone),
            None if bytes.len() >= MAX_HEAD_BYTES => return Err(Unread::TooLarge),
            None => {}
        }
    }
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
    let values = |name: &str| -> Vec<String> {
        let named = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| String::from_utf8_lossy(header.value).into_owned()).collect()
    };
    // What a browser says of itself (Fetch Metadata); older ones say nothing.
    // A navigation by GET has no origin, or one that is hidden.
    let is_navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("origin", "null")]
        .iter()
        .all(|(name, usual)| values(name).iter().all(|value| value == usual));
    Some(Ok(Head {
        method: request.method.unwrap_or("").to_owned(),
        target: request.path.unwrap_or("").to_owned(),
        hosts: values("host"),
        is_navigation,
    }))
}

/// The query of a request that could be the right one.
fn query_of<'a>(head: &'a Head, loopback: &Loopback) -> Result<&'a str, Page> {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let is_here = matches!(head.hosts.as_slice(), [host] if host.eq_ignore_ascii_case(&loopback.host));
    match head.method.as_str() {
        "GET" if !is_here => Err(Page::wrong_host()),
        "GET" if !head.is_navigation => Err(Page::not_a_navigation()),
        "GET" if path == loopback.path => Ok(query),
        "GET" => Err(Page::not_found()),
        _ => Err(Page::method_not_allowed()),
    }
}

async fn show(mut stream: TcpStream, page: Page) {
    let _ = tokio::time::timeout(ANSWER_TIMEOUT, async {
        stream.write_all(&page.into_response()).await?;
        stream.shutdown().await?;
        // Closed by us with something unread, the page could be lost.
        let mut rest = stream.take(MAX_REST);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::oauth_client::RedirectUri;

    fn judged(request: &str) -> Result<String, u16> {
        let loopback = "http://127.0.0.1:8914/callback".parse::<RedirectUri>().unwrap().loopback().unwrap();
        let head = read_head(request.as_bytes()).expect("a whole head").map_err(|()| 0_u16)?;
        query_of(&head, &loopback).map(str::to_owned).map_err(|page| page.status())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_browser_of_another_user_is_not_the_one_that_is_waited_for() {
        let (none, sudo) = (Users::default(), Users { sudo_user: Some(1000) });
        for (users, uid, me, is_included) in [
            (none, 1000, 1000, true),
            (none, 0, 1000, true),
            (none, 1001, 1000, false),
            (none, 1000, 0, false),
            (sudo, 1000, 0, true),
            (sudo, 1001, 0, false),
            // The variable counts for root alone.
            (sudo, 1000, 1001, false),
        ] {
            assert_eq!(users.include(uid, me), is_included, "{users:?} {uid} {me}");
        }
        // The owner of the other end is read from the system.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(sockets::owner_of_peer(server.local_addr().unwrap(), peer), Some(me));
        drop(client);
    }

    #[test]
    fn only_a_navigation_to_path_and_host_is_judged() {
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
        for (header, is_navigation) in [
            ("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: cross-site", true),
            ("Origin: null", true),
            ("Origin: https://evil.example", false),
            ("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image", false),
            ("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe", false),
        ] {
            let judged = judged(&format!("GET /callback?code=a HTTP/1.1\r\n{header}\r\n{host}"));
            assert_eq!(judged, if is_navigation { Ok("code=a".to_owned()) } else { Err(403) }, "{header}");
        }
        assert!(read_head(b"\x16\x03\x01 garbage\r\n\r\n").unwrap().is_err());
        assert!(read_head(b"GET /callback").is_none());
    }
}
