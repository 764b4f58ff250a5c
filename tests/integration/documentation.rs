//! The tables of the README are made from the code. After a change, `UPDATE_README=1 cargo test readme` writes them.

use std::fmt::Write;

use clap::CommandFactory;
use deblox::actions::{Action, GROUPS, Kind};
use deblox::cli::Cli;
use deblox::protocol::{Access, ErrorCode, INSTANCES, REST, Reach, Role, limits};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

#[test]
fn the_readme_lists_the_actions_errors_limits_and_options() {
    let text = std::fs::read_to_string(README).expect("README.md");
    let mut wanted = text.clone();
    for (name, generated) in [
        ("actions", actions()),
        ("errors", errors()),
        ("limits", bounds()),
        ("policy", policy()),
        ("options", options()),
    ] {
        wanted = with_section(&wanted, name, &generated);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(README, &wanted).expect("README.md can be written");
    } else {
        assert!(text == wanted, "README.md is not up to date: run UPDATE_README=1 cargo test readme");
    }
}

fn with_section(text: &str, name: &str, generated: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let from = text.find(&begin).unwrap_or_else(|| panic!("README.md has no section {name}")) + begin.len();
    let to = from + text[from..].find(end).expect("each section ends");
    format!("{}{generated}{}", &text[..from], &text[to..])
}

fn actions() -> String {
    let mut out = String::new();
    for (group, actions) in GROUPS {
        write!(out, "### {group}\n\n| action | right | what it does | fields |\n|---|---|---|---|\n").expect("text");
        for action in *actions {
            let names: Vec<String> = action.names().map(|name| format!("`{name}`")).collect();
            let right = action.access.as_str();
            writeln!(out, "| {} | {right} | {} | {} |", names.join(", "), action.about, field_names(action))
                .expect("text");
        }
        out.push('\n');
    }
    for action in Action::all().filter(|action| action.fields.len() > 2) {
        write!(out, "<details><summary>The fields of <code>{}</code></summary>\n\n", action.name).expect("text");
        out.push_str("| field | holds | what |\n|---|---|---|\n");
        for field in action.fields {
            let alias = field.alias.map(|alias| format!(" or `{alias}`")).unwrap_or_default();
            let required = match (field.required, field.unless) {
                (true, Some(other)) => format!(", required unless there is `{other}`"),
                (true, None) => ", required".to_owned(),
                _ => String::new(),
            };
            writeln!(out, "| `{}`{alias} | {}{required} | {} |", field.name, holds(field.kind), field.about)
                .expect("text");
        }
        out.push_str("\n</details>\n\n");
    }
    out
}

fn policy() -> String {
    let roles = Role::ALL.map(|role| format!("`{role}`")).join(" | ");
    let mut out = String::new();
    for (what, rows) in [("instances", INSTANCES.as_slice()), ("anything else", REST.as_slice())] {
        write!(out, "| right on {what} | {roles} |\n|---|---|---|---|---|\n").expect("text");
        for (access, reaches) in rows {
            let cells = reaches.map(|reach| match reach {
                Reach::Nothing => "–",
                Reach::Own if Access::SHARED.contains(access) => "own and shared",
                Reach::Own => "own",
                Reach::All => "all",
            });
            writeln!(out, "| {} | {} |", access.as_str(), cells.join(" | ")).expect("text");
        }
        out.push('\n');
    }
    out
}

fn field_names(action: &Action) -> String {
    let about_one = action.needs().map(|field| format!("**`{field}`**"));
    let own = action
        .fields
        .iter()
        .map(|field| if field.required { format!("**`{}`**", field.name) } else { format!("`{}`", field.name) });
    about_one.into_iter().chain(own).collect::<Vec<_>>().join(", ")
}

fn holds(kind: Kind) -> String {
    kind.expected().replace('|', "\\|")
}

fn errors() -> String {
    let mut out = String::from("| error | status | when |\n|---|---|---|\n");
    for code in ErrorCode::ALL {
        writeln!(out, "| `{}` | {} | {} |", code.as_str(), code.status(), code.about()).expect("text");
    }
    out
}

