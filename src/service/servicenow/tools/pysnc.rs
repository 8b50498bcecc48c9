//! The Python library of ServiceNow, over requests. It talks https alone.

use super::pysnow::session;
use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, PLAIN, Tool};

pub static SPEC: Tool = Tool {
    name: "pysnc",
    title: "the Python library of ServiceNow",
    takes: PLAIN,
    key_header: None,
    clears: &["NETRC"],
    form: Form::Code(code),
    tried: None,
};

fn code(connection: &Connection) -> String {
    match connection.given {
        Given::Password => "import os, pysnc\n\
             auth = (os.environ[\"SNOW_USERNAME\"], os.environ[\"SNOW_PASSWORD\"])\n\
             client = pysnc.ServiceNowClient(os.environ[\"SNOW_INSTANCE\"], auth)\n"
            .to_owned(),
        _ => format!(
            "{}client = pysnc.ServiceNowClient(os.environ[\"SNOW_INSTANCE\"], session)\n",
            session(connection, "pysnc")
        ),
    }
}
