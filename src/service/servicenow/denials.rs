//! Why a sign-in at ServiceNow with a browser gave no code.

use Likelihood::{High, Medium};

use crate::base::error::{CauseRow, Likelihood};
use crate::service::denial::{Denial, Denials};

pub static DENIALS: Denials = Denials {
    rows: ROWS,
    timed_out: TIMED_OUT,
    after_time: &[
        "Make sure that the redirect URL of the client is exactly {redirect_uri}, then run the command again",
    ],
};

static ROWS: &[Denial] = &[
    Denial {
        fits: |denied| denied.is("access_denied"),
        why: "The user denied it, or the instance does not let this user allow it. Nothing was saved.",
        causes: &[
            ("denied", High, "the user pressed Deny on the page that asks for consent"),
            ("user", Medium, "a rule of the instance does not let this user use the client"),
        ],
        next: &["Run the command again, and allow the access"],
    },
    Denial {
        fits: |denied| denied.is("invalid_scope"),
        why: "It does not allow the scope \"{scope}\" for this client. Nothing was saved.",
        causes: &[("scope-not-allowed", High, "the entry of the client has another auth scope")],
        next: &[
            "Ask an administrator for the auth scope of the client, and run the command again with --scope",
            "For a saved connection: {edit_scope}",
        ],
    },
    // A server that complains about PKCE wants the opposite of what it was given.
    Denial {
        fits: |denied| denied.is_about_pkce() && denied.has_pkce,
        why: "It rejects PKCE, which an old release may not support. Nothing was saved.",
        causes: &[("pkce", High, "the release does not support PKCE")],
        next: &["Run the command again with --no-pkce", "For a saved connection: {edit_pkce_off}"],
    },
    Denial {
        fits: |denied| denied.is_about_pkce(),
        why: "It requires PKCE, which this sign-in did not use. Nothing was saved.",
        causes: &[("pkce-required", High, "PKCE is required on the entry of the client")],
        next: &["Run the command again without --no-pkce", "For a saved connection: {edit_pkce_on}"],
    },
    Denial {
        fits: |denied| denied.mentions("redirect_uri") || denied.mentions("redirect uri"),
        why: "It does not accept the redirect URI {redirect_uri}. Nothing was saved.",
        causes: &[NOT_REGISTERED],
        next: &["Ask an administrator to register exactly {redirect_uri} on the entry of the client: {guide_oauth}"],
    },
    Denial {
        fits: |denied| denied.is("unauthorized_client") || denied.is("invalid_client"),
        why: "It does not accept the client {client}: it said {said}. Nothing was saved.",
        causes: &[
            ("wrong-client", High, "the client is not registered on {host}: a client belongs to one instance"),
            ("client-off", Medium, "the entry of the client is switched off"),
            ("grant-not-enabled", Medium, "the entry of the client does not allow the grant authorization_code"),
        ],
        next: &[
            "Compare the client id {client} with the Application Registry of {host}",
            "How a client is registered: {guide_oauth}",
        ],
    },
    Denial {
        fits: |denied| denied.is("unsupported_response_type"),
        why: "It gives no code to the client {client}: it said {said}. Nothing was saved.",
        causes: &[("grant-not-enabled", High, "the entry of the client does not allow the grant authorization_code")],
        next: &["Ask an administrator to allow the grant on the entry of the client: {guide_oauth}"],
    },
    Denial {
        fits: |denied| denied.is("invalid_request"),
        why: "It did not understand the request: it said {said}. Nothing was saved.",
        causes: &[
            ("other-endpoint", Medium, "the authorization URL is that of another server"),
            (NOT_REGISTERED.0, Medium, NOT_REGISTERED.2),
        ],
        next: &["Show an administrator the error, and the entry of the client: {guide_oauth}"],
    },
    Denial {
        fits: |denied| denied.is("server_error") || denied.is("temporarily_unavailable"),
        why: "The instance failed, not the sign-in: it said {said}. Nothing was saved.",
        causes: &[("instance", Medium, "the instance could not answer at that moment")],
        next: &["Run the command again", "If it happens again, show an administrator the error and the time"],
    },
    Denial {
        fits: |_| true,
        why: "It came back with an error instead of a code: {said}. Nothing was saved.",
        causes: &[],
        next: &["Show an administrator the error, and the entry of the client"],
    },
];

const NOT_REGISTERED: CauseRow =
    ("redirect-uri", High, "{redirect_uri} does not exactly match a registered redirect URL of the client");
const TIMED_OUT: &[CauseRow] =
    &[NOT_REGISTERED, ("not-signed-in", Medium, "the sign-in in the browser was not finished")];
