//! The ports on loopback where a sign-in by browser comes back: free, or taken
//! by whom.

use std::collections::BTreeMap;
use std::io;
#[cfg(target_os = "linux")]
use std::net::Ipv4Addr;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};

use super::{Check, CheckId, Machine};
use crate::base::code::Code;
use crate::base::shown::{Shown, Step, shown};
#[cfg(target_os = "linux")]
use crate::base::sockets;
use crate::model::oauth_client::{GrantType, RedirectUri};

pub fn examine(machine: &Machine) -> Vec<Check> {
    let mut users: BTreeMap<SocketAddr, Vec<&str>> = BTreeMap::new();
    for address in addresses(&RedirectUri::default()) {
        users.entry(address).or_default();
    }
    for profile in machine.config.iter().flat_map(|config| config.connections.values()) {
        let client = profile.auth.client().filter(|client| client.grant == GrantType::AuthorizationCode);
        for address in client.map(|client| addresses(&client.redirect_uri)).unwrap_or_default() {
            users.entry(address).or_default().push(profile.name.as_str());
        }
    }
    users.into_iter().map(|(address, users)| one(address, &users)).collect()
}

/// Where the listener stands: `localhost` is two addresses.
fn addresses(redirect_uri: &RedirectUri) -> Vec<SocketAddr> {
    let Some(loopback) = redirect_uri.loopback() else { return Vec::new() };
    let other = loopback.is_name.then_some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let addresses = [Some(loopback.address), other].into_iter().flatten();
    addresses.map(|address| SocketAddr::new(address, loopback.port)).collect()
}

fn one(address: SocketAddr, users: &[&str]) -> Check {
    let used_by = match users {
        [] => "the default for a browser sign-in".to_owned(),
        users => format!("where the browser returns to {}", users.join(", ")),
    };
    let check = match TcpListener::bind(address) {
        Ok(_) => Check::pass(CheckId::CallbackPort, shown!("{} is free, {}", address, Shown::outside(&used_by))),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv6() => {
            Check::skip(CheckId::CallbackPort, shown!("{}: this machine has no IPv6", address))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let who = owner(address.port()).unwrap_or_else(|| "another program".to_owned());
            Check::warn(CheckId::CallbackPort, shown!("{} is in use by {}", address, Shown::outside(&who)))
                .why(shown!(
                    "It is {}, which fails until it is free. snow never takes another port.",
                    Shown::outside(&used_by)
                ))
                .next("Stop the other program, unless it is a snow sign-in that is still waiting")
                .next(
                    Step::say("Register the redirect URI of another port and give it with --redirect-uri: ")
                        .and_run("snow guide oauth"),
                )
                .code(Code::PortInUse)
        }
        Err(error) => Check::warn(CheckId::CallbackPort, shown!("cannot listen on {}: {}", address, error))
            .why(shown!("It is {}.", Shown::outside(&used_by)))
            .next(Step::say("Sign in by paste: ").and_run("snow login NAME --manual")),
    };
    check.target(address.to_string())
}

/// Who listens at a port, where the system tells it to this user.
#[cfg(target_os = "linux")]
fn owner(port: u16) -> Option<String> {
    let families = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let mut sockets = families.into_iter().flat_map(sockets::of_family);
    let socket = sockets.find(|socket| socket.is_listening && socket.port == port)?;
    let link = format!("socket:[{}]", socket.inode);
    let holds = |process: &std::path::Path| {
        let descriptors = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        descriptors.into_iter().any(|descriptor| {
            std::fs::read_link(descriptor.path()).is_ok_and(|target| target.as_os_str() == link.as_str())
        })
    };
    let processes = std::fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    for process in processes {
        let id = process.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
        if let (Some(id), true) = (id, holds(&process)) {
            let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
            return Some(format!("{} (process {id})", name.trim()));
        }
    }
    Some("a program of another user".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn owner(_: u16) -> Option<String> {
    None
}
