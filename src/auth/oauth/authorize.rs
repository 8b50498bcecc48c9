//! One attempt to get an authorization code: the URL for the browser, and the
//! verdict on what comes back. No I/O.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use oauth2::AuthorizationCode;
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use sha2::{Digest, Sha256};
use url::Url;

use crate::base::secret::Secret;
use crate::model::instance::Instance;
use crate::model::oauth_client::{OAuthClient, RedirectUri};
use crate::model::profile::InvalidValue;

/// ServiceNow's codes have 86 characters; JWTs of other servers are longer.
const MAX_CODE_BYTES: usize = 4096;
const STATE_BYTES: u32 = 32;

/// An attempt to sign in, with its state and verifier.
pub struct Authorization {
    url: Url,
    state: CsrfToken,
    verifier: Option<PkceCodeVerifier>,
    redirect_uri: RedirectUri,
}

/// What the authorization server sent back for this attempt.
#[derive(Debug)]
pub enum Callback {
    Code(AuthorizationCode),
    /// An error of RFC 6749 §4.1.2.1; server text, not fit to be shown yet.
    Denied {
        error: String,
        description: Option<String>,
    },
    /// Another server than the one that was asked (RFC 9207 §2.4).
    WrongIssuer(String),
    /// A code that cannot be one.
    UnusableCode,
}

/// Something that is not the answer to this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stray {
    #[error("this address holds no state; copy the whole address")]
    NoState,
    #[error("this is the answer to another attempt; open the address above")]
    OtherState,
    #[error("that is the sign-in link; paste the address it ends on")]
    SignInLink,
    #[error("this address holds no code; copy the whole address that the sign-in ends on")]
    Malformed,
    #[error("the code alone is not enough without PKCE; copy the whole address")]
    BareCode,
    #[error("this is neither an address nor a code")]
    NotAnAddress,
}

/// A code, and what the token endpoint wants with it.
pub struct CodeGrant {
    pub code: AuthorizationCode,
    pub verifier: Option<PkceCodeVerifier>,
    pub redirect_uri: RedirectUri,
    /// When the code came; it lives for a minute.
    pub received: Instant,
    /// Whether a person copied it, so that its age is not known.
    pub is_pasted: bool,
}

impl Authorization {
    /// A new attempt, with a new state and a new verifier.
    pub fn new(client: &OAuthClient, instance: &Instance) -> Self {
        let library = BasicClient::new(oauth2::ClientId::new(client.client_id.as_str().to_owned()))
            .set_auth_uri(AuthUrl::from_url(client.authorization_endpoint(instance)));
        let state = new_state();
        // The library wants an absolute redirect URI; a page of the instance
        // is a path. Either is sent as it is registered.
        let mut request = library
            .authorize_url(|| state.clone())
            .add_extra_param("redirect_uri", client.redirect_uri.as_str().to_owned());
        if !client.scope.as_str().is_empty() {
            request = request.add_scope(Scope::new(client.scope.as_str().to_owned()));
        }
        let mut verifier = None;
        if client.pkce {
            let (challenge, its_verifier) = PkceCodeChallenge::new_random_sha256();
            request = request.set_pkce_challenge(challenge);
            verifier = Some(its_verifier);
        }
        let (url, state) = request.url();
        Self { url, state, verifier, redirect_uri: client.redirect_uri.clone() }
    }

