//! A gateway on loopback: it takes requests of programs that cannot sign in themselves, and
//! sends them on with the credential of a connection.
//!
//! [`server`] accepts connections, each a [`socket`], with TLS of [`tls`] if that is wanted. [`admission`]
//! decides whether a request is sent on, before the instance hears of it; a program shows
//! that it may ask by a [`password`]. [`forward`] sends the request and its answer on, piece
//! by piece: without the [`headers`] that are of one hop or of a sign-in, and with
//! [`links`] to the instance turned into links to the gateway. What comes from the gateway
//! itself is a [`refusal`].

pub mod admission;
mod forward;
mod headers;
mod links;
pub mod password;
mod refusal;
pub mod server;
mod socket;
pub mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use url::Url;

use crate::base::limits;
use crate::client::Client;
use admission::{Access, Admission, Place};
use forward::Forwarder;
use password::LocalPassword;
use server::Connections;
use tls::Tls;

/// A gateway that listens, and serves once it is told to.
pub struct Gateway {
    listener: TcpListener,
    place: Place,
    client: Client,
    access: Access,
    password: LocalPassword,
    tls: Option<Tls>,
}

impl Gateway {
    /// Takes the port of 127.0.0.1, a free one if none is given.
    pub fn bind(client: Client, access: Access, port: Option<u16>, tls: Option<Tls>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0))))?;
        listener.set_nonblocking(true)?;
        let place = Place { port: listener.local_addr()?.port(), is_tls: tls.is_some() };
        Ok(Self { listener, place, client, access, password: LocalPassword::new(), tls })
    }

    /// Where programs find it.
    pub fn url(&self) -> String {
        self.place.url()
    }

    /// What programs show.
    pub fn password(&self) -> &LocalPassword {
        &self.password
    }

    /// Serves until `stop`, and then until what is under way has ended or was given up.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { listener, place, client, mut access, password, tls } = self;
        access.closed.extend(own_sign_in(&client).await);
        let url = place.url();
        let admission = Admission { service: client.connection().service(), place, access, password };
        let connections = Connections::of(limits::open_files(server::FILES));
        let forwarder = Arc::new(Forwarder::new(client, admission, url));
        server::serve(tokio::net::TcpListener::from_std(listener)?, tls, forwarder, connections, stop).await;
        Ok(())
    }
}

/// The paths by which the connection itself signs in, if they are of its instance.
async fn own_sign_in(client: &Client) -> Vec<String> {
    let connection = client.connection();
    let Some(session) = connection.credential().session().await else { return Vec::new() };
    let (client, instance) = (session.endpoint().client(), connection.instance());
    let endpoints = [
        client.authorization_endpoint(instance),
        client.token_endpoint(instance),
        client.revocation_endpoint(instance),
    ];
    let at_instance = |url: &Url| url.origin() == instance.url("/").origin();
    endpoints.into_iter().filter(at_instance).map(|url| url.path().to_owned()).collect()
}
