//! The web UI: the files of `ui/dist`, which are in the program, for browsers.

use std::borrow::Cow;
use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

/// The files as `make ui` has left them; none where it has not been run. They are in debug builds too, by the feature
/// `debug-embed`: what tests see is what a release ships, and no folder has to lie beside the program. For work on the UI
/// there is Vite's own server, which passes calls on to a node and shows each change at once.
#[derive(Embed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Files;

/// The page that shows all there is to see; which part, its address says.
const PAGE: &str = "index.html";

/// What stands behind the name of a file that is compressed already.
const COMPRESSED: &str = ".br";

/// The beginnings of what is never a page of the UI.
const NO_PAGES: [&str; 2] = ["/api/", "/auth/"];

/// What the page may do: what comes from this node, and nothing else. Mantine writes styles into elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'self'; object-src 'none'";

/// What of a browser it needs: to write to the clipboard.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), usb=(), clipboard-write=(self)";

/// The headers of everything that is given to browsers.
const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// What is said where a page is asked for and none was built in.
const NONE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>deblox</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }</style>
<h1>This node has no web UI</h1>
<p>It was built without one. To get it, run <code>make ui</code> (it needs Node.js 20 or newer), then
<code>make build</code>, and start the node again.</p>
<p>All else works: the HTTP interface, and the command line, such as <code>deblox ps</code>.</p>
</html>
";

/// The answer to a request that is for no other route, if the UI has one.
pub(super) fn serve(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    answer(find, method, uri.path(), headers)
}

/// A file, and what tells it from another of the same name.
struct File {
    bytes: Cow<'static, [u8]>,
    hash: [u8; 32],
}

fn find(name: &str) -> Option<File> {
    Files::get(name).map(|file| File { hash: file.metadata.sha256_hash(), bytes: file.data })
}

fn answer(find: impl Fn(&str) -> Option<File>, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let name = if path == "/" { PAGE } else { path.trim_start_matches('/') };
    if !name.ends_with(COMPRESSED)
        && let Some(found) = give(&find, name, headers)
    {
        return Some(found);
    }
    if NO_PAGES.iter().any(|start| path.starts_with(start)) || !wants_page(headers) {
        return None;
    }
    let none = || {
        let head = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
        (StatusCode::NOT_FOUND, GUARDS, head, NONE).into_response()
    };
    Some(give(&find, PAGE, headers).unwrap_or_else(none))
}

/// The file `name`, as small as the browser takes it.
fn give(find: impl Fn(&str) -> Option<File>, name: &str, headers: &HeaderMap) -> Option<Response> {
    let whole = find(name)?;
    let small = find(&format!("{name}{COMPRESSED}"));
    let several = small.is_some();
    let small = small.filter(|_| takes_brotli(headers));
    let compressed = small.is_some();
    let File { bytes, hash } = small.unwrap_or(whole);
    let tag = tag(&hash);
    // Vite puts a hash into the names of what is in this folder.
    let kept = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = knows(headers, &tag);
    let head = [(CACHE_CONTROL, kept), (ETAG, &tag), (CONTENT_TYPE, kind(name))];
    let mut response = if known {
        (StatusCode::NOT_MODIFIED, GUARDS, head).into_response()
    } else {
        let body = match bytes {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        (GUARDS, head, body).into_response()
    };
    if several {
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if compressed && !known {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Some(response)
}

/// Whether whoever asks shows pages, and so is a browser.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    said(headers, &ACCEPT).any(|accept| accept.contains("text/html"))
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let codings = said(headers, &ACCEPT_ENCODING).flat_map(|line| line.split(','));
    let mut codings = codings.map(|coding| coding.split_once(';').unwrap_or((coding, "")));
    codings.any(|(name, weight)| {
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("br") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Whether the browser has it already, RFC 9110 section 13.1.2.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let mut tags = said(headers, &IF_NONE_MATCH).flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn said<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|line| line.to_str().ok())
}

fn tag(hash: &[u8]) -> String {
    let mut tag = String::from("\"");
    for byte in &hash[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

/// The media type, by the end of the name: of what a build of the UI has.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a small build has; the hash of a file is its first byte.
    fn small(name: &str) -> Option<File> {
        let text: &'static [u8] = match name {
            "index.html" => b"<!doctype html>",
            "index.html.br" => b"\x0b<",
            "assets/a-1.js" => b"let a",
            "favicon.svg" => b"<svg/>",
            _ => return None,
        };
        Some(File { bytes: Cow::Borrowed(text), hash: [text[0]; 32] })
    }

    fn get(path: &str, headers: &[(HeaderName, &'static str)]) -> Option<Response> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        answer(small, &Method::GET, path, &headers)
    }

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn a_file_is_given_as_small_as_the_browser_takes_it() {
        for (taken, coding) in [("br", "br"), ("gzip, br;q=0.5", "br"), ("gzip", ""), ("br;q=0", "")] {
            let page = get("/", &[(ACCEPT_ENCODING, taken)]).unwrap();
            assert_eq!(header(&page, CONTENT_ENCODING), coding, "{taken}");
            assert_eq!(header(&page, VARY), "accept-encoding");
            assert_eq!(header(&page, CONTENT_TYPE), "text/html; charset=utf-8");
        }
        let icon = get("/favicon.svg", &[(ACCEPT_ENCODING, "br")]).unwrap();
        assert_eq!((header(&icon, CONTENT_ENCODING), header(&icon, VARY)), ("", ""));
        assert!(get("/index.html.br", &[]).is_none());
    }

    #[test]
    fn what_has_a_hash_in_its_name_is_kept_and_the_rest_asked_for_again() {
        let script = get("/assets/a-1.js", &[]).unwrap();
        assert_eq!(header(&script, CACHE_CONTROL), "public, max-age=31536000, immutable");
        let icon = get("/favicon.svg", &[]).unwrap();
        assert_eq!(header(&icon, CACHE_CONTROL), "no-cache");
        let same = get("/favicon.svg", &[(IF_NONE_MATCH, "\"x\", W/\"3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c\"")]).unwrap();
        assert_eq!((same.status(), header(&same, ETAG)), (StatusCode::NOT_MODIFIED, header(&icon, ETAG)));
        let changed = get("/favicon.svg", &[(IF_NONE_MATCH, "\"3c\"")]).unwrap();
        assert_eq!(changed.status(), StatusCode::OK);
    }

    #[test]
    fn any_address_that_a_browser_opens_is_the_page_but_those_of_the_api() {
        let browser = [(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")];
        for page in ["/", "/instances/d1.test/web", "/nowhere"] {
            assert_eq!(header(&get(page, &browser).unwrap(), CONTENT_TYPE), "text/html; charset=utf-8", "{page}");
        }
        for none in ["/api/v1/nowhere", "/auth/nowhere"] {
            assert!(get(none, &browser).is_none(), "{none}");
        }
        assert!(get("/nowhere", &[(ACCEPT, "*/*")]).is_none());
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html"))]);
        assert!(answer(small, &Method::POST, "/", &headers).is_none());
    }

    #[test]
    fn a_build_without_a_ui_says_how_to_get_one() {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html"))]);
        let page = answer(|_| None, &Method::GET, "/", &headers).unwrap();
        assert_eq!((page.status(), header(&page, CACHE_CONTROL)), (StatusCode::NOT_FOUND, "no-store"));
        assert!(header(&page, CONTENT_SECURITY_POLICY).contains("default-src 'self'"));
        assert!(answer(|_| None, &Method::GET, "/", &HeaderMap::new()).is_none());
    }
}
