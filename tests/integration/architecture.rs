//! The rules of ARCHITECTURE.md that no compiler checks: who may import whom, and what a source file looks like.

use std::path::Path;

/// The folders of `src`, the highest first. A file names its own layer and lower ones only.
const LAYERS: &[&str] = &[
    "main", "cli", "web", "client", "worker", "auth", "actions", "docker", "bus", "metrics", "traces", "secrets",
    "protocol",
];

/// Layers that stand beside each other: all that these name is the wire.
const SIDE_BY_SIDE: &[&str] = &["docker", "bus"];

/// Crates that belong to a part of `src`, by the beginning of the file's path.
const CRATES: &[(&str, &[&str])] = &[
    ("redis", &["bus/"]),
    ("deadpool_redis", &["bus/"]),
    ("bollard", &["docker/"]),
    ("argon2", &["auth/"]),
    ("sha2", &["auth/", "protocol/audit.rs"]),
    ("sha1_smol", &["protocol/audit.rs"]),
    ("getrandom", &["auth/"]),
    ("zxcvbn", &["auth/"]),
    ("ipnet", &["cli/", "web/"]),
    ("hyper", &["auth/oidc/", "docker/", "traces/", "web/"]),
    ("hyper_util", &["auth/oidc/", "docker/", "traces/", "web/"]),
    ("http_body_util", &["auth/oidc/", "docker/", "traces/"]),
    ("openidconnect", &["auth/oidc/"]),
    ("clap", &["cli/", "main.rs"]),
    ("axum", &["web/"]),
    ("prometheus_client", &["metrics/"]),
    ("opentelemetry", &["traces/"]),
    ("opentelemetry_http", &["traces/"]),
    ("opentelemetry_otlp", &["traces/"]),
    ("opentelemetry_sdk", &["traces/"]),
    ("hyper_rustls", &["traces/"]),
    ("rust_embed", &["web/assets.rs"]),
];

/// The longest file that fits in a head.
const LINES: usize = 450;

#[test]
fn imports_point_down_only() {
    holds(imports);
}

#[test]
fn a_crate_is_named_only_in_the_part_that_wraps_it() {
    holds(crates);
}

#[test]
fn every_file_says_what_lives_there_and_fits_in_a_head() {
    holds(shape);
}

#[test]
fn nothing_panics_or_exits_on_its_own() {
    holds(endings);
}

#[test]
fn each_rule_catches_what_breaks_it() {
    let cases: &[(Rule, &str, &str, &str)] = &[
        (imports, "bus/link.rs", "use crate::docker::Docker;", "src/bus/link.rs:1"),
        (imports, "docker/client.rs", "\nuse crate::{protocol::Keys, bus};", "src/docker/client.rs:2"),
        (imports, "actions/a/b.rs", "fn f() { super::super::super::worker::run() }", "src/actions/a/b.rs:1"),
        (imports, "bus/mod.rs", "use super::{cli, protocol};", "src/bus/mod.rs:1"),
        (imports, "bus/mod.rs", "mod tests {\n    use super::super::cli;\n}", "src/bus/mod.rs:2"),
        (
            imports,
            "worker/mod.rs",
            "use crate::{\n    bus::{Bus, link},\n    client::Client,\n};",
            "src/worker/mod.rs:1",
        ),
        (imports, "sundry/mod.rs", "", "src/sundry/mod.rs:1"),
        (crates, "worker/mod.rs", "fn f() { redis::cmd(\"PING\"); }", "src/worker/mod.rs:1"),
        (crates, "cli/call.rs", "use hyper::Method;", "src/cli/call.rs:1"),
        (crates, "bus/link.rs", "use clap;", "src/bus/link.rs:1"),
        (shape, "bus/link.rs", "// no\nuse std::fmt;", "src/bus/link.rs:1"),
        (shape, "bus/link.rs", &format!("//! Yes.{}", "\n".repeat(LINES + 1)), "src/bus/link.rs:451"),
        (endings, "bus/link.rs", "\nfn f() { Some(1)\n.unwrap(); }", "src/bus/link.rs:3"),
        (endings, "cli/mod.rs", "fn f() { std::process::exit(1) }", "src/cli/mod.rs:1"),
    ];
    for (rule, path, text, place) in cases {
        let broken = rule(&Source::new(path, text));
        assert!(broken.iter().any(|line| line.starts_with(&format!("{place}: "))), "{path}, {text:?}: {broken:?}");
    }
}

#[test]
fn no_rule_minds_what_is_allowed() {
    let cases: &[(Rule, &str, &str)] = &[
        (imports, "worker/mod.rs", "use crate::{bus::{Bus, cli}, protocol};\nuse super::actions;"),
        (imports, "bus/link.rs", "//! See crate::worker.\nconst A: &str = \"crate::cli\";\nuse super::client;"),
        (imports, "docker/a.rs", "mod tests {\n    use super::super::client;\n}"),
        (crates, "worker/mod.rs", "fn f(redis: u8) { crate::bus::redis::f(\"redis::cmd\", '\"', redis) } // redis::x"),
        (endings, "bus/link.rs", "const A: &str = r#\"\".unwrap()\"#;\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}"),
    ];
    for (rule, path, text) in cases {
        assert_eq!(rule(&Source::new(path, text)), Vec::<String>::new(), "{path}, {text:?}");
    }
}

/// Returns what breaks a rule, a line each: where, what, and the rule.
type Rule = fn(&Source) -> Vec<String>;

