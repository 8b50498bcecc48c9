//! The preflight probe: one request without a credential, is the instance awake?

use std::time::Duration;

use http::HeaderMap;

use crate::auth::credential::CredentialKind;
use crate::base::error::Failure;
use crate::base::server_text::Redactor;
use crate::http::client::{Client, Deadline, Exchange};
use crate::model::instance::Instance;
use crate::model::profile::Subject;
use crate::service::probe::ProbeRequest;
use crate::service::{Asked, Offer, Purpose, Service};

/// A request without a credential, and what came of it.
pub struct Preflight {
    pub(super) exchange: Exchange,
    /// What the answer means. An instance that is awake refuses, too.
    failure: Failure,
}

/// Asks the instance without a credential.
pub async fn preflight(
    service: &dyn Service,
    instance: &Instance,
    client: &Client,
    subject: &Subject,
    deadline: Deadline,
) -> Preflight {
    let ProbeRequest { path, parameters, .. } = service.preflight();
    let mut url = instance.url(&path);
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    let exchange = client.get(url, &HeaderMap::new(), deadline).await;
    let mut redactor = Redactor::default();
    client.secrets().iter().for_each(|secret| redactor.add(secret));
    let failure = match &exchange.result {
        Err(error) => Failure::from(error.clone()),
        Ok(answer) => service.diagnosed(
            answer,
            &Asked {
                purpose: Purpose::Preflight,
                credential: CredentialKind::Nothing,
                subject,
                instance,
                user: None,
                presented: client.presented(),
                redactor: &redactor,
            },
        ),
    };
    Preflight { exchange, failure }
}

/// What the instance shows of its ways to sign in, after a preflight probe. Without a
/// credential, too.
pub async fn offer(
    service: &dyn Service,
    preflight: &Preflight,
    instance: &Instance,
    client: &Client,
    deadline: Deadline,
) -> Option<Offer> {
    let refused = preflight.exchange.result.as_ref().ok();
    let mut probe = None;
    for path in service.offer_probes() {
        probe = client.get(instance.url(path), &HeaderMap::new(), deadline).await.result.ok();
        // The other one is of other releases.
        if probe.as_ref().is_none_or(|answer| answer.status != 404) {
            break;
        }
    }
    service.offer(refused, probe.as_ref())
}

impl Preflight {
    /// Why the instance cannot be tested now, where that may pass by itself.
    pub fn may_pass(&self) -> Option<&Failure> {
        Some(&self.failure).filter(|failure| failure.code().is_transient())
    }

    /// Why nothing secret should be asked for: as above, or nothing answered.
    pub fn stops(&self) -> Option<&Failure> {
        let is_unreachable = match &self.exchange.result {
            // It is there, and the sign-in has the certificate.
            Err(error) => !error.is_about_client_certificate(),
            Ok(_) => false,
        };
        Some(&self.failure).filter(|failure| failure.code().is_transient() || is_unreachable)
    }

    pub fn took(&self) -> Duration {
        self.exchange.timings.total
    }
}
