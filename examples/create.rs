//! Creates a container on the fittest dock of a cluster and says where it is: `cargo run --example create`.

use deblox::client::Client;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::open(&std::env::var("REDIS_URL")?)?;
    let created = client.call(json!({"action": "create-container", "image": "busybox"})).await?;
    match created.id() {
        Some(id) => println!("{id} is on {}", created.dock().unwrap_or("no dock")),
        None => println!("{}", created.message().unwrap_or("no message")),
    }
    Ok(())
}
