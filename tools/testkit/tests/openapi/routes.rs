//! The routes that services have, and those that they describe.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use testkit::http::send;
use testkit::shared_servers::workspace;

use crate::description::{Description, Operation};
use crate::scene::{Scene, filled};

/// Where the routes are that every service has.
const SHARED: [&str; 2] = ["crates/http/src", "crates/web/src"];
/// Its paths have a port of their own, which is no interface of a service.
const ADMIN_LISTENER: &str = "crates/http/src/admin.rs";

/// The routes that a source file adds: `GET /menu`. `HEAD` goes with `GET`.
fn routes(source: &str) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    // Routes of tests are nobody's.
    let source = source.split("mod tests {").next().unwrap_or_default();
    let source: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    for (function, methods) in [("readable(", Some("GET")), ("postable(", Some("POST")), ("resource(", None)]
    {
        for after in source.split(function).skip(1) {
            let Some((path, rest)) =
                after.trim_start().strip_prefix('"').and_then(|text| text.split_once('"'))
            else {
                continue;
            };
            let listed = || rest.split_once("], \"").and_then(|(_, text)| text.split_once('"')).unwrap().0;
            let methods = methods.unwrap_or_else(listed);
            routes.extend(
                methods.split(", ").filter(|method| *method != "HEAD").map(|m| format!("{m} {path}")),
            );
        }
    }
    // Files of pages are no interface.
    routes.retain(|route| !route.contains(" /assets/"));
    routes
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn routes_of_service(name: &str) -> BTreeSet<String> {
    let own = format!("services/{name}/src");
    let folders = SHARED.into_iter().chain([own.as_str()]);
    let files = folders.flat_map(|folder| source_files(&workspace().join(folder)));
    let files = files.filter(|file| !file.ends_with(ADMIN_LISTENER));
    files.flat_map(|file| routes(&std::fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn routes_are_found_in_sources() {
    let source = r#"app.service(readable("/a", a)).service(resource(
            "/b/{id}",
            [web::get().to(b), web::head().to(b), web::put().to(b)],
            "GET, HEAD, PUT",
        )).service(postable("/c", c)).service(readable("/assets/{name}", d)); fn resource(path: &str)
        mod tests { readable("/d", d) }"#;
    assert_eq!(routes(source), ["GET /a", "GET /b/{id}", "POST /c", "PUT /b/{id}"].map(String::from).into());
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let scene = Scene::open().await;
    for (name, service) in scene.services() {
        let operations = Description::of(service).await.operations();
        let described: BTreeSet<String> = operations.iter().map(Operation::name).collect();
        let real = routes_of_service(name);
        let (lacking, invented): (Vec<_>, Vec<_>) =
            (real.difference(&described).collect(), described.difference(&real).collect());
        assert!(
            lacking.is_empty() && invented.is_empty(),
            "{name}: describe {lacking:?} (utoipa::path at the handler, and paths(…) of its openapi.rs); {invented:?} are no routes"
        );
    }
}

#[tokio::test]
async fn a_path_takes_the_methods_that_are_described_and_no_other() {
    let scene = Scene::open().await;
    for (name, service) in scene.services() {
        let operations = Description::of(service).await.operations();
        for operation in &operations {
            let path = filled(operation, "ORD_20261130_001");
            let answer = send(service.port(), "PATCH", &path, &[], b"").await;
            assert_eq!(answer.status, 405, "{name} {path}: {answer:?}");
            let allowed: BTreeSet<&str> = answer.header("allow").split(", ").collect();
            let same_path = operations.iter().filter(|other| other.path == operation.path);
            let mut described: BTreeSet<&str> = same_path.map(|other| other.method.as_str()).collect();
            if described.contains("GET") {
                described.insert("HEAD");
            }
            assert_eq!(allowed, described, "{name} {path}");
        }
    }
}
