//! `create-container` and `create-raw-container` with `instances`: one request for each, on one dock after the other.
//!
//! Each is a request of its own on the bus. Its id is made of this one's and of what is random and kept with this one: a
//! worker that takes this one over from one that is lost creates nothing twice, and nobody can use such an id beforehand.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{Context, Outcome};
use crate::bus::{Call, CallError, Envelope, Placement, Purpose, persist};
use crate::protocol::{Answer, ErrorCode, Failure, Fqdn, Reply, RequestId, millis};

/// Creates that are under way at the same time.
const AT_ONCE: usize = 64;

/// How much earlier than this request's time that of its parts is up, so that what became of them can be told; less
/// where there is not much time at all.
const MARGIN: Duration = Duration::from_secs(2);

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = context.arguments.whole("instances").unwrap_or(1);
    let count = usize::try_from(wanted).unwrap_or(usize::MAX);
    let parts = Parts::new(context, count).await?;
    let replies = match context.asked {
        Some(dock) => parts.create((1..=count).map(|number| (number, Some(dock.clone()))).collect()).await,
        None => {
            let docks = parts.fitting(count).await?;
            if docks.is_empty() {
                return Err(Failure::no_dock());
            }
            let rest = (docks.len() + 1..=count).map(|number| (number, None)).collect();
            let mut replies = parts.create((1..).zip(docks.into_iter().map(Some)).collect()).await;
            // Only now, so that what the first ones weigh is known.
            replies.extend(parts.create(rest).await);
            replies
        }
    };
    let failure = judge(&replies);
    Ok(Outcome::Several(replies.into_iter().map(|part| part.json).collect(), failure))
}

/// What all parts have in common.
struct Parts<'a> {
    context: &'a Context<'a>,
    request: Map<String, Value>,
    /// What the id of each ends with, one after the other.
    secrets: String,
    deadline: u64,
}

/// The length of what the id of a part ends with.
const SECRET: usize = 32;

/// What became of one of them.
struct Part {
    json: Box<RawValue>,
    head: Head,
}

#[derive(Default, Deserialize)]
struct Head {
    #[serde(rename = "statusCode")]
    status: u16,
    error: Option<String>,
    message: Option<String>,
}

impl<'a> Parts<'a> {
    async fn new(context: &'a Context<'a>, count: usize) -> Result<Self, Failure> {
        let mut request: Map<String, Value> = serde_json::from_str(&context.request.json)
            .map_err(|e| Failure::new(ErrorCode::Internal, format!("the request cannot be read again: {e}")))?;
        for field in ["instances", "requestId", "dock"] {
            request.remove(field);
        }
        let margin = MARGIN.min(context.until.saturating_duration_since(Instant::now()) / 5);
        let deadline = context.deadline.saturating_sub(millis(margin));
        let secrets: String = (0..count).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
        let secrets = persist(|| context.bus.keep_parts(&context.request.id, &secrets)).await?;
        Ok(Self { context, request, secrets, deadline })
    }

    /// Docks for the first so many.
    async fn fitting(&self, count: usize) -> Result<Vec<Fqdn>, Failure> {
        let labels = self.context.arguments.pairs("dock-labels");
        let request = &self.context.request.id;
        let placement = Placement {
            request,
            deadline: self.deadline,
            purpose: Purpose::Create,
            dock: None,
            labels: &labels,
            by: "",
            replace: false,
        };
        Ok(persist(|| self.context.bus.fitting(&placement, count)).await?)
    }

    /// Creates those with these numbers, on that dock each or where it fits best. The results are in the same order.
    async fn create(&self, numbers: Vec<(usize, Option<Fqdn>)>) -> Vec<Part> {
        let creates = numbers.into_iter().map(|(number, dock)| self.one(number, dock));
        stream::iter(creates).buffered(AT_ONCE).collect().await
    }

    async fn one(&self, number: usize, dock: Option<Fqdn>) -> Part {
        let mut request = self.request.clone();
        request.extend(dock.iter().map(|dock| ("dock".to_owned(), Value::from(dock.as_str()))));
        request.extend(
            self.context
                .arguments
                .text("name")
                .map(|name| ("name".to_owned(), Value::from(format!("{name}-{number}")))),
        );
        let secret = self.secrets.get((number - 1) * SECRET..number * SECRET).unwrap_or_default();
        let (id, json) = (self.context.request.id.part(number, secret), Value::Object(request).to_string());
        let call = Call {
            id: &id,
            dock: dock.as_ref(),
            json: &json,
            silent: false,
            wait: self.context.until.saturating_duration_since(Instant::now()),
            reply_to: None,
            envelope: Envelope {
                once: false,
                deadline: Some(self.deadline),
                flat: self.context.request.flat,
                trace: self.context.trace,
            },
        };
        let reply = match self.context.bus.call(&call).await {
            Ok(reply) => reply.unwrap_or_default(),
            Err(error) => self.lost(&id, &error),
        };
        let head = serde_json::from_str(&reply).unwrap_or_default();
        let json = RawValue::from_string(reply).unwrap_or_else(|_| to_raw_value("").expect("a text serialises"));
        Part { json, head }
    }

    /// What is said where there is no reply.
    fn lost(&self, id: &RequestId, error: &CallError) -> String {
        let message = format!("{error}: whether it was created is not known");
        let failure = Failure::new(ErrorCode::Timeout, message);
        Reply::failure(id.clone(), self.context.dock.clone(), failure).to_json()
    }
}

/// What is wrong with the whole, if anything is.
fn judge(parts: &[Part]) -> Option<Failure> {
    let failed = |part: &&Part| part.head.error.is_some() || part.head.status == 0;
    let first = parts.iter().find(failed)?;
    let (total, bad) = (parts.len(), parts.iter().filter(failed).count());
    let why = first.head.message.as_deref().unwrap_or("no readable reply");
    let message = if bad == total {
        format!("none of the {total} could be created: {why}")
    } else {
        format!("{} of {total} were created, see `containers`; the first that was not: {why}", total - bad)
    };
    let mut failure = Failure::new(ErrorCode::Incomplete, message);
    if bad == total {
        let status = if first.head.status == 0 { ErrorCode::Internal.status() } else { first.head.status };
        failure.answer = Some(Box::new(Answer::empty(status)));
    }
    Some(failure)
}
