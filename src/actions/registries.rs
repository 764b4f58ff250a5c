//! Which registries users and viewers may have a daemon connect to: Docker Hub, those of images that the dock has, and
//! those that the worker was given. The daemon connects from its own network, which may reach what callers may not.

use std::str::FromStr;

use serde_json::Value;

use super::bounds::{Rule, bounded, check_rules, field, refusal};
use super::{Bounds, Context};
use crate::docker::Docker;
use crate::protocol::{Failure, ImageRecord, Resource, quoted};

/// Names of Docker Hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// A registry that users may have a daemon connect to: `HOST` or `HOST:PORT` as in the names of images, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry(String);

impl FromStr for Registry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if text == "*" || (!text.is_empty() && text.len() <= 300 && text.chars().all(allowed)) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err("it must be HOST or HOST:PORT as in the name of an image, such as registry.example.com:5000, or *"
            .to_owned())
    }
}

/// What credentials for a registry may say (`AuthConfig` of the Docker Engine API).
const CREDENTIALS: &[(&str, Rule)] = &[
    ("username", Rule::Free),
    ("password", Rule::Free),
    ("email", Rule::Free),
    ("auth", Rule::Free),
    ("identitytoken", Rule::Free),
    ("registrytoken", Rule::Free),
    // It is checked with the image.
    ("serveraddress", Rule::Free),
];

/// Checks from where an image is to be fetched, and the credentials for that.
///
/// # Errors
/// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of the registry.
pub(super) async fn check_image(context: &Context<'_>, image: &str) -> Result<(), Failure> {
    if bounded(context).is_none() {
        return Ok(());
    }
    if let Some(credentials) = context.arguments.get("credentials") {
        check_credentials(context, credentials).await?;
    }
    // What a template says, operators have said.
    let of_template = context.arguments.has("template") && !context.arguments.has("image");
    match registry_of(image) {
        Some(registry) if !of_template => check(context, "image", &registry).await,
        _ => Ok(()),
    }
}

/// Checks where a search is to go: the term may begin with a registry.
///
/// # Errors
/// As [`check_image`].
pub(super) async fn check_term(context: &Context<'_>, term: &str) -> Result<(), Failure> {
    match registry_of(term) {
        Some(registry) if bounded(context).is_some() => check(context, "term", &registry).await,
        _ => Ok(()),
    }
}

async fn check_credentials(context: &Context<'_>, credentials: &Value) -> Result<(), Failure> {
    check_rules(credentials, "credentials", CREDENTIALS, context.bounds)?;
    let address = match field(credentials, "serveraddress") {
        Value::Null => return Ok(()),
        Value::String(address) => address,
        _ => return Err(refusal("credentials.serveraddress", "it must be a text")),
    };
    check(context, "credentials.serveraddress", &registry_at(address)).await
}

async fn check(context: &Context<'_>, named_by: &str, registry: &str) -> Result<(), Failure> {
    if is_open(context.bounds, registry) || is_in_use(context.docker, registry).await? {
        return Ok(());
    }
    let why = format!(
        "`{}` is neither Docker Hub nor a registry of an image that {} has, and the worker's option --registries does not \
         name it",
        quoted(registry),
        context.dock
    );
    Err(refusal(named_by, &why))
}

fn is_open(bounds: &Bounds, registry: &str) -> bool {
    HUB.contains(&registry) || bounds.registries.iter().any(|open| open.0 == "*" || open.0 == registry)
}

/// Whether the dock has an image of that registry.
async fn is_in_use(docker: &Docker, registry: &str) -> Result<bool, Failure> {
    let images = docker.resources(Resource::Images).await?;
    let mut records = images.values().filter_map(|json| serde_json::from_str::<ImageRecord>(json).ok());
    Ok(records.any(|image| {
        let mut names = image.tags.iter().chain(&image.digests);
        names.any(|name| registry_of(name).as_deref() == Some(registry))
    }))
}

/// The registry in an image's name or a search term, as Docker takes it; none where that means Docker Hub.
fn registry_of(reference: &str) -> Option<String> {
    let (first, _) = reference.split_once('/')?;
    let lower = first.to_ascii_lowercase();
    // Newer daemons take upper case for a host as well.
    let is_host = first.contains(['.', ':']) || lower == "localhost" || lower != first;
    is_host.then_some(lower)
}

/// The registry in the address that a login is for.
fn registry_at(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() { HUB[0].to_owned() } else { host.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_of_a_name_is_found_as_docker_finds_it() {
        for (name, registry) in [
            ("busybox", None),
            ("busybox:1", None),
            ("library/busybox", None),
            ("10.0.0.5:80", None),
            ("10.0.0.5/x", Some("10.0.0.5")),
            ("169.254.169.254:80/x", Some("169.254.169.254:80")),
            ("[::1]:5000/x", Some("[::1]:5000")),
            ("LOCALHOST/x", Some("localhost")),
            ("Quay.IO/x:1", Some("quay.io")),
            ("UPPER/x", Some("upper")),
            ("docker.io/library/x", Some("docker.io")),
            ("http://a/b", Some("http:")),
            (" 10.0.0.5/x", Some(" 10.0.0.5")),
        ] {
            assert_eq!(registry_of(name).as_deref(), registry, "{name}");
        }
        for (address, registry) in [
            ("https://index.docker.io/v1/", "index.docker.io"),
            ("", "docker.io"),
            ("Registry.test:5000", "registry.test:5000"),
            ("http://10.0.0.5/v2", "10.0.0.5"),
            ("https://index.docker.io@10.0.0.5/", "index.docker.io@10.0.0.5"),
        ] {
            assert_eq!(registry_at(address), registry, "{address}");
        }
    }

    #[test]
    fn only_what_is_named_is_open() {
        let bounds = |names: &[&str]| Bounds {
            registries: names.iter().map(|name| name.parse().unwrap()).collect(),
            ..Bounds::default()
        };
        assert!(is_open(&bounds(&[]), "docker.io") && !is_open(&bounds(&[]), "quay.io"));
        assert!(is_open(&bounds(&["Quay.io"]), "quay.io") && !is_open(&bounds(&["quay.io"]), "quay.io:443"));
        assert!(is_open(&bounds(&["*"]), "10.0.0.5:80"));
        for bad in ["", "http://a", "a/b", "*.io", "a b"] {
            assert!(bad.parse::<Registry>().is_err(), "{bad:?}");
        }
    }
}
