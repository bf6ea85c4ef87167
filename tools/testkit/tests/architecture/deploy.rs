//! The files below `deploy/` know the same services as `domain::ServiceName`, by the same names,
//! images and ports. `deploy/check` looks deeper, and needs Python.

use std::collections::BTreeSet;
use std::fs;

use domain::ServiceName;
use testkit::shared_servers::workspace;

/// Images of ours that are no services: the operator's tool, and the one with everything in it.
const TOOL: &str = "restaurant-ctl";
const WRAPPER: &str = "restaurant-system";

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join("deploy").join(path)).unwrap()
}

/// The lines that begin so, without leading spaces and what they begin with.
fn lines_with<'a>(text: &'a str, start: &str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim_start().strip_prefix(start))
}

/// The first word of each.
fn names<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    lines
        .filter_map(|line| line.split([' ', ':', ',', '}']).find(|word| !word.is_empty()))
        .map(str::to_owned)
        .collect()
}

fn services_and(others: &[&'static str]) -> BTreeSet<String> {
    let services = ServiceName::ALL.into_iter().map(ServiceName::binary);
    services.chain(others.iter().copied()).map(str::to_owned).collect()
}

/// The ports of the part of a Dockerfile that builds this image.
fn exposed(dockerfile: &str, image: &str) -> Vec<String> {
    let (_, part) = dockerfile.split_once(&format!("FROM runtime AS {image}\n")).expect("a target");
    let part = part.split("\nFROM ").next().unwrap_or_default();
    lines_with(part, "EXPOSE ").flat_map(|ports| ports.split(' ').map(str::to_owned)).collect()
}

#[test]
fn every_service_has_an_image_with_its_port() {
    let dockerfile = read("docker/Dockerfile");
    assert_eq!(names(lines_with(&dockerfile, "FROM runtime AS ")), services_and(&[TOOL, WRAPPER]));
    for service in ServiceName::ALL {
        let port: Vec<String> = service.port().iter().map(ToString::to_string).collect();
        assert_eq!(exposed(&dockerfile, service.binary()), port, "{service}");
        let program = format!("ENTRYPOINT [\"/usr/local/bin/{service}\"]");
        assert!(dockerfile.contains(&program), "{program}");
    }
    let ports: Vec<String> =
        ServiceName::ALL.into_iter().filter_map(ServiceName::port).map(|port| port.to_string()).collect();
    assert_eq!(exposed(&dockerfile, WRAPPER), ports);
}

#[test]
fn compose_runs_every_service_on_its_port() {
    let compose = read("docker/compose.yaml");
    let images = names(lines_with(&compose, "image: localhost/restaurant/"));
    assert_eq!(images, services_and(&[TOOL]));
    for service in ServiceName::ALL {
        assert!(compose.contains(&format!("image: localhost/{}:", service.image())), "{service}");
        let Some(port) = service.port() else { continue };
        let variable = service.short_name().to_uppercase();
        let published = format!("\"127.0.0.1:${{{variable}_PORT:-{port}}}:{port}\"");
        assert!(compose.contains(&published), "{published}");
    }
}

#[test]
fn kubernetes_runs_every_service_on_its_port() {
    let base = read("kubernetes/base/kustomization.yaml");
    let ours = "- { name: registry.invalid/restaurant/";
    assert_eq!(names(lines_with(&base, ours)), services_and(&[TOOL]));
    assert_eq!(
        names(lines_with(&read("kubernetes/overlays/local/kustomization.yaml"), ours)),
        services_and(&[TOOL])
    );
    for service in ServiceName::ALL {
        assert!(lines_with(&base, "- ").any(|file| file == format!("{service}.yaml")), "{service}");
        let manifest = read(&format!("kubernetes/base/{service}.yaml"));
        let image = format!("image: registry.invalid/{}", service.image());
        assert!(lines_with(&manifest, &image).any(str::is_empty), "{image}");
        let http = match service.port() {
            Some(port) => vec![
                format!("args: [--port={port}]"),
                format!("- {{ name: http, containerPort: {port} }}"),
                format!("- {{ name: http, port: {port}, targetPort: http }}"),
            ],
            None => Vec::new(),
        };
        for line in &http {
            assert!(lines_with(&manifest, line).any(str::is_empty), "{service}: {line}");
        }
        assert_eq!(manifest.contains("name: http"), service.port().is_some(), "{service}");
    }
}

#[test]
fn images_switch_the_admin_listener_on_and_kubernetes_asks_it() {
    let dockerfile = read("docker/Dockerfile");
    assert!(lines_with(&dockerfile, "ENV ADMIN_PORT=9090 ADMIN_BIND=::").any(str::is_empty));
    for service in ServiceName::ALL {
        let manifest = read(&format!("kubernetes/base/{service}.yaml"));
        for line in [
            "- { name: admin, containerPort: 9090 }",
            "httpGet: { path: /livez, port: admin }",
            "httpGet: { path: /readyz, port: admin }",
        ] {
            assert!(lines_with(&manifest, line).any(str::is_empty), "{service}: {line}");
        }
    }
}

#[test]
fn a_service_that_is_missing_would_be_seen() {
    let dockerfile = "FROM runtime AS order-service\nEXPOSE 3000 3002\n\nFROM runtime AS waiter\n";
    let found = names(lines_with(dockerfile, "FROM runtime AS "));
    assert_eq!(found, ["order-service", "waiter"].map(str::to_owned).into());
    assert_ne!(found, services_and(&[]));
    assert_eq!(exposed(dockerfile, "order-service"), ["3000", "3002"]);
    assert_eq!(exposed(dockerfile, "waiter"), [""; 0]);
    let overlay = "  - { name: registry.invalid/restaurant/waiter, newName: x }\n";
    assert_eq!(
        names(lines_with(overlay, "- { name: registry.invalid/restaurant/")),
        ["waiter".to_owned()].into()
    );
}
