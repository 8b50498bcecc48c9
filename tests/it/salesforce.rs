//! What answers of Salesforce mean, in the shapes that its documentation and its clients
//! show.

use serde_json::Value;
use snow_connect::auth::credential::{CredentialKind, TokenAge};
use snow_connect::auth::oauth::AUTHORIZATION_CODE;
use snow_connect::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use snow_connect::auth::provider::{self, Provider};
use snow_connect::base::error::Failure;
use snow_connect::base::server_text::Redactor;
use snow_connect::http::client::Response;
use snow_connect::http::identity::Presented;
use snow_connect::model::oauth_client::{GrantType, OAuthClient};
use snow_connect::model::profile::Subject;
use snow_connect::service::salesforce::limits::Usage;
use snow_connect::service::salesforce::{DEFAULTS, Salesforce};
use snow_connect::service::{Asked, Purpose, Service};

/// Answers, with what they mean.
const ANSWERS: &str = include_str!("salesforce.json");

/// The failure that an answer is, if it is one.
fn failure_of(exchange: &Value) -> Option<Failure> {
    let response = &exchange["response"];
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap()));
    let body = match &response["body"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        json => json.to_string(),
    };
    let status = response["status"].as_u64().unwrap().try_into().unwrap();
    let answer = Response { status, headers: headers.collect(), body: body.into_bytes(), broken: None };
    let instance = "https://acme.my.salesforce.com".parse().unwrap();
    let path = exchange["path"].as_str().unwrap();
    let url = Salesforce.url(&instance, None, path).unwrap();
    let (subject, redactor) = (Subject::Saved("acme".parse().unwrap()), Redactor::default());
    if path.contains("/Soap/") {
        let client = OAuthClient::without_id(GrantType::Password, &DEFAULTS);
        let asked = provider::Asked {
            client: &client,
            origin: &instance,
            user: None,
            subject: &subject,
            presented: Presented::NotAsked,
            redactor: &redactor,
        };
        return match Salesforce.judge(&answer, &asked, &TokenRequest::Password, true) {
            TokenOutcome::Tokens(_) => None,
            TokenOutcome::Refused(failure)
            | TokenOutcome::Unavailable(failure)
            | TokenOutcome::Unclear(failure)
            | TokenOutcome::Lost(failure) => Some(failure),
        };
    }
    let asked = Asked {
        purpose: Purpose::Url(&url),
        credential: CredentialKind::AccessToken { spec: &AUTHORIZATION_CODE, age: TokenAge::Saved },
        subject: &subject,
        instance: &instance,
        user: None,
        presented: Presented::NotAsked,
        redactor: &redactor,
    };
    Salesforce.verdict(&answer, &asked, false)
}

#[test]
fn every_answer_of_salesforce_means_what_it_says() {
    let exchanges: Vec<Value> = serde_json::from_str(ANSWERS).unwrap();
    for exchange in &exchanges {
        let name = exchange["name"].as_str().unwrap();
        let failure = failure_of(exchange);
        let found = failure.as_ref().map(|failure| (failure.code().as_str(), failure.exit_code()));
        let expected = exchange["code"].as_str().map(|code| (code, exchange["exit_code"].as_u64().unwrap() as u8));
        assert_eq!(found, expected, "{name}");
        let Some(failure) = failure else { continue };
        assert!(failure.reason().is_some() && !failure.steps().is_empty(), "{name}: {failure:?}");
        assert!(!format!("{failure:?}").contains("CANARY"), "{name}: {failure:?}");
    }
    assert!(exchanges.len() > 20);
}

#[test]
fn few_requests_that_are_left_are_a_warning() {
    let instance = "https://acme.my.salesforce.com".parse().unwrap();
    let usage = Usage::of_header("api-usage=14000/15000").unwrap();
    assert_eq!(usage.warning(&instance).unwrap().code().as_str(), "quota-low");
}
