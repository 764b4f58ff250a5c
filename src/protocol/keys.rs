//! The names of all keys. Nothing else in deblox builds one.

use super::{AuthAddress, Fqdn, ReplyTo, RequestId, Resource};

/// The consumer group of every request stream.
pub const GROUP: &str = "deblox";

/// The consumer to whom a stopping worker gives what it has not begun; any worker takes it from there.
pub const HANDED_BACK: &str = "handed-back";

/// Builds key names inside one namespace.
///
/// With a namespace in braces, such as `{deblox}`, all keys share one Redis Cluster slot.
#[derive(Clone, Debug)]
pub struct Keys {
    namespace: String,
}

impl Keys {
    /// The namespace that the specification's messages use.
    pub const DEFAULT_NAMESPACE: &str = "deblox";

    /// Keys that begin with `namespace` and a dot.
    pub fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned() }
    }

    /// Stream: requests of which any one worker takes each.
    pub fn shared(&self) -> String {
        self.key("docker")
    }

    /// Stream: requests for one dock.
    pub fn own(&self, dock: &Fqdn) -> String {
        format!("{}{dock}", self.own_prefix())
    }

    /// What [`Self::own`] begins with, for scripts that look at several docks.
    pub fn own_prefix(&self) -> String {
        self.key("docker.")
    }

    /// List: the final reply of one request.
    pub fn reply(&self, id: &RequestId) -> String {
        format!("{}{}", self.reply_prefix(), id.known_as())
    }

    /// Hash with a time to live: key of a reply that is stored for one user to its bytes.
    pub fn stored(&self, user: &str) -> String {
        format!("{}{user}", self.stored_prefix())
    }

    /// What [`Self::stored`] begins with.
    pub fn stored_prefix(&self) -> String {
        self.key("stored.")
    }

    /// List: the reply of one call that waits at a list of its own.
    pub fn private_reply(&self, to: &ReplyTo) -> String {
        format!("{}{}", self.reply_prefix(), to.as_str())
    }

    /// Stream: the output of one request that streams.
    pub fn output(&self, id: &RequestId) -> String {
        format!("{}{}", self.output_prefix(), id.known_as())
    }

    /// Stream: what the reader of that output says.
    pub fn input(&self, id: &RequestId) -> String {
        format!("{}{}", self.input_prefix(), id.known_as())
    }

    /// Hash: where one request stands.
    pub fn request(&self, id: &RequestId) -> String {
        format!("{}{id}", self.request_prefix())
    }

    /// Set: the docks whose workers registered.
    pub fn workers(&self) -> String {
        self.key("workers")
    }

    /// String with a time to live: which worker drives a dock.
    pub fn lease(&self, dock: &Fqdn) -> String {
        format!("{}{dock}", self.lease_prefix())
    }

    /// What [`Self::lease`] begins with, for scripts that look at several docks.
    pub fn lease_prefix(&self) -> String {
        self.key("worker.")
    }

    /// Hash: host name to dock record.
    pub fn docks(&self) -> String {
        self.key("docks")
    }

    /// Hash: container id to owner record.
    pub fn owners(&self) -> String {
        self.key("owners")
    }

    /// Hash: container id to what was said about whose it is and who shares it.
    pub fn ownership(&self) -> String {
        self.key("ownership")
    }

    /// Hash: container id to summary, of one dock.
    pub fn instances(&self, dock: &Fqdn) -> String {
        format!("{}{dock}", self.instances_prefix())
    }

    /// Hash: host name to a number that becomes another with each change to the instances of that dock, and to whose they
    /// are.
    pub fn revisions(&self) -> String {
        self.key("revisions")
    }

    /// Hash: id (of a volume: name) to record, of all of one kind that one dock has.
    pub fn resources(&self, kind: Resource, dock: &Fqdn) -> String {
        format!("{}{dock}", self.resources_prefix(kind))
    }

    /// Sorted set, all scores equal: ids and names of all instances, to be found by prefix.
    pub fn index(&self) -> String {
        self.key("index")
    }

    /// Sorted set: host name, scored by the instances that the dock runs and has been promised.
    pub fn load(&self) -> String {
        self.key("load")
    }

    /// Sorted set: requests whose instance is promised to a dock, scored by their deadline.
    pub fn promises(&self, dock: &Fqdn) -> String {
        format!("{}{dock}", self.promises_prefix())
    }

    /// What [`Self::promises`] begins with, for scripts that choose a dock.
    pub fn promises_prefix(&self) -> String {
        self.key("promises.")
    }

    /// Sorted set: requests that were given to another dock because this one was lost, scored by their deadline. If it
    /// made their instances all the same, those are too many.
    pub fn replaced(&self, dock: &Fqdn) -> String {
        format!("{}{dock}", self.replaced_prefix())
    }

    /// What [`Self::replaced`] begins with, for scripts that choose a dock.
    pub fn replaced_prefix(&self) -> String {
        self.key("replaced.")
    }

    /// String with a time to live: which worker looks after what nobody else does.
    pub fn watch(&self) -> String {
        self.key("watch")
    }

    /// Stream: what has happened that people should know.
    pub fn events(&self) -> String {
        self.key("events")
    }

    /// Stream: who asked for what, and how it ended.
    pub fn audit(&self) -> String {
        self.key("audit")
    }

    /// Hash: the last record of the audit, the last one that was trimmed, and places between them.
    pub fn audit_head(&self) -> String {
        self.key("audit.head")
    }

    /// Hash: what is counted instead of being recorded one by one.
    pub fn audit_counted(&self) -> String {
        self.key("audit.counted")
    }

    /// Hash: name to container template.
    pub fn templates(&self) -> String {
        self.key("templates")
    }

    /// Stream: requests that could not be handled, with the reason.
    pub fn dead(&self) -> String {
        self.key("dead")
    }

    /// Stream: messages for the auth manager, at one of its addresses.
    pub fn auth(&self, address: AuthAddress) -> String {
        format!("{}.auth.{}", self.namespace, address.as_str())
    }

    /// Hash: name to account.
    pub fn users(&self) -> String {
        self.key("auth.users")
    }

    /// Hash: what one user uses, by container id, or by `request/<id>` for a create that is under way.
    pub fn usage(&self, user: &str) -> String {
        format!("{}{user}", self.usage_prefix())
    }

    /// What [`Self::usage`] begins with, for scripts that find out who the user is.
    pub fn usage_prefix(&self) -> String {
        self.key("auth.usage.")
    }

    /// Hash with a time to live: the session whose id has this digest.
    pub fn session(&self, digest: &str) -> String {
        format!("{}{digest}", self.session_prefix())
    }

    /// Sorted set with a time to live: digests of one user's sessions, scored by when each was last used.
    pub fn user_sessions(&self, user: &str) -> String {
        format!("{}{user}", self.user_sessions_prefix())
    }

    /// What [`Self::user_sessions`] begins with, for scripts that find out who the user is.
    pub fn user_sessions_prefix(&self) -> String {
        self.key("auth.user-sessions.")
    }

    /// Hash: digest of an API token to its record.
    pub fn tokens(&self) -> String {
        self.key("auth.tokens")
    }

    /// Hash: digest of an API token to when it was last used, in milliseconds of Redis's clock.
    pub fn tokens_used(&self) -> String {
        self.key("auth.used")
    }

    /// String with a time to live: a login that was begun at an OpenID Connect provider, whose state has this digest.
    pub fn begun_login(&self, digest: &str) -> String {
        format!("{}.auth.oidc.{digest}", self.namespace)
    }

    /// String with a time to live: how many of them were begun lately.
    pub fn begun_logins(&self) -> String {
        self.key("auth.oidc")
    }

    /// String with a time to live: how many of them the address with this digest began lately.
    pub fn begun_logins_from(&self, digest: &str) -> String {
        format!("{}{digest}", self.begun_logins_from_prefix())
    }

    /// What [`Self::begun_logins_from`] begins with.
    pub fn begun_logins_from_prefix(&self) -> String {
        self.key("auth.begun.")
    }

    /// The failed logins of whom or what has this digest: a hash with a time to live. Or, of an account, a sorted set with
    /// a time to live: from where somebody logged in lately.
    pub fn throttle(&self, digest: &str) -> String {
        format!("{}{digest}", self.throttle_prefix())
    }

    /// What every key begins with.
    pub fn prefix(&self) -> String {
        self.key("")
    }

    /// What [`Self::reply`] begins with.
    pub fn reply_prefix(&self) -> String {
        self.key("reply.")
    }

    /// What [`Self::output`] begins with.
    pub fn output_prefix(&self) -> String {
        self.key("output.")
    }

    /// What [`Self::input`] begins with.
    pub fn input_prefix(&self) -> String {
        self.key("input.")
    }

    /// What [`Self::request`] begins with.
    pub fn request_prefix(&self) -> String {
        self.key("request.")
    }

    /// What [`Self::instances`] begins with.
    pub fn instances_prefix(&self) -> String {
        self.key("instances.")
    }

    /// What [`Self::resources`] begins with.
    pub fn resources_prefix(&self, kind: Resource) -> String {
        format!("{}.{}.", self.namespace, kind.as_str())
    }

    /// What [`Self::session`] begins with.
    pub fn session_prefix(&self) -> String {
        self.key("auth.session.")
    }

    /// What [`Self::throttle`] begins with.
    pub fn throttle_prefix(&self) -> String {
        self.key("auth.throttle.")
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.namespace)
    }
}
