//! What a call of the daemon's own API would do (Docker Engine API 1.41 to 1.51).

use crate::actions::Access;

/// What a call would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class<'a> {
    /// The right that it needs.
    pub access: Access,
    /// What it is about.
    pub about: About<'a>,
    /// What its body is, where that says how much is asked for.
    pub shape: Option<Shape>,
}

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// The instance that its path names so.
    Instance(&'a str),
    /// Instances, whoever owns them.
    AllInstances,
    /// Neither.
    Rest,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actions) enum Shape {
    /// What is to be run in an instance.
    Exec,
    /// New limits of an instance.
    Update,
}

/// What changes an instance, and is one `POST`.
const OPERATING: [&str; 9] = ["start", "stop", "restart", "kill", "pause", "unpause", "resize", "rename", "update"];

/// What a call does whose path has these parts, decoded and without the version; none where it could touch the host, or
/// an instance that the path does not name.
pub(super) fn class<'a>(method: &str, segments: &'a [String]) -> Option<Class<'a>> {
    use About::{AllInstances, Instance, Rest};
    use Access::{Delete, Exec, Operate, View};
    let parts: Vec<&'a str> = segments.iter().map(String::as_str).collect();
    let method = if method == "HEAD" { "GET" } else { method };
    let (access, about) = match (method, parts.as_slice()) {
        // The last two: who is on it; what runs where.
        ("GET", ["containers", "json"] | ["events"] | ["system", "df"] | ["networks", _] | ["exec", _, "json"]) => {
            (View, AllInstances)
        }
        // What somebody may have made of an instance, with its files and its environment.
        ("GET", ["images", "get"] | ["images", .., "get"]) => (Exec, AllInstances),
        (
            "GET",
            ["images", "json" | "search"]
            | ["images", _, .., "json" | "history"]
            | ["networks" | "volumes" | "version" | "info" | "_ping"]
            | ["volumes", _],
        ) => (View, Rest),
        ("GET", ["containers", id, "json" | "logs" | "stats" | "top" | "changes"])
        | ("POST", ["containers", id, "wait"]) => (View, Instance(id)),
        ("GET", ["containers", id, "archive" | "export"] | ["containers", id, "attach", "ws"])
        | ("POST", ["containers", id, "attach" | "exec"])
        | ("PUT", ["containers", id, "archive"]) => (Exec, Instance(id)),
        ("POST", ["containers", id, what]) if OPERATING.contains(what) => (Operate, Instance(id)),
        ("DELETE", ["containers", id]) => (Delete, Instance(id)),
        _ => return None,
    };
    let shape = match parts.as_slice() {
        ["containers", _, "exec"] => Some(Shape::Exec),
        ["containers", _, "update"] => Some(Shape::Update),
        _ => None,
    };
    Some(Class { access, about, shape })
}

#[cfg(test)]
mod tests {
    use super::About::{AllInstances, Instance, Rest};
    use super::*;
    use Access::{Delete, Exec, Operate, View};

    fn of(method: &str, path: &str) -> Option<(Access, String, Option<Shape>)> {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        class(method, &segments).map(|class| {
            let about = match class.about {
                Instance(id) => id.to_owned(),
                AllInstances => "*".to_owned(),
                Rest => "-".to_owned(),
            };
            (class.access, about, class.shape)
        })
    }

    #[test]
    fn every_call_of_the_api_that_is_about_one_instance_or_only_looks_has_its_right() {
        for (method, access, about, paths) in [
            ("GET", View, "web", "json logs stats top changes"),
            ("POST", View, "web", "wait"),
            ("POST", Operate, "web", "start stop restart kill pause unpause resize rename update"),
            ("POST", Exec, "web", "exec attach"),
            ("GET", Exec, "web", "archive export attach/ws"),
            ("PUT", Exec, "web", "archive"),
        ] {
            for path in paths.split(' ') {
                let found = of(method, &format!("containers/web/{path}")).unwrap_or_else(|| panic!("{path}"));
                assert_eq!((found.0, found.1.as_str()), (access, about), "{path}");
                let shape = match path {
                    "exec" => Some(Shape::Exec),
                    "update" => Some(Shape::Update),
                    _ => None,
                };
                assert_eq!(found.2, shape, "{path}");
            }
        }
        assert_eq!(of("DELETE", "containers/web"), Some((Delete, "web".to_owned(), None)));
        assert_eq!(of("HEAD", "containers/web/archive"), Some((Exec, "web".to_owned(), None)));
        for path in ["images/get", "images/a/get", "images/a/b/get"] {
            assert_eq!(of("GET", path), Some((Exec, "*".to_owned(), None)), "{path}");
        }
        for (about, paths) in [
            ("*", "containers/json events system/df networks/mine exec/e/json"),
            (
                "-",
                "images/json images/search images/a/json images/a/b/json images/a/history networks volumes volumes/v",
            ),
            ("-", "version info _ping"),
        ] {
            for path in paths.split(' ') {
                for method in ["GET", "HEAD"] {
                    assert_eq!(of(method, path), Some((View, about.to_owned(), None)), "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn whatever_else_there_is_has_none() {
        for (method, paths) in [
            ("POST", "containers/create containers/prune commit build build/prune session grpc auth images/create"),
            ("POST", "images/load images/prune images/a/push images/a/tag exec/e/start exec/e/resize networks/create"),
            ("POST", "networks/prune networks/n/connect networks/n/disconnect volumes/create volumes/prune"),
            ("POST", "swarm/init swarm/join swarm/leave swarm/update swarm/unlock nodes/n/update services/create"),
            ("POST", "services/s/update secrets/create secrets/s/update configs/create configs/c/update plugins/pull"),
            (
                "POST",
                "plugins/create plugins/p/enable plugins/p/disable plugins/p/upgrade plugins/p/push plugins/p/set",
            ),
            ("POST", "containers/web containers/web/start/now containers/web/checkpoints containers/web/copy"),
            (
                "GET",
                "distribution/a/json swarm swarm/unlockkey nodes nodes/n services services/s services/s/logs tasks",
            ),
            ("GET", "tasks/t tasks/t/logs secrets secrets/s configs configs/c plugins plugins/privileges"),
            ("GET", "plugins/p/json containers/web/checkpoints containers/web containers/a/b/json containers json"),
            ("GET", "images images/a containers/web/json/x v1.41 debug/pprof metrics containers/web/start"),
            ("PUT", "containers/web/start volumes/v containers/web archive"),
            ("DELETE", "images/a networks/n volumes/v nodes/n services/s secrets/s configs/c plugins/p"),
            ("DELETE", "containers/web/checkpoints/c containers"),
            ("PATCH", "containers/web/update"),
            ("get", "containers/web/json _ping"),
            ("Post", "containers/web/start"),
            ("", "_ping"),
        ] {
            for path in paths.split(' ') {
                assert_eq!(of(method, path), None, "{method} {path}");
            }
        }
    }
}
