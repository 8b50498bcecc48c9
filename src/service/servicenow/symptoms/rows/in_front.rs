//! What answers in front of an instance, or in its place: hibernation, proxies, pages
//! and redirects.

use crate::base::code::Code;
use crate::base::error::CauseRow;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::http::failure::{CERTIFICATE_REFUSED, CHECK_CERTIFICATE};
use crate::http::identity::Presented;
use crate::service::servicenow::classify::ClassifiedResponse;
use crate::service::servicenow::symptoms::Symptom;

/// Goes around a proxy or CDN in front of a custom address.
const ORIGINAL: &str = "Use the original address of the instance, NAME.service-now.com";

const TERMS: &[CauseRow] = &[("terms", High, "this network or a gateway requires accepting its terms")];
const ACCEPT: &[&str] = &[
    "Open {origin} in a browser on this machine and accept the terms, then: {again}",
    "Ask the people who run the gateway to allow programs",
];

fn is_certificate_page(response: &ClassifiedResponse<'_>) -> bool {
    let words = ["ssl certificate error", "no required ssl certificate", "client certificate required"];
    matches!(response.status(), 400 | 403) && response.page_says(&words)
}

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "hibernating-page",
        code: Code::InstanceHibernating,
        shows: |response| {
            response.is_titled(&["hibernating"]) || (response.title().is_none() && response.is_marked("hibernat"))
        },
        message: "the instance is hibernating",
        why: "Personal developer instances hibernate after a few hours without use. Every URL then returns a page that says so.{unjudged}",
        causes: &[
            ("hibernating", High, "this personal developer instance was not used for a while"),
            ("reclaimed", Low, "it was not used for ten days and was reclaimed"),
        ],
        next: &["Sign in at developer.servicenow.com and wake the instance (three to five minutes): {wait_for_it}"],
    },
    Symptom {
        name: "redirect-to-portal",
        code: Code::InstanceHibernating,
        shows: |response| response.redirect_target().is_some_and(|target| target.host == "developer.servicenow.com"),
        message: "the instance is hibernating or was reclaimed",
        why: "It redirects every request to the developer site, as personal developer instances do when they are not running.{unjudged}",
        causes: &[
            ("hibernating", High, "this personal developer instance was not used for a while"),
            ("reclaimed", Medium, "it was not used for ten days and was reclaimed"),
        ],
        next: &["Sign in at developer.servicenow.com and wake the instance (three to five minutes): {wait_for_it}"],
    },
    Symptom {
        name: "proxy-auth",
        code: Code::ProxyAuth,
        shows: |response| response.status() == 407,
        message: "could not connect to {host}",
        why: "The proxy requires a user name and password.",
        causes: &[],
        next: &["Put the user name and password of the proxy in HTTPS_PROXY"],
    },
    Symptom {
        name: "bot-challenge",
        code: Code::ForbiddenPage,
        shows: |response| {
            let has = |name: &str| response.raw.headers.contains_key(name);
            let titles = ["just a moment", "human verification", "are you a robot", "checking your browser"];
            has("cf-mitigated")
                || has("x-amzn-waf-action")
                || (matches!(response.status(), 200 | 202 | 403 | 405 | 429 | 503) && response.is_titled(&titles))
        },
        message: "bot protection in front of {host} blocked the request",
        why: "It returned {status} with a browser challenge{title}. A program cannot pass it.{by}{unjudged}",
        causes: &[
            ("bot-protection", High, "the CDN or firewall of this address only allows browsers"),
            ("ip-restriction", Low, "it does not trust the network of this machine"),
        ],
        next: &["Ask the people who run it to allow this program, and give them the time and the reference", ORIGINAL],
    },
    Symptom {
        name: "blocked-by-firewall",
        code: Code::ForbiddenPage,
        shows: |response| {
            let at_any_status = ["support id is", "incapsula incident id"];
            let blocked = [
                "incapsula",
                "reference #",
                "reference&#32;",
                "the request is blocked",
                "request blocked",
                "you have been blocked",
                "mod_security",
            ];
            let shows = match response.status() {
                200 => response.page_says(&at_any_status),
                403 | 405 | 406 => response.page_says(&at_any_status) || response.page_says(&blocked),
                _ => false,
            };
            shows && !response.is_servicenow()
        },
        message: "a firewall in front of {host} blocked the request",
        why: "It returned {status}, but not as an instance does{title}.{by}{unjudged}",
        causes: &[
            ("firewall-rule", High, "a web application firewall rule matches the request or this program"),
            ("ip-restriction", Medium, "the IP address of this machine is blocked"),
        ],
        next: &["Give the time and the reference to the people who run the firewall", ORIGINAL],
    },
    Symptom {
        name: "client-certificate-page",
        code: Code::CertificateRefused,
        shows: |response| is_certificate_page(response) && response.presented == Presented::Certificate,
        message: "{host} rejected the client certificate",
        why: "Its load balancer returned {status} before reading the request{title}. The certificate was sent.{by}",
        causes: CERTIFICATE_REFUSED,
        next: CHECK_CERTIFICATE,
    },
    Symptom {
        name: "front-end-certificate",
        code: Code::UnexpectedAnswer,
        shows: is_certificate_page,
        message: "{host} rejected a client certificate or requires one",
        why: "Its load balancer returned {status} before reading the request{title}. snow sent no client certificate.{by}{unjudged}",
        causes: &[
            ("added-certificate", High, "an outgoing gateway or service mesh sends a certificate that is not accepted"),
            ("certificate-wanted", Medium, "this address requires a client certificate"),
        ],
        next: &[
            "Ask the people who run the gateway about its client certificate, or test without the gateway",
            "{add_certificate}",
            "If the certificate is to sign in as well: {guide_certificate}",
            ORIGINAL,
        ],
    },
    Symptom {
        name: "terms-page",
        code: Code::NotServiceNow,
        shows: |response| {
            let titles = ["terms of", "terms and", "acceptable use", "disclaimer", "captive portal"];
            let answers = matches!(response.status(), 200 | 403) && response.is_titled(&titles);
            // RFC 6585 §6.
            response.status() == 511 || (answers && !response.is_servicenow())
        },
        message: "a terms page answered in place of {host}",
        why: "A network or gateway shows it until someone accepts the terms in a browser{title}.{by}{unjudged}",
        causes: TERMS,
        next: ACCEPT,
    },
    Symptom {
        name: "instance-page",
        code: Code::LoginPage,
        shows: |response| {
            let pages = [
                "logout_success.do",
                "logout_redirect.do",
                "external_logout_complete.do",
                "session_timeout.do",
                "validate_multifactor_auth_code.do",
                "multi_factor_auth_view.do",
                "password_change.do",
                "welcome.do",
                "navpage.do",
            ];
            response.redirect_target().is_some_and(|target| pages.iter().any(|page| target.path.ends_with(page)))
        },
        message: "{host} redirected the request to a page for browsers",
        why: "It redirected to {target}, as instances do if a sign-in failed or a session expired. The redirect was not followed.{unjudged}",
        causes: &[
            (
                "failed-sign-in",
                Medium,
                "the property glide.authenticate.failed_redirect redirects failed sign-ins to a page",
            ),
            ("bot-protection", Medium, "bot protection in front of the instance blocks programs"),
            ("sso", Low, "single sign-on protects the API"),
        ],
        next: &[ORIGINAL, "Ask an administrator about that property and about bot protection in front of the instance"],
    },
    Symptom {
        name: "sso-redirect",
        code: Code::SsoRedirect,
        shows: |response| {
            let paths = [
                "login_with_sso",
                "login_locate_sso",
                "auth_redirect.do",
                "/saml",
                "/sso/",
                "/adfs/",
                "/idp/",
                "/oauth2/authorize",
                "/oauth2/v2.0/authorize",
            ];
            let providers = [
                "okta.com",
                "oktapreview.com",
                "microsoftonline.com",
                "pingone.com",
                "onelogin.com",
                "auth0.com",
                "duosecurity.com",
                "accounts.google.com",
            ];
            response.redirect_target().is_some_and(|target| {
                target.asks_to_sign_in
                    || paths.iter().any(|part| target.path.contains(part))
                    || providers.iter().any(|host| target.host.ends_with(host))
            })
        },
        message: "{host} redirected the request to single sign-on",
        why: "The redirect to {target} was not followed.{unjudged}",
        causes: &[
            ("custom-url", Medium, "the address is a custom URL that signs in with an identity provider"),
            ("forced-sso", Medium, "the instance requires single sign-on for every request"),
        ],
        next: &[ORIGINAL],
    },
    Symptom {
        name: "redirect-to-login",
        code: Code::LoginPage,
        shows: |response| {
            let login = |path: &str| path.contains("login") && path.ends_with(".do");
            response.redirect_target().is_some_and(|target| login(&target.path))
        },
        message: "{host} returned a login page instead of JSON",
        why: "It redirected to {target}. The Table API does not redirect.{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on protects the API"),
        ],
        next: &[ORIGINAL],
    },
    Symptom {
        name: "login-page",
        code: Code::LoginPage,
        shows: |response| {
            let form = || {
                let text = response.text().to_lowercase();
                ["user_password", "sysparm_type=login", "login.do"].iter().any(|part| text.contains(part))
            };
            let titled = |title: &str| {
                let title = title.to_lowercase();
                ["log in", "login", "sign in", "sign-in"].iter().any(|part| title.contains(part))
            };
            response.status() == 200 && response.is_html() && (response.title().is_some_and(titled) || form())
        },
        message: "{host} returned a login page instead of JSON",
        why: "The Table API returns JSON; this was an HTML page ({title}).{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on protects the API"),
        ],
        next: &[ORIGINAL],
    },
    Symptom {
        name: "redirect-to-terms",
        code: Code::Redirected,
        shows: |response| {
            let here = response.instance.url("/");
            response.redirect_target().is_some_and(|target| {
                let is_elsewhere = here.host_str() != Some(target.host.as_str());
                let words = ["terms", "disclaimer", "acceptable", "captive"];
                let path = target.path.to_lowercase();
                words.iter().any(|word| path.contains(word)) || (is_elsewhere && path.contains("portal"))
            })
        },
        message: "{host} redirected the request to a terms page",
        why: "It redirected to {target}. A network or gateway does so until someone accepts its terms in a browser.{by}{unjudged}",
        causes: TERMS,
        next: ACCEPT,
    },
    Symptom {
        name: "cookie-wall",
        code: Code::Redirected,
        shows: |response| {
            let sets_cookie = response.raw.headers.contains_key("set-cookie");
            sets_cookie && response.redirect_target().is_some_and(|target| target.is_itself)
        },
        message: "{host} requires a cookie",
        why: "It set a cookie and redirected to the same address. snow does not store cookies.{by}{unjudged}",
        causes: &[(
            "cookie-wall",
            High,
            "a gateway or load balancer in front only allows clients that send its cookie",
        )],
        next: &["Ask the people who run the gateway to allow programs without its cookie", ORIGINAL],
    },
    Symptom {
        name: "other-origin",
        code: Code::Redirected,
        shows: |response| response.redirect_target().is_some_and(|target| target.other_origin.is_some()),
        message: "{host} redirects to the same path on another host",
        why: "The redirect to {target} was not followed: it could take the credential to another host.{unjudged}",
        causes: &[
            ("moved", High, "that is the address of the instance, and this one only redirects to it"),
            ("proxy", Low, "a proxy or gateway answers in place of the instance"),
        ],
        next: &["If you trust that address, use it: {connect_there}"],
    },
    Symptom {
        name: "redirected",
        code: Code::Redirected,
        shows: |response| (300..400).contains(&response.status()),
        message: "{host} redirects to another address",
        why: "The redirect to {target} was not followed: it could take the credential to another host.{by}{unjudged}",
        causes: &[
            ("moved", Medium, "the instance has a different address"),
            ("proxy", Low, "a proxy or gateway answers in place of the instance"),
        ],
        next: &["Use the address that the browser shows after you sign in to the instance"],
    },
];
