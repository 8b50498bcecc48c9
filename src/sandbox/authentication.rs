//! Who sends a request to the REST API, or how the instance says that it does
//! not know. What they may do there is decided in `table::access`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::request::Request;
use super::rows::User;
use super::scenario::Scenario;

/// Who is signed in, and how.
#[derive(Clone, Copy)]
pub struct SignedIn {
    pub user: &'static User,
    pub is_bearer: bool,
}

/// What a 401 asks for.
#[derive(Default)]
pub struct Challenge {
    pub is_bearer: bool,
    /// The password was right, and a one-time password has to come with it.
    pub wants_one_time_password: bool,
}

/// The code of a second factor, which is to stand at the end of the password.
const ONE_TIME_CODE: &str = "123456";

/// The header of an API key.
pub const API_KEY_HEADER: &str = "x-sn-apikey";

/// What a TLS front end passes on of a client certificate that it verified: the subject,
/// as in `CN=beth.anglin,O=Acme`, or its common name.
const CERTIFICATE_HEADER: &str = "x-ssl-client-dn";

/// Reads the headers that say who it is. `bearer` says whom a token speaks for.
pub fn signed_in(
    request: &Request<'_>,
    scenario: Option<Scenario>,
    bearer: impl FnOnce(&str) -> Option<&'static User>,
) -> Result<SignedIn, Challenge> {
    let unknown = || Challenge { is_bearer: scenario == Some(Scenario::BasicNotOffered), ..Challenge::default() };
    if let (None, Some(key)) = (request.authorization, request.header(API_KEY_HEADER)) {
        let user = User::with_api_key(key).filter(|_| scenario != Some(Scenario::ApiKeyRefused));
        return user.map(|user| SignedIn { user, is_bearer: false }).ok_or_else(unknown);
    }
    if let (None, Some(subject)) = (request.authorization, request.header(CERTIFICATE_HEADER)) {
        let user = User::named(common_name(subject));
        return user.map(|user| SignedIn { user, is_bearer: false }).ok_or_else(unknown);
    }
    let (scheme, credential) = request.authorization.and_then(|value| value.split_once(' ')).ok_or_else(unknown)?;
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let user = bearer(credential).filter(|_| scenario != Some(Scenario::BearerRefused));
        return user
            .map(|user| SignedIn { user, is_bearer: true })
            .ok_or(Challenge { is_bearer: true, wants_one_time_password: false });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unknown());
    }
    let sent = pair(credential).ok_or_else(unknown)?;
    if scenario == Some(Scenario::MfaRequired) {
        let (name, password) = &sent;
        let with_code = password.strip_suffix(ONE_TIME_CODE).and_then(|rest| User::with_password(name, rest));
        if let Some(user) = with_code {
            return Ok(SignedIn { user, is_bearer: false });
        }
        // With a wrong code, the password before it may be right.
        let is_right =
            |length: usize| password.get(..length).is_some_and(|part| User::with_password(name, part).is_some());
        let is_password =
            is_right(password.len()) || password.len().checked_sub(ONE_TIME_CODE.len()).is_some_and(is_right);
        return Err(Challenge { is_bearer: false, wants_one_time_password: is_password });
    }
    let user = User::with_password(&sent.0, &sent.1).ok_or_else(unknown)?;
    match scenario {
        Some(Scenario::BasicRefused | Scenario::BasicNotOffered) => Err(unknown()),
        _ => Ok(SignedIn { user, is_bearer: false }),
    }
}

/// The common name of a subject.
fn common_name(subject: &str) -> &str {
    subject.split(',').find_map(|part| part.trim().strip_prefix("CN=")).unwrap_or(subject)
}

/// User name and password, as they were sent.
fn pair(credential: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
    decoded.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}
