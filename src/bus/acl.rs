//! What each kind of program does on Redis, as rules of a Redis ACL: these commands, on these keys, and nothing else.
//!
//! A rule for keys and the commands on them is a selector, `(+COMMAND… KEYS…)`, so that what is allowed on one key is not
//! on another. A script runs with the rights of whoever calls it: what it does with its keys is checked command by
//! command. So the right to name any key to a script gives nothing by itself.

use std::fmt::Write;

use crate::protocol::{AuthAddress, ClientName, Fqdn, Keys, Resource};

/// What every program needs: to greet, to ask for the time, and where the primary is.
const BASE: &str = "+ping +time +role +cluster|keyslot +cluster|slots";

/// What those who send requests need: several commands at once, and to be told when a reply is there.
const CALLS: &str = "+multi +exec +client|tracking +unwatch";

/// What those who run scripts need.
const SCRIPTS: &str = "+script|load";

/// Reading a stream of requests as a member of its group, and ending what was read.
const CONSUMES: &str = "+xgroup|create +xgroup|delconsumer +xinfo|consumers +xreadgroup +xautoclaim +xclaim +xpending \
                        +xack +xdel";

/// A kind of program, with what tells it from others of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AclRole {
    /// The worker of a dock.
    Worker {
        /// The dock; none is any dock: the workers of all share the user.
        dock: Option<Fqdn>,
        /// Whether it looks after docks that are lost.
        watches: bool,
        /// Whether it is an auth manager as well.
        manages: bool,
    },
    /// Who sends requests.
    Client {
        /// What its requests' ids begin with.
        name: ClientName,
    },
    /// An HTTP node, which sends requests as well, and knows whose session it is.
    Web {
        /// What its requests' ids begin with.
        name: ClientName,
        /// Whether it is an auth manager as well.
        manages: bool,
        /// Whether people log in there by way of a provider.
        oidc: bool,
        /// Whether admins manage users there, and users their tokens.
        accounts: bool,
    },
    /// An auth manager alone.
    Manager,
    /// Who changes accounts.
    Accounts,
    /// Who looks for what is wrong.
    Doctor,
    /// Who reads the audit, checks it and copies it elsewhere.
    Auditor,
}

impl AclRole {
    /// The rules for it, behind `resetkeys` and the like. Redis must be 7 or newer.
    ///
    /// # Errors
    /// Why the namespace cannot stand in a rule.
    pub fn rules(&self, namespace: &str) -> Result<String, String> {
        if namespace.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'')) {
            return Err(format!("no ACL can have the namespace {namespace:?}: it has spaces or quotes"));
        }
        let rules = Rules { keys: Keys::new(&literally(namespace)), text: String::new() };
        Ok(match self {
            Self::Worker { dock, watches, manages } => rules.worker(dock.as_ref()).watch(*watches).manager_if(*manages),
            Self::Client { name } => rules.client(name),
            Self::Web { name, manages, oidc, accounts } => {
                rules.client(name).web().oidc_if(*oidc).accounts_if(*oidc || *accounts).manager_if(*manages)
            }
            Self::Manager => rules.base(&[BASE, SCRIPTS]).manager(),
            Self::Accounts => rules.base(&[BASE, SCRIPTS, "+multi +exec"]).accounts(),
            Self::Auditor => rules.base(&[BASE]).reads_audit(),
            Self::Doctor => rules.base(&[BASE, "+info +acl|whoami"]).doctor(),
        }
        .text)
    }
}

