//! The wire: requests, replies, records, error codes, names, keys and limits. Plain data, no I/O.

mod accounts;
pub mod audit;
mod auth;
mod failure;
mod keys;
pub mod limits;
mod lookalike;
pub mod masking;
mod names;
mod policy;
mod quota;
mod records;
mod reply;
mod request;
mod requester;
mod resources;
mod sessions;
mod stream;
pub mod text;
mod trace;
mod usage;

pub use accounts::{Account, AccountName, External, Role, Secret, Session, TokenRecord, check_password_length};
pub use audit::{AuditBounds, AuditEntry, AuditHead, AuditRecord, Chain, Link};
pub use auth::{
    AuthAddress, AuthAsk, AuthMessage, AuthReply, Credential, EndSessions, Granted, Origin, Question, SessionsAsk,
    Unreadable,
};
pub use failure::{ErrorCode, Failure};
pub use keys::{GROUP, HANDED_BACK, Keys};
pub use lookalike::looks_like;
pub use names::{ClientName, EntryId, Fqdn, InvalidName, ReplyTo, RequestId, looks_like_id, may_be_id, quoted};
pub use policy::{ANONYMOUS, Access, INSTANCES, Ownership, REST, Reach, Row, Subject};
pub use quota::{Exceeded, Limits, Measure, Quota, Usage};
pub use records::{
    DaemonState, DockFacts, DockRecord, DockState, Event, Labels, OwnerRecord, Port, Standing, Summary, label, millis,
    rfc3339,
};
pub use reply::{Answer, Body, Reply};
pub use request::{COMMON_FIELDS, Fields, Request, Undecodable, decode, read_timeout};
pub use requester::Requester;
pub use resources::{ImageRecord, NetworkRecord, Record, Resource, VolumeRecord};
pub use sessions::{SessionFacts, SessionOrigin, printable};
pub use stream::{Channel, Chunk, Input};
pub use trace::{TRACE_FIELDS, TraceContext, Traced};
pub use usage::{DockStats, HostUsage, Sample};
