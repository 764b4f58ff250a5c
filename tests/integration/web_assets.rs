//! The web UI that is in the program, or what is said where there is none.

use std::path::Path;

use crate::support::Bus;
use crate::web::{Answer, Node};

/// What a browser sends for the page of an address.
const PAGE: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br";

/// Whether the program was built with the UI: cargo builds it anew when this changes.
fn has_ui() -> bool {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/dist/index.html")).exists()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_the_page_at_any_address_that_is_not_of_the_api() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    for address in ["/", "/instances", "/docks/d1.test"] {
        let page = node.ask(&format!("GET {address}"), PAGE, "").await;
        assert_eq!(page.status, if has_ui() { 200 } else { 404 }, "{address}: {page:?}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(page.header("permissions-policy").contains("camera=()"));
        if !has_ui() {
            assert!(page.text().contains("make ui"), "{page:?}");
        }
    }
    for (target, header) in [("GET /api/v1/nowhere", PAGE), ("GET /auth/nowhere", PAGE), ("GET /nowhere", "")] {
        let nothing = node.ask(target, header, "").await;
        let kind = if target.contains("/api/") { "application/problem+json" } else { "application/json" };
        assert_eq!((nothing.status, nothing.header("content-type")), (404, kind), "{target}: {nothing:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_sent_once_and_compressed() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    let page = node.ask("GET /", PAGE, "").await;
    let head = node.ask("HEAD /", PAGE, "").await;
    assert_eq!((head.status, head.body.len()), (page.status, 0));
    assert_eq!(head.header("content-length"), page.body.len().to_string());
    if !has_ui() {
        return;
    }
    assert_eq!((page.header("content-encoding"), page.header("cache-control")), ("br", "no-cache"));
    let known = format!("{PAGE}\r\nIf-None-Match: {}", page.header("etag"));
    let same = node.ask("GET /", &known, "").await;
    assert_eq!((same.status, same.body.len()), (304, 0), "{same:?}");
    let plain = node.ask("GET /", "", "").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    assert_ne!(plain.header("etag"), page.header("etag"));
    let script = script(&plain);
    let script = node.ask(&format!("GET {script}"), "Accept-Encoding: br", "").await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
}

/// The address of the script that the page begins with.
fn script(page: &Answer) -> String {
    let text = page.text();
    let at = text.find("/assets/").unwrap_or_else(|| panic!("no script: {text}"));
    text[at..].split('"').next().expect("an address").to_owned()
}
