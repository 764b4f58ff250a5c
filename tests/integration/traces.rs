//! Traces: a `traceparent` goes through to the reply, to the next worker and to the spans, and a collector that is away is
//! nobody's trouble.

use std::process::Command;

use serde_json::{Value, json};

use crate::collector::{Collector, Span};
use crate::processes::{Program, free_port};
use crate::support::{Bus, Scrub, deblox, unique, until};
use crate::web::Node;
use crate::witness::secret;

/// The span of a caller, in a trace of its own.
struct Caller {
    trace: String,
    id: &'static str,
}

impl Caller {
    fn new() -> Self {
        Self { trace: uuid::Uuid::new_v4().simple().to_string(), id: "00f067aa0ba902b7" }
    }

    /// What it names, with these flags.
    fn named(&self, flags: &str) -> String {
        format!("00-{}-{}-{flags}", self.trace, self.id)
    }

    fn sampled(&self) -> String {
        self.named("01")
    }

    /// Waits for the span of the worker that is directly below it.
    async fn followed(&self, collector: &Collector) -> Span {
        collector.span("below the caller", |span| span.trace == self.trace && span.parent == self.id).await
    }
}

/// A worker that exports to `collector`.
async fn worker(
    bus: &Bus,
    host: usize,
    dock: &str,
    collector: &Collector,
    change: impl FnOnce(&mut Command),
) -> Program {
    let mut command = bus.worker_command(host, dock);
    collector.takes_from(&mut command);
    change(&mut command);
    started(bus, dock, command).await
}

async fn started(bus: &Bus, dock: &str, command: Command) -> Program {
    let program = Program::start(command);
    program.says("worker is up").await;
    bus.until_dock(dock, |record| record["daemon"] == "up").await;
    program
}

