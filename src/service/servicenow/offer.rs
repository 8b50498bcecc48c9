//! What an instance shows of its ways to sign in before anyone signs in.

use http::header::WWW_AUTHENTICATE;

use crate::auth::basic;
use crate::http::client::Response;
use crate::service::Offer;

/// Where the front end says whether it takes client certificates; the documentation has both.
pub const CERTIFICATE_PROBES: [&str; 2] = ["/adcv2/supports_tls", "/adc/supports_tls"];

/// `refused` is the answer to a request without a credential. `probe` is what one of the
/// [`CERTIFICATE_PROBES`] answered.
pub fn read(refused: Option<&Response>, probe: Option<&Response>) -> Offer {
    let challenges = |answer: &Response| {
        let values = answer.headers.get_all(WWW_AUTHENTICATE);
        values.iter().filter_map(|value| value.to_str().ok()).map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    let challenges = refused.filter(|answer| answer.status == 401).map(challenges).unwrap_or_default();
    let is_of_servicenow = challenges.iter().any(|challenge| challenge.contains("service-now"));
    let takes_passwords = is_of_servicenow.then(|| challenges.iter().any(|value| value.contains("basic ")));
    let takes_certificates = probe.is_some_and(says_yes);
    let advice = match (takes_certificates, takes_passwords) {
        (true, _) => {
            "A client certificate if you have one, since this instance takes them and no secret is sent; else OAuth"
        }
        (false, Some(false)) => "OAuth with your own client, since this instance does not offer Basic",
        (false, _) => "OAuth with your own client, since no password is stored and Basic is often refused",
    };
    let objection = (&basic::SPEC, "not offered by this instance");
    Offer { advice, objections: (takes_passwords == Some(false)).then_some(objection).into_iter().collect() }
}

fn says_yes(answer: &Response) -> bool {
    answer.status == 200 && String::from_utf8_lossy(&answer.body).trim() == "true"
}
