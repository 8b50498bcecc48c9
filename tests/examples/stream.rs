//! Copies what a path of a saved connection gives to a file, or to standard output:
//! `stream NAME PATH [FILE]`.

use std::error::Error;
use std::fs::File;
use std::io::{Write, stdout};

use snow_connect::Engine;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: stream NAME PATH [FILE]".into());
    };
    let mut to: Box<dyn Write> = match arguments.next() {
        Some(file) => Box::new(File::create(file)?),
        None => Box::new(stdout()),
    };
    let client = Engine::from_environment()?.connection(&name)?.open().await?;
    let mut response = client.get(&path).await?.check().await?;
    while let Some(chunk) = response.chunk().await? {
        to.write_all(&chunk)?;
    }
    Ok(())
}
