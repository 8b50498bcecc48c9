//! The Python library for Salesforce. It talks https alone.

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool};

pub static SPEC: Tool = Tool {
    name: "simple-salesforce",
    title: "the Python library for Salesforce",
    takes: &[(Given::Token, &[("SNOW_INSTANCE", "{url}"), ("SNOW_ACCESS_TOKEN", "{secret}")])],
    key_header: None,
    clears: &["NETRC"],
    form: Form::Code(code),
    tried: Some("1.12.10, through snow proxy --tls"),
};

fn code(_connection: &Connection) -> String {
    "import os\n\
     from simple_salesforce import Salesforce\n\
     sf = Salesforce(instance_url=os.environ[\"SNOW_INSTANCE\"], session_id=os.environ[\"SNOW_ACCESS_TOKEN\"])\n"
        .to_owned()
}
