//! What the answer to a sign-in with a password means.

use super::classify::{Body, ClassifiedResponse};
use super::soap::{self, Answer, Login, Unreadable};
use super::symptoms::{PASSWORD_EXPIRED, diagnose, failure_of};
use crate::auth::oauth::outcome::TokenOutcome;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::http::client::Response;
use crate::model::tokens::{Lifetime, TokenResponse};

/// What came of the sign-in, as that of a token endpoint. A session lasts as long as it is
/// used: until it is refused.
pub fn outcome(answer: &Response, response: &ClassifiedResponse<'_>) -> TokenOutcome {
    match judge(answer, response) {
        Ok(login) => TokenOutcome::Tokens(TokenResponse {
            access_token: login.session,
            refresh_token: None,
            lifetime: Lifetime::Unknown,
            scope: None,
            instance: Some(login.server),
        }),
        Err(failure) if matches!(failure.class(), Class::Auth | Class::Forbidden) => TokenOutcome::Refused(failure),
        // There is nothing to spend.
        Err(failure) => TokenOutcome::Unavailable(failure),
    }
}

/// The session that an answer gives, or why it gives none. A password that has expired is
/// none, although the answer is a good one with a session.
fn judge(answer: &Response, response: &ClassifiedResponse<'_>) -> Result<Login, Failure> {
    if answer.status != 200 || !matches!(response.body, Body::Soap) {
        return Err(diagnose(response));
    }
    match soap::read(&answer.body, response.instance) {
        Ok(Answer::Login(login)) if login.password_expired => Err(failure_of(&PASSWORD_EXPIRED, response)),
        Ok(Answer::Login(login)) => Ok(*login),
        Ok(Answer::Fault(_)) => Err(diagnose(response)),
        Err(unreadable) => Err(invalid(response, unreadable)),
    }
}

fn invalid(response: &ClassifiedResponse<'_>, unreadable: Unreadable) -> Failure {
    let host = response.instance.host_and_port();
    Failure::new(Code::UnexpectedAnswer, shown!("the response of {} to the sign-in is not valid", host))
        .why(shown!("It is SOAP, but {}. Nothing was saved.", unreadable))
        .next("Check that the address is the My Domain of the organization")
        .evidence("http_status", response.status())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::server_text::Redactor;
    use crate::model::profile::Subject;
    use crate::service::salesforce::classify::RequestKind;
    use crate::service::salesforce::classify::tests::{PASSWORD, answer};

    fn judged(status: u16, body: &str) -> Result<Login, Failure> {
        let raw = answer(status, &[], body);
        let user = "jo@acme.example".parse().unwrap();
        judge(
            &raw,
            &ClassifiedResponse {
                raw: &raw,
                body: Body::read(&raw),
                request: RequestKind::Login,
                credential: PASSWORD,
                subject: &Subject::New,
                instance: &"https://acme.my.salesforce.com".parse().unwrap(),
                user: Some(&user),
                redactor: &Redactor::default(),
            },
        )
    }

    fn good() -> String {
        "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><loginResponse>\
         <result><passwordExpired>false</passwordExpired>\
         <serverUrl>https://acme.my.salesforce.com/services/Soap/u/64.0/00D</serverUrl>\
         <sessionId>00D!CANARY</sessionId><userId>005xx000001Sv1xAAC</userId><userInfo>\
         <organizationId>00Dxx0000001gERAAY</organizationId><userName>jo@acme.example</userName></userInfo></result>\
         </loginResponse></e:Body></e:Envelope>"
            .to_owned()
    }

    #[test]
    fn a_session_is_one_only_if_the_password_has_not_expired() {
        assert_eq!(judged(200, &good()).unwrap().session.expose(), "00D!CANARY");
        let failure = judged(200, &good().replace("Expired>false", "Expired>true")).unwrap_err();
        assert_eq!(failure.code(), Code::PasswordExpired);
        assert!(failure.message().contains("jo@acme.example"), "{failure:?}");
        assert!(!format!("{failure:?}").contains("CANARY"), "{failure:?}");
    }

    #[test]
    fn what_is_no_session_is_refused_without_showing_it() {
        let twice = good().replace("<userId>", "<sessionId>00D!CANARY</sessionId><userId>");
        let elsewhere = good().replace("acme.my.salesforce.com/", "evil.example/");
        for body in [twice, elsewhere, good().replace("</e:Body>", "")] {
            let failure = judged(200, &body).unwrap_err();
            assert_eq!(failure.code(), Code::UnexpectedAnswer, "{body}");
            assert!(!format!("{failure:?}").contains("CANARY"), "{failure:?}");
        }
        assert_eq!(judged(500, &good()).unwrap_err().code(), Code::InstanceError);
        assert_eq!(judged(200, "<html>").unwrap_err().code(), Code::NotSalesforce);
    }
}
