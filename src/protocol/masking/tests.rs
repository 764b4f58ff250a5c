//! What is masked, and what is left as it is.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn names_of_secrets_are_known_by_their_words_in_any_case() {
    for name in [
        "PASSWORD",
        "db_password",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "passwd",
        "dbPass",
        "SECRET_KEY_BASE",
        "clientSecret",
        "API_TOKEN",
        "GITHUBTOKEN",
        "sshKey",
        "AWS_ACCESS_KEY_ID",
        "credentials",
        "CREDS",
        "AUTH",
        "X-Auth",
        "SENTRY_DSN",
        "ConnectionString",
        "CONN_STR",
        "SLACK_WEBHOOK_URL",
        "KEY1",
        "HTTPPassword",
        "jwt",
        "traefik.http.middlewares.x.basicauth.users",
        "htpasswd",
        "MYSQL_PWD",
        "--password",
        "Api.Key",
        "sessionCookie",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "PATH",
        "HOME",
        "PWD",
        "OLDPWD",
        "AUTHOR",
        "KEYBOARD",
        "MONKEY",
        "COMPASS",
        "BYPASS",
        "USER",
        "username",
        "PATTERN",
        "SandboxKey",
        "DetachKeys",
        "LANG",
        "HOSTNAME",
        "PORT",
        "Image",
        "MOUNTPOINT",
        "",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn texts_keep_all_but_their_secrets() {
    let masking = Masking { declared: ["PIN".to_owned()].into() };
    for (text, masked) in [
        ("addr=10.0.0.1,username=ada,password=hunter2,vers=3.0", "addr=10.0.0.1,username=ada,password=***,vers=3.0"),
        ("password=hunter2", "password=***"),
        ("Server=db;User Id=sa;Password=hunter2;Timeout=3", "Server=db;User Id=sa;Password=***;Timeout=3"),
        ("postgres://ada:hunter2@db:5432/app?x=1", "postgres://***@db:5432/app?x=1"),
        ("https://hunter2@git.test/x.git and http://a:b@c", "https://***@git.test/x.git and http://***@c"),
        ("redis://:hunter2@10.0.0.1:6379", "redis://***@10.0.0.1:6379"),
        ("amqp://u:hunter/2@host/vhost", "amqp://***@host/vhost"),
        ("/bin/sh -c #(nop)  ENV DB_PASSWORD=hunter2 with a space", "/bin/sh -c #(nop)  ENV DB_PASSWORD=***"),
        ("ENV A=1 TOKEN=hunter2", "ENV A=1 TOKEN=***"),
        ("|1 TOKEN=hunter2 /bin/sh -c make", "|1 TOKEN=*** /bin/sh -c make"),
        ("mysqld --password hunter2 --port 5", "mysqld --password *** --port 5"),
        ("curl -H \"Authorization: Bearer hunter2\" x", "curl -H \"Authorization: ***\" x"),
        ("{\"password\": \"hunter2\", \"a\": 1}", "{\"password\": \"***\", \"a\": 1}"),
        ("PIN=1234", "PIN=***"),
        ("x?token=hunter2&page=3", "x?token=***&page=3"),
    ] {
        assert_eq!(masking.text(text).as_deref(), Some(masked), "{text}");
    }
    for text in [
        "",
        "busybox:latest",
        "http://host:80/path@2x.png",
        "--port 5",
        "--password",
        "password=",
        "password=***",
        "/var/lib/docker/overlay2/key-init/diff:/var/lib/x",
        "2026-11-30T23:59:59Z",
        "token",
        "https://host/a?b=c",
    ] {
        assert_eq!(masking.text(text), None, "{text}");
    }
}

#[test]
fn documents_keep_all_but_their_secrets() {
    let mut document = json!({
        "Config": {
            "Env": ["PATH=/bin", "DB_PASSWORD=a,b c=d", "EMPTY_TOKEN=", "DATABASE_URL=pg://a:b@c/d", "DOOR=4711"],
            "Cmd": ["serve", "--api-key", "hunter2", "--token=hunter2", "--verbose"],
            "Labels": {"team": "x", "app.secret": "hunter2", "deblox.secrets": "DOOR,WINDOW"},
        },
        "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/1"},
        "Options": {"type": "cifs", "o": "username=a,password=hunter2", "device": "//host/share"},
        "credentials": {"user": "hunter2", "n": [1, "hunter2", null]},
        "Size": 5, "Ok": true,
    });
    assert!(mask(&mut document));
    let masked = json!({
        "Config": {
            "Env": ["PATH=/bin", "DB_PASSWORD=***", "EMPTY_TOKEN=", "DATABASE_URL=pg://***@c/d", "DOOR=***"],
            "Cmd": ["serve", "--api-key", "***", "--token=***", "--verbose"],
            "Labels": {"team": "x", "app.secret": "***", "deblox.secrets": "DOOR,WINDOW"},
        },
        "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/1"},
        "Options": {"type": "cifs", "o": "username=a,password=***", "device": "//host/share"},
        "credentials": {"user": "***", "n": [1, "***", null]},
        "Size": 5, "Ok": true,
    });
    assert_eq!(document, masked);
    assert!(!mask(&mut document), "what is masked stays as it is");
    let mut template = json!({"Image": "x", "Env": ["PIN=1", "A=2"], "Secrets": ["PIN"]});
    assert!(mask(&mut template));
    assert_eq!(template, json!({"Image": "x", "Env": ["PIN=***", "A=2"], "Secrets": ["PIN"]}));
}

proptest! {
    #[test]
    fn any_text_is_masked_once(text in "[ -~\u{e9}\u{2028}]{0,60}") {
        let masking = Masking { declared: BTreeSet::new() };
        if let Some(masked) = masking.text(&text) {
            prop_assert_eq!(masking.text(&masked).unwrap_or_else(|| masked.clone()), masked);
        }
    }

    #[test]
    fn a_secret_is_in_no_answer(name in "(db|x|My)?_?(password|SECRET|Token|api_key)", secret in "[a-z0-9@:/,;=& ]{8,20}") {
        let secret = format!("q{secret}q");
        let mut document = json!({"Env": [format!("{name}={secret}")], (name.as_str()): secret,
            "Cmd": [format!("--{name}"), secret]});
        mask(&mut document);
        prop_assert!(!document.to_string().contains(&secret));
    }
}
