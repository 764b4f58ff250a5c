//! The name of this host.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::protocol::Fqdn;

/// `AI_CANONNAME` of getaddrinfo(3).
const CANONICAL_NAME: i32 = 2;

/// How long the resolver may take; what it would add to the short name is not worth more.
const RESOLVER: Duration = Duration::from_secs(3);

/// The fully qualified domain name, as `hostname --fqdn` finds it; the short name where there is no other.
pub(super) async fn fqdn() -> anyhow::Result<Fqdn> {
    let short = dns_lookup::get_hostname().context("this host's name cannot be read")?;
    let name = short.clone();
    let lookup = tokio::task::spawn_blocking(move || canonical(&name));
    let canonical = tokio::time::timeout(RESOLVER, lookup).await.ok().and_then(Result::ok).flatten();
    let Ok(name) = Fqdn::new(canonical.as_deref().unwrap_or(&short)) else {
        bail!("this host's name, `{short}`, cannot be used: give the worker one with --hostname");
    };
    Ok(name)
}

/// The name as the host itself has it, without asking a resolver.
pub(super) fn short() -> Option<String> {
    dns_lookup::get_hostname().ok()
}

fn canonical(short: &str) -> Option<String> {
    if short.contains('.') {
        return Some(short.to_owned());
    }
    let hints = dns_lookup::AddrInfoHints { flags: CANONICAL_NAME, ..Default::default() };
    let mut found = dns_lookup::getaddrinfo(Some(short), None, Some(hints)).ok()?;
    let name = found.next()?.ok()?.canonname?;
    // "localhost.localdomain" says nothing about this host.
    (name.contains('.') && !name.starts_with("localhost")).then_some(name)
}
