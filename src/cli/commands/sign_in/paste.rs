//! A person brings the answer of the browser: the address where it ended, or the code
//! that it shows.

use super::refusals::judge;
use crate::auth::oauth::authorize::{Authorization, CodeGrant};
use crate::auth::oauth::browser;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;
use crate::report::text::paragraph;

/// Says what the browser will show, and what of it to paste.
pub fn explain(app: &App, oauth: &OAuthClient) {
    let paint = app.console.err;
    let is_page = oauth.redirect_uri.is_page_of_instance();
    let what = match (is_page, oauth.pkce) {
        (true, _) => "After you sign in, the browser shows a code. Copy it and paste it here.".to_owned(),
        (false, has_pkce) => format!(
            "After you sign in, the browser may say that the site can't be reached. That is expected: copy the whole \
             address from its address bar{}, and paste it here.",
            if has_pkce { "" } else { " (the code alone is not enough without PKCE)" }
        ),
    };
    let hurry = "The sign-in may take as long as it needs, but the code expires 60 seconds after the browser shows it.";
    app.console.say(&format!("{}\n", paragraph(&format!("{what} {hurry}"), paint)));
    if is_page {
        return;
    }
    let uri = &oauth.redirect_uri;
    app.console.say(&format!("  The redirect URL of the client must be\n  exactly   {uri}\n"));
    if let Some(loopback) = uri.loopback()
        && let Some(tunnel) = browser::tunnel(loopback.port, &app.variables)
    {
        app.console.note(&format!(
            "  To sign in without pasting, connect from your own machine with\n  {tunnel}\n  and run the command again with --no-browser.\n"
        ));
    }
}

/// Asks until the answer to this attempt is pasted.
pub fn ask(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    authorization: &Authorization,
) -> Result<CodeGrant, Failure> {
    let question = if oauth.redirect_uri.is_page_of_instance() { "Code" } else { "Address" };
    loop {
        let Some(person) = app.person() else {
            return Err(Failure::new(Code::NoTerminal, "the answer of the browser is missing").why(NOBODY_TO_ASK));
        };
        let typed = person.text(question, None, "")?;
        match authorization.judge_pasted(&typed) {
            Ok(callback) => return judge(profile, oauth, callback).map(|code| authorization.grant_pasted(code)),
            Err(stray) => app.complain(&stray.to_string()),
        }
    }
}