/// With what has a meaning in a pattern of keys made plain.
fn literally(namespace: &str) -> String {
    namespace.chars().fold(String::new(), |mut text, c| {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// Rules that are being written.
struct Rules {
    keys: Keys,
    text: String,
}

/// What is done with the keys of a rule, by the flags that Redis gives its commands.
#[derive(Clone, Copy)]
enum Use {
    Reads,
    Writes,
    Both,
}

impl Rules {
    /// What has no keys.
    fn base(mut self, commands: &[&str]) -> Self {
        self.text = commands.join(" ");
        self
    }

    /// These commands on these keys.
    fn on(mut self, what: Use, commands: &str, keys: &[String]) -> Self {
        let kind = match what {
            Use::Reads => "%R~",
            Use::Writes => "%W~",
            Use::Both => "~",
        };
        let _ = write!(self.text, " ({commands}");
        for key in keys {
            let _ = write!(self.text, " {kind}{key}");
        }
        self.text.push(')');
        self
    }

    /// The scripts, which check nothing by themselves.
    fn scripts(self) -> Self {
        let all = all(&self.keys.prefix());
        self.on(Use::Both, "+evalsha", &[all])
    }

    fn worker(self, dock: Option<&Fqdn>) -> Self {
        let keys = self.keys.clone();
        let of_dock = |prefix: String| format!("{prefix}{}", dock.map_or("*", |dock| dock.as_str()));
        let requests = format!("+xadd +xlen +xrange +xinfo|groups {CONSUMES}");
        let own_records = Resource::ALL.map(|kind| of_dock(keys.resources_prefix(kind)));
        let all_records = Resource::ALL.map(|kind| all(&keys.resources_prefix(kind)));
        self.base(&[BASE, CALLS, SCRIPTS, "+info +wait"])
            .scripts()
            // Its requests; what is for others it can only add to.
            .on(Use::Both, &requests, &[keys.shared(), of_dock(keys.own_prefix())])
            .on(Use::Writes, "+xadd +xlen", &[all(&keys.own_prefix())])
            .on(
                Use::Both,
                "+hget +hmget +hset +hsetnx +hdel +hincrby +exists +type +pttl +pexpire +pexpireat",
                &[all(&keys.request_prefix())],
            )
            // Replies it writes; it reads those alone to the requests that it makes of one with `instances`.
            .on(Use::Writes, "+lpush +rpush +llen +exists +type +pexpire", &[all(&keys.reply_prefix())])
            .on(Use::Both, "+hget +hlen +hrandfield +hincrby +hdel +pexpire", &[all(&keys.stored_prefix())])
            .on(Use::Both, "+lrange +lindex +lpop +blpop", &[format!("{}*+*", keys.reply_prefix())])
            .on(Use::Writes, "+xadd +xdel +pexpire", &[all(&keys.output_prefix())])
            .on(Use::Both, "+xread +xrange +xrevrange +xdel +unlink", &[all(&keys.input_prefix())])
            // Who is there.
            .on(Use::Both, "+get +set +del +pttl +pexpire", &[of_dock(keys.lease_prefix())])
            .on(Use::Reads, "+exists", &[all(&keys.lease_prefix())])
            .on(Use::Writes, "+sadd +srem", &[keys.workers()])
            // The records.
            .on(
                Use::Both,
                "+hget +hmget +hgetall +hexists +hset +hdel",
                &[keys.docks(), keys.owners(), keys.ownership(), keys.templates()],
            )
            .on(Use::Both, "+hget +hset +hdel", &[&[of_dock(keys.instances_prefix())][..], &own_records].concat())
            .on(Use::Reads, "+hgetall", &[&[all(&keys.instances_prefix())][..], &all_records].concat())
            .on(
                Use::Both,
                "+zadd +zrem +zincrby +zcard +zscore +zrange +zrangebylex +zrangebyscore +zremrangebyscore",
                &[keys.index(), keys.load(), all(&keys.promises_prefix()), all(&keys.replaced_prefix())],
            )
            .on(Use::Both, "+hget +hmget +hgetall +hset +hdel", &[all(&keys.usage_prefix())])
            .on(Use::Both, "+xadd +xread +xrange +xrevrange", &[keys.events()])
            .on(Use::Both, "+hincrby", &[keys.revisions()])
            .on(Use::Writes, "+xadd", &[keys.dead()])
            .reads_audit()
            .adds_audit()
            .identify()
    }

    /// What the one that looks after lost docks does in their place.
    fn watch(self, watches: bool) -> Self {
        if !watches {
            return self;
        }
        let keys = self.keys.clone();
        let streams = AuthAddress::ALL.map(|address| keys.auth(address));
        let stands_in = "+xlen +xrange +xrevrange +xpending +xclaim +xack +xdel +xgroup|delconsumer +del";
        let mut rules = self;
        rules.text.push_str(" +scan");
        rules
            .on(Use::Both, "+get +set +pexpire", &[keys.watch()])
            .on(Use::Reads, "+hkeys", &[keys.docks()])
            .on(Use::Reads, "+get", &[all(&keys.lease_prefix())])
            .on(Use::Both, stands_in, &[all(&keys.own_prefix())])
            .on(Use::Reads, "+xrevrange", &[keys.shared()])
            .on(Use::Writes, "+xtrim", &streams)
    }

    fn client(self, name: &ClientName) -> Self {
        let keys = self.keys.clone();
        let own = |prefix: String| [format!("{prefix}{name}.*")];
        let messages = AuthAddress::OPEN.map(|address| keys.auth(address));
        self.base(&[BASE, CALLS])
            .on(Use::Writes, "+xadd", &[&[keys.shared(), all(&keys.own_prefix())][..], &messages].concat())
            .on(Use::Reads, "+exists", &[all(&keys.lease_prefix())])
            .on(Use::Reads, "+hgetall", &[keys.docks()])
            .on(Use::Reads, "+hget", &own(keys.request_prefix()))
            .on(Use::Both, "+exists +lrange +lindex +lpop +blpop", &own(keys.reply_prefix()))
            .on(Use::Both, "+xread +xrange +xrevrange +pttl +pexpire", &own(keys.output_prefix()))
            .on(Use::Writes, "+xadd +xlen +pexpire", &own(keys.input_prefix()))
    }

    fn web(mut self) -> Self {
        self.text.push(' ');
        self.text.push_str(SCRIPTS);
        let keys = self.keys.clone();
        let records = [keys.ownership(), keys.revisions(), all(&keys.instances_prefix())];
        self.scripts()
            .identify()
            // Logins from addresses that it has seen: nobody else may say so.
            .on(Use::Writes, "+xadd", &[keys.auth(AuthAddress::NodeLogin)])
            // Lists of sessions, and their end.
            .on(Use::Both, "+zrange +zrem", &[all(&keys.user_sessions_prefix())])
            // What its pages show.
            .on(Use::Reads, "+hgetall", &records)
            .on(Use::Reads, "+xread +xrange +xrevrange", &[keys.events()])
            .reads_audit()
            .adds_audit()
    }

    fn oidc_if(self, oidc: bool) -> Self {
        if !oidc {
            return self;
        }
        let keys = self.keys.clone();
        let begun = [keys.begun_logins(), keys.begun_login("*"), all(&keys.begun_logins_from_prefix())];
        self.on(Use::Both, "+set +getdel +incr +pexpire +pttl", &begun).make_sessions()
    }

    fn accounts_if(self, accounts: bool) -> Self {
        if accounts { self.accounts() } else { self }
    }

    /// Adding to the audit, which a script does. It reads the number and the hash of the last record, and no record. To add
    /// with a bound is to trim: Redis has no right for the one without the other.
    fn adds_audit(self) -> Self {
        let keys = self.keys.clone();
        self.on(Use::Writes, "+xadd +xtrim", &[keys.audit()]).on(
            Use::Both,
            "+hget +hmget +hgetall +hset +hdel +hlen",
            &[keys.audit_head(), keys.audit_counted()],
        )
    }

    fn reads_audit(self) -> Self {
        let keys = self.keys.clone();
        self.on(Use::Reads, "+xread +xrange +xrevrange", &[keys.audit()]).on(Use::Reads, "+hmget", &[keys.audit_head()])
    }

    fn manager_if(self, manages: bool) -> Self {
        if manages { self.manager() } else { self }
    }

    fn manager(self) -> Self {
        let keys = self.keys.clone();
        self.scripts()
            .on(Use::Both, CONSUMES, &AuthAddress::ALL.map(|address| keys.auth(address)))
            .on(Use::Writes, "+rpush +pexpire", &[all(&keys.reply_prefix())])
            .make_sessions()
            .on(
                Use::Both,
                "+hget +hset +hdel +hincrby +exists +pexpire +del +zadd +zscore +zremrangebyrank",
                &[all(&keys.throttle_prefix())],
            )
            .on(Use::Reads, "+zrangebylex", &[keys.index()])
            .on(Use::Reads, "+hget +hmget", &[keys.owners(), keys.ownership()])
            .adds_audit()
            .identify()
    }

    /// Making sessions, and listing them.
    fn make_sessions(self) -> Self {
        let keys = self.keys.clone();
        self.on(Use::Both, "+hset +exists", &[all(&keys.session_prefix())]).on(
            Use::Both,
            "+zcard +zrange +zrem",
            &[all(&keys.user_sessions_prefix())],
        )
    }

    /// Whose session or token it is.
    fn identify(self) -> Self {
        let keys = self.keys.clone();
        self.on(Use::Both, "+hmget +pexpire +del", &[all(&keys.session_prefix())])
            // It is noted when a session was used: not whose it is, which stands in the session.
            .on(Use::Both, "+zscore +zadd +pexpire +pttl", &[all(&keys.user_sessions_prefix())])
            .on(Use::Reads, "+hget", &[keys.users(), keys.tokens()])
            .on(Use::Both, "+hget +hset", &[keys.tokens_used()])
    }

    fn accounts(self) -> Self {
        let keys = self.keys.clone();
        let accounts = [keys.users(), keys.tokens(), keys.tokens_used()];
        self.scripts()
            .on(Use::Both, "+hget +hgetall +hvals +hset +hdel", &accounts)
            .on(Use::Writes, "+del", &[all(&keys.user_sessions_prefix())])
            // What users use of their quotas.
            .on(Use::Both, "+hgetall +hdel", &[all(&keys.usage_prefix())])
            .on(Use::Reads, "+hexists", &[keys.owners()])
            .adds_audit()
    }

    /// How the docks and the queues are.
    fn doctor(self) -> Self {
        let keys = self.keys.clone();
        self.on(Use::Reads, "+hgetall", &[keys.docks()])
            .on(Use::Reads, "+xlen +xrange +xinfo|groups +xinfo|consumers", &[keys.shared(), all(&keys.own_prefix())])
            .on(Use::Reads, "+xlen +xrevrange", &[keys.dead()])
            .on(Use::Reads, "+exists", &[keys.watch()])
    }
}

/// The pattern of all keys that begin so.
fn all(prefix: &str) -> String {
    format!("{prefix}*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_meant_literally_and_what_no_rule_can_have_is_refused() {
        let rules = |namespace: &str| AclRole::Manager.rules(namespace);
        assert!(rules("{deblox}").unwrap().contains("~{deblox}.auth.login "));
        assert!(rules("a*[b").unwrap().contains(r"~a\*\[b.auth.login "));
        for bad in ["a b", "a\"b", "a'b", "a\nb"] {
            assert!(rules(bad).unwrap_err().contains("namespace"), "{bad}");
        }
    }
}