/// A file of `src`.
struct Source {
    /// Below `src`, with slashes.
    path: String,
    text: String,
    /// The text without comments and without what is in quotes; the lines are the same.
    code: Vec<String>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: code(text) }
    }

    /// The names of the modules around the file's items: `["actions", "create_container", "body"]`.
    fn module(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        if path == "lib" { Vec::new() } else { path.split('/').collect() }
    }

    fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }

    fn complain(&self, line: usize, what: &str) -> String {
        format!("src/{}:{}: {what}", self.path, line + 1)
    }

    /// The code with, for each line, the name of the module inside this file that it is in.
    fn lines(&self) -> impl Iterator<Item = (usize, &str, Option<&str>)> {
        let mut inner = None;
        self.code.iter().enumerate().map(move |(number, line)| {
            if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
                inner = Some(name);
            } else if line == "}" {
                inner = None;
            }
            (number, line.as_str(), inner)
        })
    }
}

fn imports(source: &Source) -> Vec<String> {
    if source.path == "lib.rs" {
        return Vec::new();
    }
    let layer = source.layer();
    let Some(own) = LAYERS.iter().position(|name| *name == layer) else {
        return vec![
            source.complain(0, &format!("`{layer}` is none of the layers {LAYERS:?}: give it its place there")),
        ];
    };
    let mut broken = Vec::new();
    for (number, line, inner) in source.lines() {
        let mut module = source.module();
        module.extend(inner);
        for at in starts(line, "crate::").chain(starts(line, "super::")) {
            // What a group names may stand on the lines below it.
            let statement = source.code[number..].join(" ");
            for name in first_names(&statement[at..], module.len()) {
                let side = SIDE_BY_SIDE.contains(&layer) && SIDE_BY_SIDE.contains(&name.as_str()) && name != layer;
                match LAYERS.iter().position(|other| *other == name) {
                    Some(other) if other < own || side => {
                        let rule = format!("`{layer}` may not name `{name}`: imports point down only, {LAYERS:?}");
                        broken.push(source.complain(number, &rule));
                    }
                    _ => {}
                }
            }
        }
    }
    broken
}

fn crates(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line, _) in source.lines() {
        for (name, homes) in CRATES {
            let used =
                [format!("{name}::"), format!("use {name};"), format!("use {name} as"), format!("extern crate {name}")];
            let named = used.iter().any(|used| starts(line, used).next().is_some());
            if named && !homes.iter().any(|home| source.path.starts_with(home)) {
                let rule = format!("the crate `{name}` is named only in {}", homes.join(" and "));
                broken.push(source.complain(number, &rule));
            }
        }
    }
    broken
}

fn shape(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    if !source.text.starts_with("//! ") {
        broken.push(source.complain(0, "a file begins with one `//!` sentence that says what lives there"));
    }
    if source.text.lines().count() > LINES {
        broken.push(source.complain(LINES, &format!("a file has at most {LINES} lines")));
    }
    broken
}

fn endings(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    let mut test = false;
    for (number, line, inner) in source.lines() {
        test = line.contains("#[cfg(test)]") || (test && (inner.is_some() || !line.starts_with('}')));
        if line.contains(".unwrap()") && !test {
            broken.push(source.complain(number, "no `unwrap` outside tests: `expect(\"why it cannot fail\")` or `?`"));
        }
        if line.contains("process::exit") && source.path != "main.rs" {
            broken.push(source.complain(number, "only main.rs may end the process: return an error"));
        }
    }
    broken
}

/// Where `word` begins in `line`, other than inside a longer name or path.
fn starts<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let free = move |at: usize| {
        !line[..at]
            .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':' || before == '.')
    };
    line.match_indices(word).map(|(at, _)| at).filter(move |at| free(*at))
}

/// The modules at the root of the crate that a path names: one, or those of a group. `depth` is how deep the file is.
fn first_names(path: &str, depth: usize) -> Vec<String> {
    let mut rest = path;
    let mut ups = 0;
    if let Some(below) = rest.strip_prefix("crate::") {
        rest = below;
        ups = depth;
    }
    while let Some(above) = rest.strip_prefix("super::") {
        rest = above;
        ups += 1;
    }
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if ups < depth {
        return Vec::new();
    }
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut names, mut nested, mut from) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => nested += 1,
            '}' if nested > 0 => nested -= 1,
            ',' | '}' if nested == 0 => {
                names.push(name(&group[from..at]));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// The lines of `text` with comments, and what is in quotes, left out.
fn code(text: &str) -> Vec<String> {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(quote) = raw_quote(rest, &kept) {
            let end = format!("\"{}", &quote[1..quote.len() - 1]);
            rest[quote.len()..].find(&end).map_or(rest.len(), |at| quote.len() + at + end.len())
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            kept.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        kept.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    kept.lines().map(str::to_owned).collect()
}

/// The beginning of a raw string, `r##"`, if one begins here.
fn raw_quote<'a>(rest: &'a str, before: &str) -> Option<&'a str> {
    if before.ends_with(|c: char| c.is_alphanumeric() && c != 'b') || !rest.starts_with('r') {
        return None;
    }
    let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
    rest[1 + hashes..].starts_with('"').then(|| &rest[..hashes + 2])
}

/// The length of what is between two `quote`s, both included.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Asserts that a rule holds for all of `src`.
fn holds(rule: Rule) {
    let sources = sources();
    assert!(sources.len() > 30, "the sources were not found");
    let broken: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).expect("below src").to_str().expect("UTF-8").to_owned();
                sources.push(Source::new(&below, &std::fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    sources
}
