//! Which trace a request belongs to: `traceparent` and `tracestate`, as W3C Trace Context has them.
//!
//! What is not valid is as if it were not there: whoever traces a request must not break it.

use serde_json::{Map, Value};

use super::limits::{TRACE_PARENT_BYTES, TRACE_STATE_BYTES};

/// The names of the two, as fields of a request and as HTTP headers.
pub const TRACE_FIELDS: [&str; 2] = ["traceparent", "tracestate"];

/// The length of a `traceparent` of the version that there is; one of a later version may be longer.
const LENGTH: usize = 55;

/// A span, somewhere, that others may be below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// What the two say; none where `parent` is not valid. A `state` that is not valid is left out.
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let state = state.filter(|state| is_state(state)).map(str::to_owned);
        is_parent(parent).then(|| Self { parent: parent.to_owned(), state })
    }

    /// Puts both into a request that does not say itself which trace it belongs to.
    pub fn put(&self, request: &mut Map<String, Value>) {
        let [parent, state] = TRACE_FIELDS;
        if request.contains_key(parent) {
            return;
        }
        request.insert(parent.to_owned(), Value::from(self.parent.as_str()));
        if let Some(text) = self.state() {
            request.insert(state.to_owned(), Value::from(text));
        }
    }

    /// Takes both out of a request.
    pub(super) fn take(request: &mut Map<String, Value>) -> Option<Self> {
        let [parent, state] = TRACE_FIELDS.map(|name| request.remove(name));
        Self::read(parent.as_ref()?.as_str()?, state.as_ref().and_then(Value::as_str))
    }

    /// The `traceparent`.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The `tracestate`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[3..35]
    }

    /// The span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.parent[36..52]
    }

    /// Whether whoever made the span records it.
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.parent[53..LENGTH], 16).is_ok_and(|flags| flags & 1 == 1)
    }
}

/// Where a request stands in a trace, if it does.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// The span that its caller named.
    pub asked: Option<TraceContext>,
    /// The span of the worker that passed it on, or made it of another request.
    pub passed_on: Option<TraceContext>,
}

impl Traced {
    /// The span that those of a worker are below.
    pub fn parent(&self) -> Option<&TraceContext> {
        self.passed_on.as_ref().or(self.asked.as_ref())
    }
}

/// Section 3.2 of the specification: lower case, no id of zeros alone, and of a later version no less than of this one.
fn is_parent(text: &str) -> bool {
    let digits =
        |from: usize, to: usize| text.as_bytes()[from..to].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let something = |from: usize, to: usize| text.as_bytes()[from..to].iter().any(|byte| *byte != b'0');
    let dashes = || [2, 35, 52].iter().all(|at| text.as_bytes()[*at] == b'-');
    let ends = || text.len() == LENGTH || (!text.starts_with("00") && text.as_bytes()[LENGTH] == b'-');
    let ids = || digits(3, 35) && something(3, 35) && digits(36, 52) && something(36, 52);
    (LENGTH..=TRACE_PARENT_BYTES).contains(&text.len())
        && text.is_ascii()
        && dashes()
        && digits(0, 2)
        && !text.starts_with("ff")
        && ids()
        && digits(53, LENGTH)
        && ends()
}

/// As far as it matters to who only passes it on: printable, and not too long.
fn is_state(text: &str) -> bool {
    (1..=TRACE_STATE_BYTES).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_valid_parent_is_taken_apart_and_kept_as_it_came() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            let read = TraceContext::read(&text, Some("vendor=1")).expect(&text);
            assert_eq!((read.parent(), read.state()), (text.as_str(), Some("vendor=1")));
            assert_eq!((read.trace_id(), read.span_id(), read.is_sampled()), (TRACE, SPAN, sampled));
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        for text in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-more")] {
            assert!(TraceContext::read(&text, None).is_some_and(|read| read.is_sampled()), "{text}");
        }
    }

    #[test]
    fn what_is_not_valid_is_not_there() {
        let (zeros, upper) = ("0".repeat(32), TRACE.to_uppercase());
        for text in [
            String::new(),
            "nonsense".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0g-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0G"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "é".repeat(8)),
            format!("cc-{TRACE}-{SPAN}-01-{}", "x".repeat(TRACE_PARENT_BYTES)),
        ] {
            assert_eq!(TraceContext::read(&text, None), None, "{text:?}");
        }
    }

    #[test]
    fn a_state_that_is_not_valid_is_left_out_alone() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        for state in ["", "a=\u{e9}", "a=1\nb=2", &"x".repeat(TRACE_STATE_BYTES + 1)] {
            let read = TraceContext::read(&parent, Some(state)).expect("the parent is valid");
            assert_eq!(read.state(), None, "{state:?}");
        }
    }

    #[test]
    fn what_a_request_says_itself_counts() {
        let context = TraceContext::read(&format!("00-{TRACE}-{SPAN}-01"), Some("a=1")).unwrap();
        let mut request = Map::new();
        context.put(&mut request);
        assert_eq!((&request["traceparent"], &request["tracestate"]), (&context.parent().into(), &"a=1".into()));
        let mut own = Map::from_iter([("traceparent".to_owned(), Value::from("mine"))]);
        context.put(&mut own);
        assert_eq!(own.len(), 1);
        assert_eq!(TraceContext::take(&mut request), Some(context));
        assert!(request.is_empty());
        assert_eq!(TraceContext::take(&mut own), None);
        assert!(own.is_empty());
    }
}
