//! What can go wrong with a request, as the caller is told.

use serde::Serialize;

use super::limits::MESSAGE_BYTES;
use super::{Answer, Fqdn};

macro_rules! error_codes {
    ($($(#[doc = $about:literal])+ $variant:ident = $code:literal, $status:literal;)+) => {
        /// The stable names of errors, in the `error` field of a reply.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[doc = $about])+ $variant,)+
        }

        impl ErrorCode {
            /// All codes, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The status that HTTP has for it; a daemon's own answer keeps the daemon's.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// One sentence on when it occurs.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),+).trim_ascii(),)+ }
            }
        }
    };
}

error_codes! {
    /// The payload is not JSON, or a stream field is not UTF-8.
    BadJson = "bad-json", 400;
    /// The payload is JSON, but not an object.
    NotAnObject = "not-an-object", 400;
    /// The request is larger than 1 MiB.
    PayloadTooLarge = "payload-too-large", 413;
    /// There is no `action`, neither in the object nor as a stream field.
    MissingAction = "missing-action", 400;
    /// No action has that name; the nearest one is named.
    UnknownAction = "unknown-action", 404;
    /// The `requestId` has a character outside its alphabet or is too long.
    BadRequestId = "bad-request-id", 400;
    /// The action has no such field; the nearest one is named.
    UnknownField = "unknown-field", 400;
    /// A field has a value of the wrong type or form.
    BadField = "bad-field", 400;
    /// A field that the action needs is not there.
    MissingField = "missing-field", 400;
    /// By HTTP: nothing is at that path, or not with that method.
    NotFound = "not-found", 404;
    /// Workers ask who it is, and neither a session nor a token says so that counts.
    Unauthenticated = "unauthenticated", 401;
    /// Who asks may not do that; which right is missing is said, and whose the instance is. By HTTP: a page in a browser asked,
    /// which may be anybody's.
    Forbidden = "forbidden", 403;
    /// The owner's quota does not allow it; how much is used, asked for and allowed is in the body. Nothing was done.
    QuotaExceeded = "quota-exceeded", 403;
    /// By HTTP: Redis cannot be reached; whether the request was sent is not known.
    BusDown = "bus-down", 503;
    /// No dock has that name.
    UnknownDock = "unknown-dock", 404;
    /// The dock has stopped sending heartbeats; when it was last seen is said.
    DockLost = "dock-lost", 503;
    /// The dock was taken out of the pool.
    DockUnregistered = "dock-unregistered", 409;
    /// The dock takes no new instances.
    DockDrained = "dock-drained", 409;
    /// No live dock fits what the request asks for.
    NoDock = "no-dock", 503;
    /// No instance has that id or name, or none that the caller may view.
    NoSuchInstance = "no-such-instance", 404;
    /// Several instances fit; they are listed in the body.
    AmbiguousInstance = "ambiguous-instance", 409;
    /// The dock does not have that image.
    NoSuchImage = "no-such-image", 404;
    /// The image could not be fetched.
    PullFailed = "pull-failed", 502;
    /// The image could not be built.
    BuildFailed = "build-failed", 502;
    /// The image could not be sent to its registry.
    PushFailed = "push-failed", 502;
    /// No template has that name.
    NoSuchTemplate = "no-such-template", 404;
    /// The call has no single answer but a stream: ask for it with `stream`.
    Streams = "streams", 501;
    /// Not all of the instances were created; each reply says what happened. If none was, the status is another.
    Incomplete = "incomplete", 207;
    /// A name or a port is in use, or the instance's state does not allow it.
    Conflict = "conflict", 409;
    /// Somebody else has used the `requestId`; nothing was done, and nothing of the other request is told.
    RequestIdTaken = "request-id-taken", 409;
    /// Too many replies are stored for the user who asks; whether the request was done is said, its answer is not kept.
    RepliesFull = "replies-full", 429;
    /// The new instance did not become healthy; the old one is back as it was.
    Unhealthy = "unhealthy", 502;
    /// The daemon refused the request; its answer is passed on.
    DockerError = "docker-error", 502;
    /// The daemon cannot be reached, or did not answer in time; nothing was asked of it.
    DaemonDown = "daemon-down", 503;
    /// The daemon's answer is larger than 8 MiB.
    AnswerTooLarge = "answer-too-large", 502;
    /// The time was up while the request ran; whether it took effect is not known.
    Timeout = "timeout", 504;
    /// Its worker or its daemon was lost while it ran; whether it took effect is not known.
    Interrupted = "interrupted", 504;
    /// The reader of a stream has said nothing for 15 s; the stream has ended.
    ReaderGone = "reader-gone", 408;
    /// The reader of a stream wanted no more of it.
    Cancelled = "cancelled", 499;
    /// The time was up before the request began; it was not executed.
    Expired = "expired", 408;
    /// Too many requests wait for that dock, in that worker, or at that HTTP node.
    Busy = "busy", 429;
    /// The request was taken up several times and each time its worker was lost.
    Poison = "poison", 500;
    /// A fault in deblox itself.
    Internal = "internal", 500;
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a request failed: a code for programs, a sentence for people, and what there is to show.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Failure {
    /// The stable name.
    pub code: ErrorCode,
    /// What happened and what to do about it.
    pub message: String,
    /// The daemon's answer, where it gave one; or what else there is to show in the body.
    pub answer: Option<Box<Answer>>,
}

impl Failure {
    /// A failure of which only code and sentence are known; of a sentence longer than [`MESSAGE_BYTES`] the beginning.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        if message.len() > MESSAGE_BYTES {
            let end = (0..=MESSAGE_BYTES).rfind(|at| message.is_char_boundary(*at)).unwrap_or_default();
            message.truncate(end);
            message.push_str(" …");
        }
        Self { code, message, answer: None }
    }

    /// Nothing has `reference` as its id or name.
    pub fn no_such_instance(reference: &str) -> Self {
        Self::new(ErrorCode::NoSuchInstance, format!("no instance has the id or name `{reference}`"))
    }

    /// Nobody knows `dock`.
    pub fn unknown_dock(dock: &Fqdn) -> Self {
        Self::new(ErrorCode::UnknownDock, format!("no dock is called `{dock}`: `list-docks` shows those that are"))
    }

    /// Nothing fits what a create asks for.
    pub fn no_dock() -> Self {
        let message = "no live dock fits: none is registered, not drained, with its daemon up and the labels asked for; \
                       `list-docks` shows them";
        Self::new(ErrorCode::NoDock, message)
    }

    /// `dock` was taken out of the pool.
    pub fn dock_unregistered(dock: &Fqdn) -> Self {
        Self::new(ErrorCode::DockUnregistered, format!("the dock `{dock}` is unregistered: `register` brings it back"))
    }

    /// The status of the reply: the daemon's own, where it answered.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or_else(|| self.code.status(), |answer| answer.status)
    }

    /// Adds facts for the body of the reply.
    #[must_use]
    pub fn with_details(mut self, details: &impl Serialize) -> Self {
        self.answer = Some(Box::new(Answer { status: self.code.status(), ..Answer::json(details) }));
        self
    }
}