fn bounds() -> String {
    let time = |duration| humantime::format_duration(duration).to_string();
    let rows = [
        ("a request", format!("{} MiB", limits::REQUEST_BYTES / 1024 / 1024)),
        ("the daemon's answer to one", format!("{} MiB", limits::ANSWER_BYTES / 1024 / 1024)),
        (
            "lines of a log in one reply",
            format!("{}, {} if nothing is said", limits::LOG_LINES, limits::LOG_LINES_DEFAULT),
        ),
        (
            "time for a request",
            format!("at most {}, {} if nothing is said", time(limits::LONGEST_TIMEOUT), time(limits::REQUEST_TIMEOUT)),
        ),
        ("a reply, and the memory of a `requestId`, is kept", time(limits::REPLY_KEPT)),
        ("requests that wait for one dock", limits::QUEUE_LENGTH.to_string()),
        ("requests that only wait, in one worker", limits::WAITING.to_string()),
        ("instances that one request creates", limits::INSTANCES_AT_ONCE.to_string()),
        ("calls that wait for their replies at one HTTP node", limits::CALLS.to_string()),
        ("connections to one HTTP node", limits::CONNECTIONS.to_string()),
        ("times that a request is begun before it is given up", limits::ATTEMPTS.to_string()),
        ("a heartbeat, and how long it counts", format!("{}, {}", time(limits::BEAT), time(limits::LEASE))),
        ("a silent worker's requests are taken over after", time(limits::TAKE_OVER)),
        (
            "a message to the auth manager waits",
            format!(
                "at most {}, {} if nothing is said",
                time(limits::AUTH_LONGEST_TIMEOUT),
                time(limits::AUTH_TIMEOUT)
            ),
        ),
        ("an answer of the auth manager is kept", time(limits::AUTH_REPLY_KEPT)),
        ("a silent auth manager's messages are taken over after", time(limits::AUTH_TAKE_OVER)),
        ("passwords that one auth manager hashes at the same time, of 19 MiB each", limits::HASHING.to_string()),
        ("API tokens of one user", limits::TOKENS.to_string()),
        ("a login at an OpenID Connect provider takes", format!("at most {}", time(limits::BEGUN_LOGIN_KEPT))),
        (
            "such logins begun in a minute",
            format!("{}, {} from one address", limits::BEGUN_LOGINS, limits::BEGUN_LOGINS_PER_ADDRESS),
        ),
        ("sessions of one user", limits::SESSIONS.to_string()),
        (
            "connections from one address to one HTTP node, unless it is a trusted proxy",
            limits::CONNECTIONS_PER_ADDRESS.to_string(),
        ),
        ("calls from one address that wait for their replies at one HTTP node", limits::CALLS_PER_ADDRESS.to_string()),
        ("actions of one user under way at one HTTP node", limits::ACTIONS_PER_USER.to_string()),
        ("logins from one address under way at one HTTP node", limits::LOGINS_PER_ADDRESS.to_string()),
        (
            "live streams of one HTTP node, of a user, from an address",
            format!(
                "{}, {}, {}",
                limits::LIVE_STREAMS,
                limits::LIVE_STREAMS_PER_USER,
                limits::LIVE_STREAMS_PER_ADDRESS
            ),
        ),
        (
            "websockets of one HTTP node, of a user, from an address",
            format!("{}, {}, {}", limits::SOCKETS, limits::SOCKETS_PER_USER, limits::SOCKETS_PER_ADDRESS),
        ),
        (
            "streams on websockets of one HTTP node, of a user",
            format!("{}, {}", limits::NODE_STREAMS, limits::NODE_STREAMS_PER_USER),
        ),
        ("searches of logs that a user has running at one HTTP node", limits::SEARCHES_PER_USER.to_string()),
        (
            "an answer of the provider",
            format!("{}, {} KiB", time(limits::PROVIDER_ANSWER), limits::PROVIDER_ANSWER_BYTES / 1024),
        ),
        ("groups of one user at the provider", limits::GROUPS.to_string()),
        ("records are compared with the daemon as a whole every", time(limits::RECONCILE)),
    ];
    let mut out = String::from("| what | limit |\n|---|---|\n");
    for (what, limit) in rows {
        writeln!(out, "| {what} | {limit} |").expect("text");
    }
    out
}

fn options() -> String {
    let mut out = String::from("| option | environment | default | what |\n|---|---|---|---|\n");
    let cli = Cli::command();
    let worker = cli.find_subcommand("worker").expect("a command");
    // `up` has a worker's options and those of `web`.
    let web = cli.find_subcommand("web").expect("a command");
    let of_web = |name: &str| matches!(name, "listen" | "trusted_proxies" | "policy") || name.starts_with("oidc_");
    let of_web = web.get_arguments().filter(|option| of_web(option.get_id().as_str()));
    for option in worker.get_arguments().chain(of_web).chain(cli.get_arguments()) {
        let (Some(flag), Some(help)) = (option.get_long(), option.get_help()) else { continue };
        let environment = option.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let default: Vec<_> = option.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = Some(default.join(",")).filter(|text| !text.is_empty()).map(|text| format!("`{text}`"));
        let default = default.unwrap_or_default();
        writeln!(out, "| `--{flag}` | {environment} | {default} | {help} |").expect("text");
    }
    out.push_str(
        "\n`deblox up` takes all of them, `deblox worker` all but those from `--listen` to `--oidc-scope`; every other command \
         those from `--verbose` on, and `deblox web` those in between and what is about the auth manager too. What else a \
         command takes, its `--help` says.\n",
    );
    out
}
