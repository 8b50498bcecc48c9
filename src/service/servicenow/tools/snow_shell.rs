//! A module for PowerShell.

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, PLAIN, Tool};

pub static SPEC: Tool = Tool {
    name: "snow-shell",
    title: "a module for PowerShell",
    takes: &[PLAIN[0], PLAIN[2]],
    key_header: None,
    clears: &[],
    form: Form::Code(code),
    tried: None,
};

fn code(connection: &Connection) -> String {
    let host = connection.instance.host_and_port();
    match connection.given {
        Given::Password => format!(
            "$password = ConvertTo-SecureString $env:SNOW_PASSWORD -AsPlainText -Force\n\
             $credential = [pscredential]::new($env:SNOW_USERNAME, $password)\n\
             New-ServiceNowSession -Url '{host}' -Credential $credential\n"
        ),
        _ => format!("New-ServiceNowSession -Url '{host}' -AccessToken $env:SNOW_ACCESS_TOKEN\n"),
    }
}