    /// What the browser opens. It holds no secret: the state is worthless
    /// without the listener, the challenge without its verifier.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Judges the query of a request that came to the redirect URI.
    pub fn judge(&self, query: &str) -> Result<Callback, Stray> {
        let parameters: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let once = |name: &str| -> Result<Option<&str>, Stray> {
            let mut values = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_ref());
            match (values.next(), values.next()) {
                (value, None) => Ok(value),
                _ => Err(Stray::Malformed),
            }
        };
        let state = once("state")?.ok_or(Stray::NoState)?;
        // Compared by digest, so that the time it takes tells nothing.
        if Sha256::digest(state) != Sha256::digest(self.state.secret()) {
            return Err(Stray::OtherState);
        }
        if let Some(issuer) = once("iss")?
            && !self.is_from(issuer)
        {
            return Ok(Callback::WrongIssuer(issuer.to_owned()));
        }
        match (once("code")?, once("error")?) {
            (Some(code), None) => Ok(read_code(code).map_or(Callback::UnusableCode, Callback::Code)),
            (None, Some(error)) => Ok(Callback::Denied {
                error: error.to_owned(),
                description: once("error_description")?.map(str::to_owned),
            }),
            _ => Err(Stray::Malformed),
        }
    }

    /// Judges what a person pasted: the whole address of the browser or, where
    /// PKCE binds it, the code alone.
    pub fn judge_pasted(&self, text: &str) -> Result<Callback, Stray> {
        let text = text.trim().trim_matches(['"', '\'', '<', '>']);
        let query = match text.split_once('?') {
            Some((_, query)) => Some(query.split('#').next().unwrap_or("")),
            None if text.contains("code=") || text.contains("state=") => Some(text),
            None => None,
        };
        match query {
            Some(_) if text.starts_with(self.url.as_str()) => Err(Stray::SignInLink),
            Some(query) => self.judge(query),
            None if text.contains("://") => Err(Stray::Malformed),
            None if self.verifier.is_none() => Err(Stray::BareCode),
            None => read_code(text).map(Callback::Code).ok_or(Stray::NotAnAddress),
        }
    }

    /// The code from the browser, with what the token request needs. Ends the attempt.
    pub fn grant(self, code: AuthorizationCode) -> CodeGrant {
        CodeGrant { is_pasted: false, ..self.grant_pasted(code) }
    }

    /// The code that a person pasted. If it was the wrong one, another may follow.
    pub fn grant_pasted(&self, code: AuthorizationCode) -> CodeGrant {
        let verifier = self.verifier.as_ref().map(|verifier| PkceCodeVerifier::new(verifier.secret().clone()));
        let redirect_uri = self.redirect_uri.clone();
        CodeGrant { code, verifier, redirect_uri, received: Instant::now(), is_pasted: true }
    }

    /// Whether an issuer is the server that was asked. ServiceNow names none,
    /// so the origin is all there is to compare.
    fn is_from(&self, issuer: &str) -> bool {
        Url::parse(issuer).is_ok_and(|issuer| issuer.origin() == self.url.origin())
    }
}

impl CodeGrant {
    /// What must not be shown, should a server echo it.
    pub fn secrets(&self) -> Vec<Secret> {
        let code = self.code.secret().clone();
        let verifier = self.verifier.as_ref().map(|verifier| verifier.secret().clone());
        [Some(code), verifier].into_iter().flatten().filter_map(|text| Secret::new(text).ok()).collect()
    }
}

/// 256 random bits in hexadecimal: "should not contain special characters",
/// says ServiceNow of the state.
fn new_state() -> CsrfToken {
    let random = CsrfToken::new_random_len(STATE_BYTES);
    let bytes = URL_SAFE_NO_PAD.decode(random.secret()).expect("the library writes base64url");
    CsrfToken::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_code(text: &str) -> Option<AuthorizationCode> {
    let fits = !text.is_empty() && text.len() <= MAX_CODE_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| AuthorizationCode::new(text.to_owned()))
}

impl From<Stray> for InvalidValue {
    fn from(stray: Stray) -> Self {
        Self(stray.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::model::oauth_client::GrantType;
    use crate::service::servicenow::oauth::DEFAULTS;

    fn attempt(change: impl FnOnce(&mut OAuthClient)) -> Authorization {
        let mut client = OAuthClient::new(GrantType::AuthorizationCode, "id".parse().unwrap(), &DEFAULTS);
        change(&mut client);
        Authorization::new(&client, &"acme.service-now.com".parse().unwrap())
    }

    fn query(attempt: &Authorization) -> HashMap<String, String> {
        attempt.url().query_pairs().into_owned().collect()
    }

    #[test]
    fn the_url_has_what_the_standards_ask_for_and_no_secret() {
        let attempt = attempt(|_| {});
        let query = query(&attempt);
        assert!(attempt.url().as_str().starts_with("https://acme.service-now.com/oauth_auth.do?"));
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "id");
        assert_eq!(query["scope"], "useraccount");
        assert_eq!(query["redirect_uri"], "http://127.0.0.1:8914/callback");
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["state"].len(), 64);
        assert!(query["state"].bytes().all(|byte| byte.is_ascii_hexdigit()));
        let verifier = attempt.verifier.as_ref().unwrap().secret();
        assert!((43..=128).contains(&verifier.len()));
        assert!(!attempt.url().as_str().contains(verifier));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        assert_eq!(query["code_challenge"], challenge);
    }

