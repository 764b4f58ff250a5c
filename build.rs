//! Sees to it that the web UI in `ui/dist` is built into the program. It runs no npm: `make ui` does.

use std::path::Path;

/// Where `make ui` puts the web UI.
const UI: &str = "ui/dist";

fn main() {
    // A path that is not there would have cargo build everything anew each time. Where nothing can be written, it does.
    let _ = std::fs::create_dir_all(UI);
    println!("cargo::rerun-if-changed={UI}");
    println!("cargo::rerun-if-env-changed=DEBLOX_REQUIRE_UI");
    let required = std::env::var("DEBLOX_REQUIRE_UI").is_ok_and(|required| required == "1");
    if required && !Path::new(UI).join("index.html").exists() {
        println!("cargo::error=DEBLOX_REQUIRE_UI is set, and there is no {UI}/index.html: run `make ui` first");
    }
}
