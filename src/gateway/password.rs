//! The password that programs show to the gateway, made for one run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use crate::base::secret::Secret;

/// 128 random bits.
const BYTES: usize = 16;

/// The local password.
#[derive(Clone)]
pub struct LocalPassword(Secret);

impl LocalPassword {
    /// A new one.
    #[allow(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        Self(Secret::random(BYTES))
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Whether a request shows it: as the password of any user, or as a bearer token.
    pub fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, given)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else { return false };
        let given = given.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(given.as_bytes());
        }
        let decoded = STANDARD.decode(given).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
        let user_and_password = decoded.unwrap_or_default();
        let colon = user_and_password.iter().position(|&byte| byte == b':');
        colon.is_some_and(|colon| self.is(&user_and_password[colon + 1..]))
    }

    /// In as much time whatever differs; its length is no secret.
    fn is(&self, given: &[u8]) -> bool {
        self.0.expose().as_bytes().ct_eq(given).into()
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn each_has_128_bits_and_is_another_one() {
        let (one, other) = (LocalPassword::new(), LocalPassword::new());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.secret().expose()).unwrap().len(), 16);
        assert_ne!(one.secret().expose(), other.secret().expose());
    }

    #[test]
    fn it_is_taken_with_any_user_or_as_a_bearer_token_and_in_no_other_way() {
        let password = LocalPassword::new();
        let text = password.secret().expose();
        let shown = |values: &[String]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            password.is_shown_by(&map)
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let good = basic(&format!("any:{text}"));
        for value in
            [good.clone(), basic(&format!(":{text}")), format!("bearer {text}"), format!("BASIC {}", &good[6..])]
        {
            assert!(shown(&[value]));
        }
        for values in [
            vec![],
            vec![text.to_owned()],
            vec!["Bearer ".to_owned()],
            vec![format!("Bearer {text}x")],
            vec![format!("Bearer {}", &text[1..])],
            vec![format!("Digest {text}")],
            vec![basic(text)],
            vec![basic(&format!("any:x{text}"))],
            vec![basic(&format!("{text}:"))],
            vec![format!("Basic {text}")],
            vec![good.clone(), good],
        ] {
            assert!(!shown(&values), "{}", values.len());
        }
    }
}