    #[test]
    fn no_two_attempts_share_state_or_verifier() {
        let mut seen = BTreeSet::new();
        for _ in 0..1000 {
            let attempt = attempt(|_| {});
            seen.insert(attempt.state.secret().clone());
            seen.insert(attempt.verifier.unwrap().secret().clone());
        }
        assert_eq!(seen.len(), 2000);
    }

    #[test]
    fn scope_and_pkce_can_be_left_out() {
        let attempt = attempt(|client| {
            client.pkce = false;
            client.scope = "".parse().unwrap();
        });
        let query = query(&attempt);
        assert!(!query.contains_key("scope") && !query.contains_key("code_challenge"));
    }

    #[test]
    fn only_the_answer_to_this_attempt_is_taken() {
        let attempt = attempt(|_| {});
        let state = attempt.state.secret();
        let judge = |query: &str| attempt.judge(&query.replace("STATE", state));
        assert!(matches!(judge("code=abc&state=STATE"), Ok(Callback::Code(_))));
        assert!(matches!(judge("error=access_denied&state=STATE"), Ok(Callback::Denied { .. })));
        assert_eq!(judge("code=abc").unwrap_err(), Stray::NoState);
        assert_eq!(judge("error=access_denied").unwrap_err(), Stray::NoState);
        assert_eq!(judge("error=access_denied&state=0").unwrap_err(), Stray::OtherState);
        for malformed in ["code=a&code=b&state=STATE", "code=a&state=STATE&state=STATE", "state=STATE"] {
            assert_eq!(judge(malformed).unwrap_err(), Stray::Malformed, "{malformed}");
        }
        assert_eq!(judge("code=a&error=b&state=STATE").unwrap_err(), Stray::Malformed);
        assert!(matches!(judge("code=%0d%0a&state=STATE"), Ok(Callback::UnusableCode)));
        let long = format!("code={}&state=STATE", "a".repeat(5000));
        assert!(matches!(judge(&long), Ok(Callback::UnusableCode)));
    }

    #[test]
    fn another_issuer_is_not_taken_for_ours() {
        let attempt = attempt(|_| {});
        let judge = |issuer: &str| {
            let state = attempt.state.secret();
            attempt.judge(&format!("code=abc&state={state}&iss={issuer}"))
        };
        assert!(matches!(judge("https://acme.service-now.com"), Ok(Callback::Code(_))));
        for other in ["https://evil.example", "http://acme.service-now.com", "nonsense"] {
            assert!(matches!(judge(other), Ok(Callback::WrongIssuer(_))), "{other}");
        }
    }

    #[test]
    fn a_person_may_paste_the_address_or_with_pkce_the_code() {
        let with = attempt(|_| {});
        let pasted = format!(" http://127.0.0.1:8914/callback?code=abc&state={} \n", with.state.secret());
        assert!(matches!(with.judge_pasted(&pasted), Ok(Callback::Code(_))));
        assert!(matches!(with.judge_pasted("abc_DEF-1"), Ok(Callback::Code(_))));
        assert_eq!(with.judge_pasted("http://127.0.0.1:8914/callback").unwrap_err(), Stray::Malformed);
        assert_eq!(with.judge_pasted("two words").unwrap_err(), Stray::NotAnAddress);
        assert_eq!(with.judge_pasted(&format!(" {} ", with.url())).unwrap_err(), Stray::SignInLink);
        let without = attempt(|client| client.pkce = false);
        assert_eq!(without.judge_pasted("abc").unwrap_err(), Stray::BareCode);
        let whole = format!("/callback?code=abc&state={}", without.state.secret());
        assert!(matches!(without.judge_pasted(&whole), Ok(Callback::Code(_))));
    }
}
