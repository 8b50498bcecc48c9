//! What the first exchange tells by the way: the clock, and how long the
//! certificate lasts. These can only warn.

use chrono::{DateTime, TimeDelta, Utc};

use super::report::{Check, CheckId};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::engine::Connection;
use crate::http::certificate::Certificate;
use crate::http::client::Exchange;
use crate::http::identity::Presented;
use crate::http::retry_after::http_date;
use crate::model::instance::Instance;

/// Clocks may differ by so much without a word.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(2);
/// A certificate that ends sooner is worth a word.
const CERTIFICATE_NOTICE: TimeDelta = TimeDelta::days(14);
/// The same for our own, which takes longer to renew: it has to be registered as well.
const OWN_CERTIFICATE_NOTICE: TimeDelta = TimeDelta::days(30);

/// What the first exchange tells of the instance's clock and certificate, whether our
/// own ends soon, and whether one that goes with the way to sign in was of use.
/// These can only warn.
pub fn checks(exchange: &Exchange, connection: &Connection, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = Vec::new();
    let date = exchange.result.as_ref().ok().and_then(|answer| answer.header("date"));
    if let Some(there) = date.and_then(http_date) {
        let skew = now - there;
        checks.push(if skew.abs() <= CLOCK_TOLERANCE {
            Check::pass(CheckId::QualityClock)
        } else {
            Check::warn(CheckId::QualityClock, clock_skew(skew))
        });
    }
    if let Some(certificate) = exchange.certificate
        && exchange.result.is_ok()
    {
        let left = certificate.not_after - now;
        checks.push(if left >= CERTIFICATE_NOTICE {
            Check::pass(CheckId::QualityCertificate)
        } else {
            Check::warn(CheckId::QualityCertificate, certificate_ends(certificate, left))
        });
    }
    let own = connection.client().own_certificate();
    if let Some(certificate) = own.filter(|own| own.not_after - now < OWN_CERTIFICATE_NOTICE) {
        let check = Check::warn(CheckId::QualityCertificate, own_certificate_ends(certificate, now));
        checks.push(check.of("client"));
    }
    // If it signs in, the instance has judged that.
    let is_beside = own.is_some() && connection.credential().client_identity().is_none();
    if is_beside && exchange.result.is_ok() && connection.client().presented() == Presented::NotAsked {
        let failure = not_asked_for(connection.instance());
        checks.push(Check::warn(CheckId::QualityCertificate, failure).of("client"));
    }
    checks
}

fn clock_skew(skew: TimeDelta) -> Failure {
    let direction = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
    let minutes = skew.num_minutes().abs();
    Failure::new(Code::ClockSkew, shown!("the clock of this machine is {} min {} the instance's", minutes, direction))
        .why("Certificates and tokens depend on the clock.")
        .next("Set the clock of this machine, preferably with NTP")
        .evidence("skew_seconds", skew.num_seconds())
}

fn certificate_ends(certificate: Certificate, left: TimeDelta) -> Failure {
    let ends = certificate.ends();
    Failure::new(Code::CertificateEnds, shown!("the certificate expires in {} days", left.num_days()))
        .why(shown!("It is valid until {}.", Shown::outside(&ends)))
        .next("Ask the people who run the host to renew it")
        .evidence("not_after", Shown::outside(ends))
}

fn not_asked_for(instance: &Instance) -> Failure {
    let message = shown!("{} did not ask for the client certificate", instance.host_and_port());
    Failure::new(Code::CertificateNotAskedFor, message)
        .why("The TLS handshake had no request for a certificate, so none was sent. The sign-in does not need it here.")
        .next("Check that the address is that of the gateway that requires one")
        .next(Step::say("If none does, remove it: ").and_run("snow edit NAME --unset client_cert --unset client_key"))
}

fn own_certificate_ends(certificate: Certificate, now: DateTime<Utc>) -> Failure {
    let (ends, days) = (certificate.ends(), (certificate.not_after - now).num_days());
    Failure::new(Code::CertificateEnds, shown!("the client certificate expires in {} days", days))
        .why(shown!("It is valid until {}.", Shown::outside(&ends)))
        .next("Get a new certificate from the CA, and have it registered for the user before that")
        .evidence("not_after", Shown::outside(ends))
}
