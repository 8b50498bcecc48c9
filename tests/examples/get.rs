//! Gets incidents by the saved connection of this name: `get NAME`.

#![allow(clippy::print_stdout, reason = "that is its output")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or("acme".to_owned());
    let engine = snow_connect::Engine::from_environment()?;
    let client = engine.connection(&name)?.open().await?;
    let response = client.get("table/incident").await?.check().await?;
    println!("{}", response.json::<serde_json::Value>().await?);
    Ok(())
}
