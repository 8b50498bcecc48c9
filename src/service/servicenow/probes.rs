//! How an instance is tested: by the Table API, and by who it says is signed in.

use serde_json::Value;

use super::classified;
use super::classify::{Body, ClassifiedResponse};
use super::identity::{CURRENT_USER, GUEST, IS_GUEST, IS_NOT_LOGGED_IN, OWN_ROW, own_row, read_user_name, users};
use super::oauth::ServiceNow;
use super::symptoms::with_evidence;
use super::table::{self, TableQuery};
use crate::auth::credential::CredentialKind;
use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, shown};
use crate::http::client::Response;
use crate::model::instance::ApiVersion;
use crate::model::oauth_client::GrantType;
use crate::model::profile::TableName;
use crate::service::Asked;
use crate::service::probe::{
    NoUser, ProbeRequest, ProbedRows, Probes, Signs, field_hidden, is_for_some_apis, unknown_user,
};
use crate::service::rows::Rows;

/// The fields of one's own row.
const OWN_FIELDS: &str = "sys_id,user_name";

impl Probes for ServiceNow {
    fn usual_table(&self) -> TableName {
        users()
    }

    fn preflight(&self) -> ProbeRequest {
        ProbeRequest::of(table::path(&users(), None))
    }

    fn rows_of(&self, table: &TableName, limit: u32, counts: bool, version: Option<ApiVersion>) -> ProbeRequest {
        TableQuery { table, query: None, fields: self.key(), limit, count: counts }.request(version)
    }

    fn read_rows(
        &self,
        answer: &Response,
        asked: &Asked<'_>,
        version: Option<ApiVersion>,
    ) -> Result<ProbedRows, Failure> {
        classified(answer, asked, |response| table::read_rows(response, version))
    }

    fn signs(&self, answer: &Response, asked: &Asked<'_>) -> Signs {
        classified(answer, asked, |response| Signs {
            is_service: response.is_servicenow(),
            proves_sign_in: response.proves_sign_in(),
            says_who: response.is_logged_in(),
        })
    }

    fn who_request(
        &self,
        before: &[&Response],
        credential: CredentialKind,
        version: Option<ApiVersion>,
    ) -> Option<ProbeRequest> {
        // A key may be meant for the Table API alone. Asking again with a password would
        // count as another failure.
        let is_elsewhere = |status| status == 404 || (is_for_some_apis(credential) && matches!(status, 401 | 403));
        match before {
            [] => Some(ProbeRequest::of(CURRENT_USER)),
            [answer] if is_elsewhere(answer.status) => {
                let table = users();
                let query =
                    TableQuery { table: &table, query: Some(OWN_ROW), fields: OWN_FIELDS, limit: 2, count: false };
                Some(query.request(version))
            }
            _ => None,
        }
    }

    fn who(&self, answer: &Response, asked: &Asked<'_>) -> Result<Shown, NoUser> {
        classified(answer, asked, |response| {
            let Some(user_name) = read_user_name(response) else {
                return Err(NoUser::Unknown(with_evidence(no_user_name(response), response)));
            };
            let is_wanted = response.user.is_some_and(|user| user.matches(GUEST));
            if user_name.eq_ignore_ascii_case(GUEST) && !is_wanted {
                Err(NoUser::Guest(as_guest(response, IS_GUEST)))
            } else if response.is_for_a_guest() {
                Err(NoUser::Guest(as_guest(response, IS_NOT_LOGGED_IN)))
            } else {
                Ok(user_name)
            }
        })
    }

    fn own_record(&self) -> &'static str {
        "its own sys_user record"
    }

    fn refused_here_alone(&self, failure: &Failure, table: &TableName) -> Failure {
        Failure::new(failure.code(), shown!("{} for {} alone", failure.message(), table))
            .why("The same sign-in worked for another table in this run, so the secret is right.")
            .causes(OTHER_METHODS)
            .next(shown!("Ask an administrator to add this way to sign in to the REST API access policy of {}", table))
            .evidence_of(failure)
    }

    fn with_evidence(&self, failure: Failure, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, |response| with_evidence(failure, response))
    }
}

fn as_guest(response: &ClassifiedResponse<'_>, why: &'static str) -> Failure {
    let host = response.instance.host_and_port();
    let is_client = response.credential.has_grant(GrantType::ClientCredentials);
    let causes = if is_client { GUEST_BEHIND_CLIENT } else { GUEST_BEHIND_REQUEST };
    let failure = Failure::new(Code::AnsweredAsGuest, shown!("{} responded without authentication", host))
        .why(why)
        .causes(causes)
        .next("Ask an administrator which user this sign-in is for");
    with_evidence(failure, response)
}

const GUEST_BEHIND_CLIENT: &[CauseRow] = &[
    (
        "no-application-user",
        Likelihood::High,
        "the client has no OAuth Application User, and the release is older than Washington DC",
    ),
    ("header-removed", Likelihood::Low, "a proxy removes the Authorization header"),
];
const GUEST_BEHIND_REQUEST: &[CauseRow] =
    &[("header-removed", Likelihood::High, "a proxy removes the Authorization header")];

/// Behind a 401 to a sign-in that works elsewhere.
const OTHER_METHODS: &[CauseRow] = &[(
    "other-methods",
    Likelihood::High,
    "a REST API access policy of this API has a profile for another way to sign in, such as API keys, and accepts no other",
)];

/// What may be behind the user guest, and behind a 401 after a good answer.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    let elsewhere = [Code::BasicRefused, Code::BearerRefused, Code::ApiKeyRefused].map(|code| CausesOfCode {
        when: Some("if the same sign-in works for another table"),
        ..CausesOfCode::new(code, OTHER_METHODS)
    });
    let client = CausesOfCode {
        when: Some("with client credentials"),
        ..CausesOfCode::new(Code::AnsweredAsGuest, GUEST_BEHIND_CLIENT)
    };
    elsewhere.into_iter().chain([client])
}

/// An answer without a user name: the own row lacks the field, or anything
/// else.
fn no_user_name(response: &ClassifiedResponse<'_>) -> Failure {
    let missing = own_row(response).map(|row| ProbedRows { records: vec![row], total: None });
    let missing = missing.as_ref().map(|rows| rows.missing_fields(OWN_FIELDS)).unwrap_or_default();
    if missing.contains(&"user_name") {
        field_hidden(&users(), &missing, &response.user.map_or("the user".into(), Show::show))
    } else {
        match &response.body {
            // A term that the instance does not know is dropped, and the query
            // matches strangers.
            Body::Result(Value::Array(rows)) if rows.len() != 1 => unknown_user()
                .why("The sign-in works. Reading your own sys_user record did not return exactly one row: the instance dropped the query condition, or hides the record.")
                .evidence("rows", rows.len()),
            _ if matches!(response.status(), 401 | 403)
                && response.is_refused_by_the_instance()
                && is_for_some_apis(response.credential) =>
            {
                Failure::new(Code::IdentityUnknown, "the identity is not readable with this API key")
                    .why("The sign-in works. A key may call the APIs that its access policies name, and the one that tells the user is not among them.")
            }
            _ if response.status() == 401 && response.is_refused_by_the_instance() => unknown_user()
                .why("The sign-in works for the Table API, and was rejected for the API that tells the user.")
                .causes(OTHER_METHODS),
            _ if response.status() >= 300 && !response.is_servicenow() => unknown_user()
                .why("The sign-in works. A gateway answered this request in place of the instance.")
                .next(shown!("Ask the people who run the gateway to allow {}", CURRENT_USER)),
            _ => unknown_user(),
        }
    }
}
