//! How an organization is tested: by a query, and by what the token says of its user.

use std::borrow::Cow;

use super::classify::{Body, ClassifiedResponse};
use super::limits::Usage;
use super::symptoms::{diagnose, with_evidence};
use super::{Salesforce, classified, identity, path, version_of};
use crate::auth::credential::CredentialKind;
use crate::base::error::{CauseRow, Failure, Likelihood};
use crate::base::shown::{Shown, shown};
use crate::http::client::Response;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;
use crate::service::Asked;
use crate::service::probe::{NoUser, ProbeRequest, ProbedRows, Probes, Signs, unknown_user};

impl Probes for Salesforce {
    fn usual_table(&self) -> TableName {
        "Case".parse().expect("it has the form of a name")
    }

    fn preflight(&self) -> ProbeRequest {
        ProbeRequest::of(path::VERSIONS)
    }

    /// Every record that comes is one that the user may see; none of the others is counted.
    fn rows_of(&self, table: &TableName, limit: u32, _counts: bool, version: Option<ApiVersion>) -> ProbeRequest {
        let soql: Cow<'static, str> = format!("SELECT Id FROM {table} LIMIT {limit}").into();
        ProbeRequest { parameters: vec![("q", soql)], ..ProbeRequest::of(path::of(version_of(version), "query")) }
    }

    fn read_rows(
        &self,
        answer: &Response,
        asked: &Asked<'_>,
        _version: Option<ApiVersion>,
    ) -> Result<ProbedRows, Failure> {
        classified(answer, asked, |response| {
            let records = match &response.body {
                Body::Json(json) if response.status() == 200 => json.get("records").and_then(|rows| rows.as_array()),
                _ => None,
            };
            let rows = |records: &Vec<_>| ProbedRows { records: records.clone(), total: None };
            records.map(rows).ok_or_else(|| diagnose(response))
        })
    }

    fn signs(&self, answer: &Response, asked: &Asked<'_>) -> Signs {
        classified(answer, asked, |response| Signs {
            is_service: response.is_salesforce(),
            proves_sign_in: response.proves_sign_in(),
            // Nothing is given to those who did not sign in.
            says_who: true,
        })
    }

    fn who_request(
        &self,
        before: &[&Response],
        _credential: CredentialKind,
        _version: Option<ApiVersion>,
    ) -> Option<ProbeRequest> {
        // The token was taken before. Without a scope for identity, any is refused here.
        before.is_empty().then(|| ProbeRequest { renews: false, ..ProbeRequest::of(path::USER_INFO) })
    }

    fn who(&self, answer: &Response, asked: &Asked<'_>) -> Result<Shown, NoUser> {
        classified(answer, asked, |response| {
            let user_name = identity::read(response).and_then(|identity| identity.user_name);
            user_name.ok_or_else(|| NoUser::Unknown(with_evidence(no_user_name(response), response)))
        })
    }

    fn own_record(&self) -> &'static str {
        "its identity: give the app the scope openid or id"
    }

    fn refused_here_alone(&self, failure: &Failure, table: &TableName) -> Failure {
        Failure::new(failure.code(), shown!("{} for {} alone", failure.message(), table))
            .why("The same sign-in worked for another object in this run, so it is right.")
            .next(shown!("Ask an administrator to give the user access to {}", table))
            .evidence_of(failure)
    }

    fn with_evidence(&self, failure: Failure, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, |response| with_evidence(failure, response))
    }

    fn quota(&self, answer: &Response, asked: &Asked<'_>) -> Option<Option<Failure>> {
        let usage = Usage::of_header(answer.header("sforce-limit-info")?)?;
        Some(usage.warning(asked.instance))
    }
}

const NO_IDENTITY: &[CauseRow] = &[
    ("scope", Likelihood::High, "the app has neither the scope openid nor id, which identity takes"),
    ("session", Likelihood::Low, "the session came by SOAP, and this organization gives no identity for those"),
];

fn no_user_name(response: &ClassifiedResponse<'_>) -> Failure {
    match (response.status(), &response.body) {
        (401 | 403, Body::Word(_)) => unknown_user()
            .why("The sign-in works for the REST API. The token was refused where Salesforce tells the user.")
            .causes(NO_IDENTITY),
        _ => unknown_user(),
    }
}
