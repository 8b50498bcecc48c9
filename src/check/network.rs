//! How far the network went: what opening a connection showed, as checks.

use std::time::Duration;

use super::report::{Check, CheckId};
use crate::base::error::Failure;
use crate::base::shown::Shown;
use crate::engine::Connection;
use crate::http::certificate::Certificate;
use crate::http::client::Exchange;
use crate::http::failure::{NetworkError, Reached};
use crate::http::trace::Timings;

/// What opening a connection to the instance showed.
#[derive(Clone)]
pub struct Opening {
    pub timings: Timings,
    pub certificate: Option<Certificate>,
    pub error: Option<NetworkError>,
}

impl Opening {
    pub fn of(exchange: &Exchange) -> Self {
        Self {
            timings: exchange.timings,
            certificate: exchange.certificate,
            error: exchange.result.as_ref().err().cloned(),
        }
    }
}

/// How far the network went, from the times and the failure of the first
/// exchange.
pub fn network_checks(connection: &Connection, opening: &Opening) -> Vec<Check> {
    let timings = opening.timings;
    let error = opening.error.as_ref();
    let reached = error.map(|error| error.phase);
    let is_https = connection.instance().origin().starts_with("https:");
    let split = is_https && connection.client().route().proxy().is_none();
    let mut steps = vec![(CheckId::NetworkDns, Reached::Dns, timings.dns)];
    if split {
        steps.push((CheckId::NetworkTcp, Reached::Connect, timings.tcp));
        steps.push((CheckId::NetworkTls, Reached::Tls, timings.tls));
    } else {
        let took = timings.tcp.map(|tcp| tcp + timings.tls.unwrap_or_default());
        steps.push((CheckId::NetworkConnect, Reached::Connect, took));
    }
    let mut failed = false;
    let mut checks = Vec::new();
    for (id, step, took) in steps {
        let fails_here = match reached {
            Some(Reached::Tls) if !split => step == Reached::Connect,
            Some(reached) => reached == step,
            None => false,
        };
        checks.push(match error {
            Some(error) if fails_here => {
                failed = true;
                let ends = opening.certificate.map(Certificate::ends);
                Check::fail(id, Failure::from(error.clone()).evidence("not_after", ends.map(Shown::outside)))
                    .taking(took)
            }
            _ if failed => Check::skip(id),
            // An address needs no looking up.
            _ if step == Reached::Dns && took.is_none() => Check::skip(id),
            _ => Check::pass(id).taking(took),
        });
    }
    checks
}

/// The time of the request itself, without opening the connection.
pub fn request_time(timings: &Timings) -> Duration {
    let opening = [timings.dns, timings.tcp, timings.tls];
    let opening: Duration = opening.into_iter().flatten().sum();
    timings.total.saturating_sub(opening)
}
