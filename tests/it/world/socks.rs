//! A SOCKS5 proxy (RFC 1928) that wants a user name and a password (RFC 1929), and
//! knows one host.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

pub struct SocksProxy {
    pub address: SocketAddr,
}

/// Who may use it, which host it knows, and where that is.
#[derive(Clone, Copy)]
pub struct Rules {
    pub user: &'static str,
    pub password: &'static str,
    pub host: &'static str,
    pub target: SocketAddr,
}

impl SocksProxy {
    /// It serves until the test ends.
    pub fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream, rules));
            }
        });
        Self { address }
    }
}

fn serve(mut client: TcpStream, rules: Rules) -> io::Result<()> {
    let [_version, methods] = read(&mut client)?;
    let methods = text(&mut client, methods)?;
    if !methods.contains(&2) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, 2])?;
    let [_version, length] = read(&mut client)?;
    let user = text(&mut client, length)?;
    let [length] = read(&mut client)?;
    let password = text(&mut client, length)?;
    if user != rules.user.as_bytes() || password != rules.password.as_bytes() {
        return client.write_all(&[1, 1]);
    }
    client.write_all(&[1, 0])?;
    let [_version, _connect, _reserved, kind] = read(&mut client)?;
    assert_eq!(kind, 3, "the name is left to the proxy");
    let [length] = read(&mut client)?;
    let host = text(&mut client, length)?;
    let [_, _] = read(&mut client)?;
    if host != rules.host.as_bytes() {
        return client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    let server = TcpStream::connect(rules.target)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from, to));
    pass(server, client)
}

/// Hands on what comes, to its end.
pub fn pass(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(stream: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
