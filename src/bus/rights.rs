//! What the user in REDIS_URL may not do, in a person's words.

use std::sync::OnceLock;

use redis::{Arg, Cmd, Pipeline, RedisError, make_extension_error};

use super::scripts;

/// The code of Redis's own answer.
const NOPERM: &str = "NOPERM";

/// What Redis says instead where it is a command of a script that is refused.
pub(super) const IN_SCRIPT: &str = "The user executing the script can't";

/// Commands and keys that are named at most.
const NAMED: usize = 4;

/// Whether the user lacks a right.
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    if error.code() == Some(NOPERM) {
        return true;
    }
    let text = error.to_string();
    text.contains(NOPERM) || text.contains(IN_SCRIPT)
}

/// The same error with who may not do what.
pub(super) fn named(error: &RedisError, user: Option<&str>, what: &str) -> RedisError {
    let user = user.map_or_else(|| "this user of Redis".to_owned(), |user| format!("the Redis user `{user}`"));
    let step = step(&error.to_string());
    let what = step.as_deref().unwrap_or(what);
    let told = format!("{user} may not {what}: `deblox acl` prints the rights that it needs");
    make_extension_error(NOPERM.to_owned(), Some(told))
}

/// A command with those of its keys that begin with `prefix`.
pub(super) fn command(command: &Cmd, prefix: &str) -> String {
    let mut words = command.args_iter().map(|arg| match arg {
        Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    });
    let mut name = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    if let ("ACL" | "XGROUP" | "XINFO" | "CLIENT", Some(sub)) = (name.as_str(), rest.first()) {
        name = format!("{name} {sub}");
    }
    let keys: Vec<&str> = rest.iter().map(String::as_str).filter(|word| word.starts_with(prefix)).take(NAMED).collect();
    if keys.is_empty() { name } else { format!("{name} {}", keys.join(" ")) }
}

/// Several commands, of which one is refused.
pub(super) fn commands(commands: &Pipeline, prefix: &str) -> String {
    let mut named: Vec<String> = commands.cmd_iter().take(NAMED).map(|one| command(one, prefix)).collect();
    named.dedup();
    named.join(", ")
}

/// The step of a script that an error of Redis names: `script: <SHA-1>, on @user_script:<line>`.
fn step(text: &str) -> Option<String> {
    static NAMES: OnceLock<Vec<(String, &'static str)>> = OnceLock::new();
    let (_, rest) = text.split_once("script: ")?;
    let (hash, rest) = rest.split_once(',')?;
    let line: String = rest.split_once("user_script:")?.1.chars().take_while(char::is_ascii_digit).collect();
    let names = NAMES.get_or_init(scripts::names);
    let (_, name) = names.iter().find(|(known, _)| known == hash)?;
    Some(format!("do what line {line} of {name}.lua does"))
}

#[cfg(test)]
mod tests {
    use redis::cmd;

    use super::*;

    #[test]
    fn who_may_not_do_what_is_said_without_what_is_secret() {
        let mut add = cmd("XADD");
        add.arg("deblox.docker.b.test").arg("*").arg("json").arg(r#"{"token": "deblox_secret"}"#);
        assert_eq!(command(&add, "deblox."), "XADD deblox.docker.b.test");
        let mut group = cmd("XGROUP");
        group.arg("CREATE").arg("deblox.docker").arg("deblox");
        assert_eq!(command(&group, "deblox."), "XGROUP CREATE deblox.docker");

        let (hash, name) = scripts::names().into_iter().find(|(_, name)| *name == "beat").unwrap();
        let answers = [
            (format!("ERR {IN_SCRIPT} run this command script: {hash}, on @user_script:7."), "line 7 of beat.lua"),
            ("NOPERM this user has no permissions to run the 'xadd' command".to_owned(), "may not XADD deblox.docker"),
        ];
        for (answer, part) in answers {
            let error = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
            let error = error.and_then(redis::Value::extract_error).unwrap_err();
            assert!(is_forbidden(&error), "{name}: {error}");
            let told = named(&error, Some("ada"), "XADD deblox.docker");
            assert!(is_forbidden(&told) && told.detail().unwrap().contains(part), "{told}");
            assert!(told.detail().unwrap().starts_with("the Redis user `ada` "), "{told}");
        }
        let other = RedisError::from(std::io::Error::other("no permission"));
        assert!(!is_forbidden(&other));
    }
}
