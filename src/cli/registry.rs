//! The credentials for registries that `docker login` has kept.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

/// Docker's name for its own registry.
const HUB: &str = "https://index.docker.io/v1/";

/// The credentials for the registry of `image`, as a request has them; none where docker keeps none in its file.
pub(super) fn credentials(image: &str) -> Option<Value> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| std::env::home_dir().map(|home| home.join(".docker")))?;
    read(&std::fs::read_to_string(folder.join("config.json")).ok()?, image)
}

fn read(config: &str, image: &str) -> Option<Value> {
    let config: Value = serde_json::from_str(config).ok()?;
    let auth = &config["auths"][registry(image)];
    if let Some(token) = auth["identitytoken"].as_str() {
        return Some(json!({"identitytoken": token}));
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(auth["auth"].as_str()?).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    Some(json!({"username": username, "password": password.trim_end_matches('\0')}))
}

/// The registry that an image's name begins with.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_image_s_registry() {
        let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6YTpi"},
            "r.test:5000": {"auth": "", "identitytoken": "t"}, "helper.test": {}}}"#;
        assert_eq!(read(config, "busybox"), Some(json!({"username": "me", "password": "a:b"})));
        assert_eq!(read(config, "team/app:1"), read(config, "busybox"));
        assert_eq!(read(config, "r.test:5000/app"), Some(json!({"identitytoken": "t"})));
        assert_eq!((read(config, "helper.test/app"), read(config, "x.test/app"), read("{", "a")), (None, None, None));
    }
}
