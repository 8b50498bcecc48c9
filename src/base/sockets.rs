//! The TCP sockets of this machine, as Linux shows them in `/proc/net/tcp`.

use std::net::{IpAddr, SocketAddr};

/// One socket.
pub struct Socket {
    /// The local port.
    pub port: u16,
    /// The remote port; 0 for a listener.
    pub peer_port: u16,
    pub is_listening: bool,
    /// Who opened it.
    pub uid: u32,
    pub inode: String,
}

/// All of one family. Empty where the system does not show them.
pub fn of_family(address: IpAddr) -> Vec<Socket> {
    let table = if address.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let text = std::fs::read_to_string(table).unwrap_or_default();
    text.lines().filter_map(socket).collect()
}

/// The user of the other end of a loopback connection; `None` if the system does not tell.
pub fn owner_of_peer(local: SocketAddr, peer: SocketAddr) -> Option<u32> {
    let is_other_end = |socket: &Socket| socket.port == peer.port() && socket.peer_port == local.port();
    of_family(local.ip()).into_iter().find(is_other_end).map(|socket| socket.uid)
}

/// Whether this is the placeholder that a user namespace shows for users outside of it.
pub fn is_unknown_user(uid: u32) -> bool {
    const ALL_USERS: &str = "4294967295";
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let is_contained = !read("/proc/self/uid_map").split_ascii_whitespace().any(|field| field == ALL_USERS);
    is_contained && read("/proc/sys/kernel/overflowuid").trim() == uid.to_string()
}

/// The fields of a line: number, local address, remote address, state, queues, timer,
/// retransmits, uid, timeout, inode.
fn socket(line: &str) -> Option<Socket> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
    Some(Socket {
        port: port(fields.get(1)?)?,
        peer_port: port(fields.get(2)?)?,
        is_listening: *fields.get(3)? == LISTEN,
        uid: fields.get(7)?.parse().ok()?,
        inode: (*fields.get(9)?).to_owned(),
    })
}
