//! `GET /api/v1/openapi.json`: the API as OpenAPI 3.1 describes it, made from the code: handlers and structs by `utoipa`, the
//! actions from their table.

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{
    BASE, accounts, actions, docks, happenings, instances, lists, live, logs, problem, requests, session, streams,
};
use crate::actions::{GROUPS, Streams, field_schemas};

#[derive(OpenApi)]
#[openapi(
    info(title = "deblox", description = "Every container of every host, by HTTP. Errors are problems (RFC 9457)."),
    paths(
        session::node, session::log_in, session::log_out, session::whose,
        docks::list, instances::list, instances::one,
        requests::list, requests::one, happenings::list,
        lists::images, lists::networks, lists::volumes, lists::templates, live::stream,
        streams::open, logs::search, accounts::users::list, accounts::users::add, accounts::users::change, accounts::users::remove,
        accounts::tokens::list, accounts::tokens::add, accounts::tokens::revoke, accounts::password::change,
        accounts::sessions::list, accounts::sessions::end, accounts::sessions::end_others,
    ),
    components(schemas(
        problem::Problem, actions::Accepted, live::Hello, live::Beats, live::DockChanges, live::InstanceChanges,
        happenings::ClusterEvent, requests::RequestStatus,
    )),
    tags(
        (name = "session", description = "Who serves, and who asks"),
        (name = "docks", description = "Hosts with a Docker daemon"),
        (name = "instances", description = "Containers"),
        (name = "actions", description = "What can be done: the requests of the bus"),
        (name = "requests", description = "What was asked, and how it stands"),
        (name = "events", description = "What has happened"),
        (name = "records", description = "Images, networks, volumes and templates"),
        (name = "accounts", description = "Users, tokens, passwords and sessions"),
        (name = "live", description = "What changes, as it changes"),
    ),
)]
struct Api;

/// The document.
pub(super) fn document() -> Value {
    let mut api = serde_json::to_value(Api::openapi()).expect("a description becomes JSON");
    api["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    api["info"]["license"] = json!({"name": "Apache-2.0", "identifier": "Apache-2.0"});
    api["servers"] = json!([{"url": BASE}]);
    api["components"]["securitySchemes"] = json!({
        "session": {"type": "apiKey", "in": "cookie", "name": "deblox_session",
            "description": "where browsers come by TLS its name is __Host-deblox_session"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "an API token, or a session"},
    });
    api["security"] = json!([{"session": []}, {"bearer": []}, {}]);
    for (group, action) in GROUPS.iter().flat_map(|(group, actions)| actions.iter().map(move |action| (group, action)))
    {
        api["paths"][format!("/actions/{}", action.name)] = json!({"post": {
            "tags": ["actions"],
            "summary": action.about,
            "description": format!("{group}: {} (right: {})", action.about, action.access.as_str()),
            "operationId": action.name.replace('-', "_"),
            "parameters": [
                {"name": "Prefer", "in": "header", "schema": {"const": "respond-async"},
                    "description": "answer with 202 at once; /requests/{id} tells how it ended"},
                {"name": "traceparent", "in": "header", "schema": {"type": "string"},
                    "description": "the trace that the request belongs to (W3C Trace Context)"},
            ],
            "requestBody": {"required": true, "content": {"application/json": {"schema": field_schemas(action)}}},
            "responses": if action.streams == Streams::Always { json!({
                "default": {"description": "it streams: open it on /streams", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
            }) } else { json!({
                "200": {"description": "the reply, as on the bus", "content": {"application/json": {"schema": {"type": "object"}}}},
                "202": {"description": "it was taken", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}}},
                "default": {"description": "it was not done", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
            }) },
        }});
    }
    api
}

/// The document as it is served.
pub(super) async fn serve() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.get_or_init(|| document().to_string()).as_str()).into_response()
}