/// Asserts that a reply names that span.
fn names(reply: &Value, span: &Span) {
    assert_eq!(reply["traceparent"], json!(span.context()), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_followed_from_its_caller_to_its_reply() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let (key, hidden) = (unique("key-of-the-collector"), unique("value-in-a-request"));
    let _worker = worker(&bus, 1, "a.test", &collector, |command| {
        command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("x-api-key={key}"));
        command.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    })
    .await;
    secret(&key);
    secret(&hidden);
    let (caller, name) = (Caller::new(), unique("traced"));
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "cmd": ["sleep", "600"], "start": true,
        "env": [format!("PASSWORD={hidden}")], "traceparent": caller.sampled(), "tracestate": "vendor=1"});
    let id = bus.send(&["json", &create.to_string()]).await;
    let reply = bus.reply(&id).await;
    assert_eq!(reply["statusCode"], 201, "{reply}");

    let span = caller.followed(&collector).await;
    names(&reply, &span);
    assert_eq!((span.name.as_str(), span.kind, span.status), ("create-container", 5, 0));
    for (attribute, value) in [
        ("messaging.system", "redis"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", &bus.key("docker")),
        ("deblox.action", "create-container"),
        ("deblox.dock", "a.test"),
        ("deblox.request_id", &id),
        ("deblox.status_code", "201"),
    ] {
        assert_eq!(span.get(attribute), value, "{attribute} of {span:#?}");
    }
    for (attribute, value) in [("service.name", "deblox-worker"), ("deployment.environment.name", "test")] {
        assert_eq!(span.resource[attribute], value, "{span:#?}");
    }
    assert_eq!(collector.header("x-api-key"), key);
    // It began when Redis got the request, and its parts follow each other in it.
    let sent: u64 = id.split('-').next().expect("an entry id").parse().expect("milliseconds");
    assert_eq!(span.times.0, sent * 1_000_000);
    let mut before = span.times.0;
    for part in ["queue", "execute", "reply"] {
        let part = collector.below(&span, part).await;
        assert!(before <= part.times.0 && part.times.0 <= part.times.1 && part.times.1 <= span.times.1, "{part:#?}");
        assert_eq!((part.kind, part.resource == span.resource), (1, true));
        before = part.times.1;
    }
    let all = format!("{:#?}", collector.spans());
    for unsaid in [&hidden, &key, &name, "PASSWORD", "busybox"] {
        assert!(!all.contains(unsaid), "{unsaid} is in {all}");
    }

    // Flat fields are the same; what only looks is followed too; the same id again has the first reply again.
    let caller = Caller::new();
    let flat = ["action", "ping", "requestId", "flat", "traceparent", &caller.sampled(), "tracestate", "vendor=1"];
    bus.send(&flat).await;
    let reply = bus.reply("flat").await;
    let span = caller.followed(&collector).await;
    names(&reply, &span);
    bus.send(&["action", "ping", "requestId", "flat"]).await;
    assert_eq!(bus.reply("flat").await, reply);

    // What streams does so below it, and the command is part of the trace that its environment names.
    let (caller, mut command) = (Caller::new(), deblox());
    command.env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace).env("TRACEPARENT", caller.sampled());
    let output = command.args(["exec", &name, "echo", "hello"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    let of_it = |span: &Span| span.trace == caller.trace && span.name == "exec-container";
    let span = collector.span("exec", |span| of_it(span) && span.get("deblox.status_code") == "200").await;
    collector.below(&span, "stream").await;

    // One that is part of no trace begins one, and its reply is as ever.
    bus.send(&["action", "ping", "requestId", "alone"]).await;
    let reply = bus.reply("alone").await;
    assert_eq!(reply.get("traceparent"), None, "{reply}");
    let span = collector.span("without a caller", |span| span.get("deblox.request_id") == "alone").await;
    assert_eq!(span.parent, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_passed_on_goes_on_in_its_trace() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let _one = worker(&bus, 1, "a.test", &collector, |_| {}).await;
    let _other = worker(&bus, 2, "b.test", &collector, |_| {}).await;
    let (caller, first_stream) = (Caller::new(), "docker.a.test");
    let info =
        json!({"action": "list-images", "dock": "b.test", "traceparent": caller.sampled(), "requestId": "named"});
    bus.send_to(first_stream, &["json", &info.to_string()]).await;
    let reply = bus.reply("named").await;
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(200), &json!("b.test")), "{reply}");
    let first = caller.followed(&collector).await;
    assert_eq!((first.get("deblox.dock"), first.get("deblox.passed_on_to")), ("a.test", "b.test"));
    assert_eq!(first.get("deblox.status_code"), "", "it was not answered there");
    let second = collector.below(&first, "list-images").await;
    assert_eq!((second.get("deblox.dock"), second.get("deblox.status_code")), ("b.test", "200"));
    assert_eq!(second.get("messaging.destination.name"), bus.key("docker.b.test"));
    names(&reply, &second);

    // The same where its caller has named no trace.
    let info = json!({"action": "list-images", "dock": "b.test", "requestId": "unnamed"});
    bus.send_to(first_stream, &["json", &info.to_string()]).await;
    let reply = bus.reply("unnamed").await;
    assert_eq!((&reply["dockerInstance"], reply.get("traceparent")), (&json!("b.test"), None), "{reply}");
    let of = |dock: &'static str| {
        move |span: &Span| span.get("deblox.request_id") == "unnamed" && span.get("deblox.dock") == dock
    };
    let (first, second) = (collector.span("here", of("a.test")).await, collector.span("there", of("b.test")).await);
    assert_eq!((&second.trace, &second.parent), (&first.trace, &first.id));

    // What is made of one request is below it.
    let (caller, name) = (Caller::new(), unique("several"));
    let several = json!({"action": "create-container", "image": "busybox", "name": name, "instances": 2,
        "traceparent": caller.sampled()});
    let _scrubs: Vec<Scrub> =
        [1, 2].iter().flat_map(|host| [1, 2].map(|n| Scrub::new(*host, &format!("{name}-{n}")))).collect();
    let reply = bus.call(several).await;
    assert_eq!(reply["statusCode"], 201, "{reply}");
    let whole = caller.followed(&collector).await;
    names(&reply, &whole);
    for part in reply["containers"].as_array().expect("a list") {
        let id = part["requestId"].as_str().expect("an id");
        let answered = |span: &Span| span.get("deblox.request_id") == id && !span.get("deblox.status_code").is_empty();
        let span = collector.span(id, answered).await;
        assert_eq!(span.trace, caller.trace);
        names(part, &span);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_by_http_is_followed_through_its_node() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let _worker = worker(&bus, 1, "a.test", &collector, |_| {}).await;
    let node = Node::with(&bus.url, &bus.namespace, |command| collector.takes_from(command)).await;
    for (target, name, body) in [
        ("POST /", "POST /", r#"{"action":"ping"}"#),
        ("POST /api/v1/actions/ping", "POST /api/v1/actions/{action}", "{}"),
    ] {
        let json = "Content-Type: application/json";
        let caller = Caller::new();
        let (status, reply) = node.send(target, &format!("{json}\r\ntraceparent: {}", caller.sampled()), body).await;
        assert_eq!(status, 200, "{reply}");
        let call = caller.followed(&collector).await;
        assert_eq!((call.name.as_str(), call.kind, call.resource["service.name"].as_str()), (name, 2, "deblox-web"));
        assert_eq!((call.get("http.request.method"), call.get("http.response.status_code")), ("POST", "200"));
        let done = collector.below(&call, "ping").await;
        assert_eq!((done.kind, done.resource["service.name"].as_str()), (5, "deblox-worker"));
        names(&reply, &done);
    }
    // One that is part of no trace begins one.
    let (_, reply) = node.send("POST /", "", r#"{"action":"ping","requestId":"by-http"}"#).await;
    let done = collector.span("by-http", |span| span.get("deblox.request_id") == "by-http").await;
    let call = collector.span("above it", |span| span.id == done.parent).await;
    assert_eq!((call.name.as_str(), call.parent.as_str()), ("POST /", ""));
    names(&reply, &done);
    // Neither probes nor the UI are calls.
    for target in ["GET /healthz", "GET /readyz", "GET /", "GET /auth/me"] {
        node.ask(target, "", "").await;
    }
    collector.span("who is it", |span| span.name == "GET /auth/me").await;
    let others: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    assert!(!others.iter().any(|name| name.contains("healthz") || name.contains("readyz")), "{others:?}");
    assert!(!others.iter().any(|name| name == "GET /"), "{others:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_told_by_its_code() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let _worker = worker(&bus, 1, "a.test", &collector, |_| {}).await;
    for (request, name, error, status, fault) in [
        (json!({"action": "inspect-container", "id": "nobody"}), "inspect-container", "no-such-instance", "404", 0),
        (json!({"action": "ping", "nonsense": 1}), "refused", "unknown-field", "400", 0),
        (json!({"action": "dance"}), "refused", "unknown-action", "404", 0),
        (
            json!({"action": "create-container", "image": "busybox", "dock-labels": {"nobody": "has"}}),
            "create-container",
            "no-dock",
            "503",
            2,
        ),
    ] {
        let (caller, mut request) = (Caller::new(), request);
        request["traceparent"] = json!(caller.sampled());
        let reply = bus.call(request).await;
        assert_eq!(reply["error"], error, "{reply}");
        let span = caller.followed(&collector).await;
        names(&reply, &span);
        let told = (span.name.as_str(), span.get("error.type"), span.get("deblox.status_code"), span.status);
        assert_eq!(told, (name, error, status, fault));
    }
    // What nobody takes is answered by a worker that looks after it.
    let (caller, id) = (Caller::new(), "for-nobody");
    let ping = ["action", "ping", "timeout", "100", "requestId", id, "traceparent", &caller.sampled()];
    bus.send_to("docker.nobody.test", &ping).await;
    let reply = bus.reply(id).await;
    assert_eq!(reply["error"], "unknown-dock", "{reply}");
    let span = caller.followed(&collector).await;
    names(&reply, &span);
    assert_eq!((span.name.as_str(), span.get("error.type")), ("ping", "unknown-dock"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_exported_and_what_is_not_valid_begins_a_trace() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let _worker = worker(&bus, 1, "a.test", &collector, |_| {}).await;
    let unsampled = Caller::new();
    let reply = bus.call(json!({"action": "ping", "traceparent": unsampled.named("00")})).await;
    assert_eq!(reply["traceparent"], json!(unsampled.named("00")), "{reply}");
    for (id, named) in [("one", "nonsense".to_owned()), ("two", format!("00-{}-{}-01", "0".repeat(32), unsampled.id))] {
        let reply = bus.call(json!({"action": "ping", "traceparent": named, "requestId": id})).await;
        assert_eq!((&reply["statusCode"], reply.get("traceparent")), (&json!(200), None), "{reply}");
        let span = collector.span(id, |span| span.get("deblox.request_id") == id).await;
        assert_eq!(span.parent, "");
    }
    // Those came later, and are here.
    assert!(collector.spans().iter().all(|span| span.trace != unsampled.trace), "{:#?}", collector.spans());

    // The sampler of the environment is asked where the caller has not decided; and none at all where that says so.
    let off = |command: &mut Command| {
        command.env("OTEL_TRACES_SAMPLER", "parentbased_always_off").env("OTEL_SERVICE_NAME", "another");
    };
    let _quiet = worker(&bus, 2, "b.test", &collector, off).await;
    let caller = Caller::new();
    bus.call_dock("b.test", json!({"action": "ping", "requestId": "quiet"})).await;
    bus.call_dock("b.test", json!({"action": "ping", "traceparent": caller.sampled()})).await;
    assert_eq!(caller.followed(&collector).await.resource["service.name"], "another");
    assert!(collector.spans().iter().all(|span| span.get("deblox.request_id") != "quiet"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_what_a_caller_names_comes_back_as_it_was() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let caller = Caller::new();
    let named = caller.sampled();
    // Its time is up before there is a worker.
    let late = json!({"action": "list-images", "timeout": 1, "traceparent": named, "requestId": "late"});
    bus.send(&["json", &late.to_string()]).await;
    let mut disabled = bus.worker_command(1, "a.test");
    collector.takes_from(&mut disabled);
    disabled.env("OTEL_SDK_DISABLED", "true");
    let _disabled = started(&bus, "a.test", disabled).await;
    let _plain = bus.program(2, "b.test").await;
    let reply = bus.reply("late").await;
    assert_eq!((&reply["error"], &reply["traceparent"]), (&json!("expired"), &json!(named)), "{reply}");
    for request in [
        json!({"action": "ping"}),
        json!({"action": "ping", "nonsense": 1}),
        json!({"action": "inspect-container", "id": "nobody"}),
        json!({"action": "list-images", "dock": "a.test"}),
        json!({"action": "list-images", "dock": "b.test"}),
    ] {
        for dock in ["a.test", "b.test"] {
            let reply = bus.call_dock(dock, request.clone()).await;
            assert_eq!(reply.get("traceparent"), None, "{reply}");
            let mut request = request.clone();
            request["traceparent"] = json!(named);
            let reply = bus.call_dock(dock, request).await;
            assert_eq!(reply["traceparent"], json!(named), "{reply}");
        }
    }

    // By HTTP, and by the command, whose environment says which trace it is part of.
    let node = Node::start(&bus).await;
    let ping = r#"{"action":"ping"}"#;
    let (_, reply) = node.send("POST /", &format!("TraceParent: {named}"), ping).await;
    assert_eq!(reply["traceparent"], json!(named), "{reply}");
    let (_, reply) = node.send("POST /", "traceparent: nonsense", ping).await;
    assert_eq!(reply.get("traceparent"), None, "{reply}");
    let own = json!({"action": "ping", "traceparent": caller.named("00")}).to_string();
    let (_, reply) = node.send("POST /", &format!("traceparent: {named}"), &own).await;
    assert_eq!(reply["traceparent"], json!(caller.named("00")), "what the request says itself counts: {reply}");
    for (variable, told) in [(named.as_str(), Some(json!(named))), ("nonsense", None)] {
        let mut command = deblox();
        command.env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace).env("TRACEPARENT", variable);
        let output = command.args(["call", ping]).output().expect("it runs");
        let reply: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(reply.get("traceparent"), told.as_ref(), "{reply}");
    }
    assert!(collector.spans().is_empty(), "{:#?}", collector.spans());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_or_is_away_costs_the_worker_nothing() {
    let hangs = Collector::that_hangs().await;
    for endpoint in [hangs.endpoint.clone(), format!("http://127.0.0.1:{}", free_port())] {
        let bus = Bus::new().await;
        let mut command = bus.worker_command(1, "a.test");
        hangs.takes_from(&mut command);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_EXPORTER_OTLP_TIMEOUT", "100");
        // What is more than that is lost.
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", "4").env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2");
        let mut worker = started(&bus, "a.test", command).await;
        let caller = Caller::new();
        for round in 0..50 {
            let request = json!({"action": "ping", "traceparent": caller.sampled()});
            let reply = bus.call(request).await;
            assert_eq!(reply["statusCode"], 200, "round {round}: {reply}");
            assert!(reply["traceparent"].as_str().expect("text").contains(&caller.trace), "{reply}");
        }
        worker.says("the collector takes no spans").await;
        bus.call(json!({"action": "list-images"})).await;
        worker.signal("TERM");
        assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.errors());
        let said = worker.errors().matches("the collector takes no spans").count();
        assert_eq!(said, 1, "{}", worker.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_that_are_left_are_exported_at_the_end() {
    let (bus, collector) = (Bus::new().await, Collector::start().await);
    let slowly = |command: &mut Command| {
        command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    };
    let mut worker = worker(&bus, 1, "a.test", &collector, slowly).await;
    let caller = Caller::new();
    bus.call(json!({"action": "ping", "traceparent": caller.sampled()})).await;
    assert!(collector.spans().is_empty(), "an hour has not passed");
    worker.signal("TERM");
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.errors());
    caller.followed(&collector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_is_reached_by_tls_and_what_cannot_be_used_is_told() {
    let (bus, collector) = (Bus::new().await, Collector::with_tls().await);
    let trusts = worker(&bus, 1, "a.test", &collector, |_| {}).await;
    let caller = Caller::new();
    bus.call_dock("a.test", json!({"action": "ping", "traceparent": caller.sampled()})).await;
    caller.followed(&collector).await;
    assert!(!trusts.errors().contains("takes no spans"), "{}", trusts.errors());

    let mistrusts = worker(&bus, 2, "b.test", &collector, |command| {
        command.env_remove("SSL_CERT_FILE");
    })
    .await;
    bus.call_dock("b.test", json!({"action": "ping"})).await;
    mistrusts.says("UnknownIssuer").await;

    for (variable, value, told) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "the protocol `grpc` is not spoken here"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///collector.sock", "is no address of a collector"),
    ] {
        let dock = format!("{}.test", unique("told"));
        let told_of = worker(&bus, 1, &dock, &collector, |command| {
            command.env(variable, value);
        })
        .await;
        until(told, async || told_of.errors().contains(told).then_some(())).await;
        let named = caller.sampled();
        let reply = bus.call_dock(&dock, json!({"action": "ping", "traceparent": named})).await;
        assert_eq!(reply["traceparent"], json!(named), "{reply}");
    }
}
