//! The headers that pass the gateway.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use crate::http::client::Client;

/// Headers of one connection, not of the request that it carries (RFC 9110 §7.6.1).
static HOP_BY_HOP: [HeaderName; 11] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authentication-info"),
    HeaderName::from_static("proxy-connection"),
];
/// What is of a sign-in, or kept from one request for the next.
static OF_A_SIGN_IN: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::SET_COOKIE,
    HeaderName::from_static("cookie2"),
    HeaderName::from_static("set-cookie2"),
];
/// What the gateway says to the instance by itself.
static OF_THE_REQUEST: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::EXPECT, HeaderName::from_static("forwarded")];
/// What an origin says of itself, and the gateway is another one.
static OF_THE_ORIGIN: [HeaderName; 7] = [
    header::WWW_AUTHENTICATE,
    header::STRICT_TRANSPORT_SECURITY,
    header::ALT_SVC,
    header::REFRESH,
    HeaderName::from_static("authentication-info"),
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("public-key-pins"),
];

/// The headers of a request that go to the instance. The connection signs it later.
pub fn of_request(mut headers: HeaderMap, client: &Client) -> HeaderMap {
    remove_of_this_hop(&mut headers);
    OF_THE_REQUEST.iter().for_each(|name| drop(headers.remove(name)));
    // The connection's own go before those of a program.
    let own: Vec<HeaderName> = headers.keys().filter(|name| client.adds(name)).cloned().collect();
    own.iter().for_each(|name| drop(headers.remove(name)));
    // Without it, everything is accepted; the client asks for JSON.
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    // A part of what is compressed cannot be decompressed.
    if headers.contains_key(header::RANGE) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    headers
}

/// The headers of an answer that go to the program.
pub fn of_response(headers: &mut HeaderMap) {
    remove_of_this_hop(headers);
    OF_THE_ORIGIN.iter().for_each(|name| drop(headers.remove(name)));
}

fn remove_of_this_hop(headers: &mut HeaderMap) {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        lists.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    let fixed = HOP_BY_HOP.iter().chain(&OF_A_SIGN_IN);
    named.iter().chain(fixed).for_each(|name| drop(headers.remove(name)));
}
