//! A company with instances at service-now.com, as far as this machine can tell: a
//! proxy that leads every host there to the embedded instance, behind TLS with an
//! authority of the company.
//!
//! So what a text says can be run as it is written.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::browser::get;
use super::process::{Serving, program};
use super::socks::pass;
use super::tls::{Authority, Front, Leaf};

/// The hosts that the embedded instance answers to.
const INSTANCES: [&str; 5] = ["acme", "acme-test", "acme-uat", "acme-prod", "dev12345"];

pub struct Company {
    instance: Serving,
    authority: Authority,
    _front: Front,
    proxy: SocketAddr,
}

impl Company {
    pub fn new() -> Self {
        let hosts = INSTANCES.map(|name| format!("--host={name}.service-now.com"));
        let instance = Serving::start(&hosts.each_ref().map(String::as_str));
        let authority = Authority::new();
        let front = authority.front(Leaf::Named("*.service-now.com"), instance.origin());
        let proxy = proxy(front.address);
        Self { instance, authority, _front: front, proxy }
    }

    /// The environment of a person who works there and has this home, with `snow` on
    /// the PATH and a passphrase for the encrypted file.
    pub fn environment(&self, command: &mut Command, home: &Path) {
        command.env_clear().env("HOME", home).env("LANG", "C.UTF-8").current_dir(home);
        command.env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()));
        command.env("HTTPS_PROXY", format!("http://{}", self.proxy)).env("SSL_CERT_FILE", home.join("ca.pem"));
        command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE_FILE", home.join(".snow-passphrase"));
    }

    /// The key of the client that signs, which the embedded instance made.
    pub fn private_key(&self) -> String {
        get(&format!("{}/sandbox-jwt.pem", self.instance.origin())).body
    }

    /// Puts into a home what that environment names.
    pub fn furnish(&self, home: &Path) {
        self.authority.save(&home.join("ca.pem"));
        let passphrase = home.join(".snow-passphrase");
        std::fs::write(&passphrase, "correct horse battery staple").unwrap();
        std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::create_dir_all(home.join("bin")).unwrap();
        #[cfg(unix)]
        symlink(program(), home.join("bin/snow")).unwrap();
    }
}

/// An HTTP proxy that knows service-now.com, which is at `target`.
fn proxy(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client, target));
        }
    });
    address
}

fn serve(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        // A client waits for the answer before it goes on.
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
    }
    if !(request.starts_with("CONNECT ") && request.contains(".service-now.com:443 ")) {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from, to));
    pass(server, client)
}
