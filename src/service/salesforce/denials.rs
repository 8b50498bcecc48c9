//! Why a sign-in at Salesforce with a browser gave no code. Much of it never comes back: it
//! is told on a page.

use Likelihood::{High, Medium};

use crate::base::error::{CauseRow, Likelihood};
use crate::service::denial::{Denial, Denials};

pub static DENIALS: Denials = Denials {
    rows: ROWS,
    timed_out: &[
        OTHER_CALLBACK,
        NOT_INSTALLED,
        ("not-signed-in", Medium, "the sign-in in the browser was not finished"),
    ],
    after_time: &[
        "Look at the page in the browser, or at a file \"authorize\" that it saved: it names the error",
        "Make sure that a callback URL of the app is exactly {redirect_uri}, then run the command again",
    ],
};

const OTHER_CALLBACK: CauseRow =
    ("redirect-uri", High, "{redirect_uri} is no callback URL of the app, down to the last slash");
const NOT_INSTALLED: CauseRow =
    ("app-not-installed", High, "the app is not installed in the organization, or is blocked there");
const FLOW_OFF: CauseRow =
    ("grant-not-enabled", Medium, "the authorization code flow is not enabled in the OAuth settings of the app");

static ROWS: &[Denial] = &[
    Denial {
        fits: |denied| denied.mentions("installed") || denied.is("oauth_ec_app_not_found"),
        why: "The app {client} is not installed in the organization: it said {said}. Nothing was saved.",
        causes: &[NOT_INSTALLED],
        next: &[
            "Ask an administrator to install the app (Setup, Connected Apps OAuth Usage), or register your own: {guide_oauth}",
        ],
    },
    Denial {
        fits: |denied| denied.mentions("admin approved") || denied.is("invalid_app_access"),
        why: "The user may not use the app {client}: it said {said}. Nothing was saved.",
        causes: &[NOT_APPROVED],
        next: &["Ask an administrator to add a permission set of the user to the policies of the app"],
    },
    Denial {
        fits: |denied| denied.is("access_denied") || denied.is("access-denied"),
        why: "The user denied it, or may not use the app. Nothing was saved.",
        causes: &[("denied", High, "the user pressed Deny on the page that asks for consent"), NOT_APPROVED],
        next: &["Run the command again, and allow the access"],
    },
    Denial {
        fits: |denied| denied.is("invalid_scope"),
        why: "It does not allow the scope \"{scope}\" for the app {client}. Nothing was saved.",
        causes: &[("scope-not-allowed", High, "a scope is not among the selected OAuth scopes of the app")],
        next: &[
            "Ask an administrator to select the scopes in the OAuth settings of the app: {guide_oauth}",
            "Ask for those that it has, with --scope; for a saved connection: {edit_scope}",
        ],
    },
    Denial {
        fits: |denied| denied.is_about_pkce(),
        why: "It does not accept the sign-in without its proof (PKCE): it said {said}. Nothing was saved.",
        causes: &[("pkce-required", High, "the app requires PKCE, which --no-pkce or pkce = false leaves out")],
        next: &["Run the command again without --no-pkce", "For a saved connection: {edit_pkce_on}"],
    },
    Denial {
        fits: |denied| denied.mentions("redirect_uri") || denied.mentions("redirect uri"),
        why: "It does not accept the redirect URI {redirect_uri}. Nothing was saved.",
        causes: &[OTHER_CALLBACK],
        next: &["Ask an administrator to add exactly {redirect_uri} as a callback URL of the app: {guide_oauth}"],
    },
    Denial {
        fits: |denied| {
            ["unauthorized_client", "invalid_client", "invalid_client_id"].iter().any(|word| denied.is(word))
        },
        why: "It does not accept the client {client}: it said {said}. Nothing was saved.",
        causes: &[
            ("wrong-client", High, "the client id (Consumer Key) is wrong, or of an app of another organization"),
            ("new-app", Medium, "the app is new or was changed: that takes up to ten minutes"),
            FLOW_OFF,
        ],
        next: &["Compare the client id with the Consumer Key of the app", "How an app is made: {guide_oauth}"],
    },
    Denial {
        fits: |denied| denied.is("unsupported_response_type"),
        why: "It gives no code to the client {client}: it said {said}. Nothing was saved.",
        causes: &[FLOW_OFF],
        next: &["Ask an administrator to enable the flow in the app: {guide_oauth}"],
    },
    Denial {
        fits: |denied| denied.is("server_error") || denied.is("temporarily_unavailable") || denied.is("unknown_error"),
        why: "Salesforce failed, not the sign-in: it said {said}. Nothing was saved.",
        causes: &[("instance", Medium, "the organization could not answer at that moment")],
        next: &["Run the command again; if the error persists, look at status.salesforce.com"],
    },
    Denial {
        fits: |_| true,
        why: "It came back with an error instead of a code: {said}. Nothing was saved.",
        causes: &[("app-settings", Medium, "a setting of the app or a policy of the organization does not allow it")],
        next: &["Show an administrator the error, and compare the app with: {guide_oauth}"],
    },
];

const NOT_APPROVED: CauseRow =
    ("not-approved", Medium, "the app admits approved users alone, and the user is not among them");
