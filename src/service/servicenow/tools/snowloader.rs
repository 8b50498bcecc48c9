//! A Python library.

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, PLAIN, Tool};

pub static SPEC: Tool = Tool {
    name: "snowloader",
    title: "a library for LangChain",
    takes: &[PLAIN[0], PLAIN[2]],
    key_header: None,
    clears: &[],
    form: Form::Code(code),
    tried: None,
};

fn code(connection: &Connection) -> String {
    let credential = match connection.given {
        Given::Password => "username=os.environ[\"SNOW_USERNAME\"], password=os.environ[\"SNOW_PASSWORD\"]",
        _ => "token=os.environ[\"SNOW_ACCESS_TOKEN\"]",
    };
    format!(
        "import os\n\
         from snowloader import SnowConnection\n\
         connection = SnowConnection(os.environ[\"SNOW_INSTANCE\"], {credential})\n"
    )
}
