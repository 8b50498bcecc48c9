//! A list of D-Bus addresses, of which a client uses the first that answers.
//!
//! The library of the keyring reads `DBUS_SESSION_BUS_ADDRESS` itself, and takes a single
//! address. A program cannot safely change its own environment, so this one starts itself
//! anew with the address to use: same process, same streams.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;

use zbus::Address;
use zbus::address::Transport;
use zbus::address::transport::UnixSocket;

use crate::base::variables::Variables;

const VARIABLE: &str = "DBUS_SESSION_BUS_ADDRESS";

/// Starts the program anew if the variable lists several addresses and one of them may be
/// used. To be called before anything was read or started.
pub fn keep_one_address() {
    let variables = Variables::new(std::env::vars_os());
    let Some(list) = variables.text(VARIABLE) else { return };
    if !list.contains(';') {
        return;
    }
    let Some(first) = list.split(';').find(|address| answers(address)) else { return };
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else { return };
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // Without success this process goes on, and the keyring says what it lacks.
    let _ = command.args(arguments).env(VARIABLE, first).exec();
}

/// Whether something listens at a socket; of other transports, whether there is one to try.
fn answers(address: &str) -> bool {
    let Ok(address) = Address::try_from(address) else { return false };
    match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => UnixStream::connect(path).is_ok(),
            UnixSocket::Abstract(name) => SocketAddr::from_abstract_name(name.as_encoded_bytes())
                .and_then(|address| UnixStream::connect_addr(&address))
                .is_ok(),
            _ => false,
        },
        Transport::Tcp(_) => true,
        _ => false,
    }
}
