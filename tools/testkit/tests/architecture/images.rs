//! No manifest uses an image name that a third party could publish. Otherwise an operator who
//! forgets to set a registry would run a foreign program.

use std::fs;

use testkit::shared_servers::workspace;

/// Images of others: Docker's official ones.
const OFFICIAL: [&str; 2] = ["postgres:", "rabbitmq:"];
/// No registry can have this name (RFC 2606, section 2).
const NO_REGISTRY: &str = "registry.invalid/restaurant/";
/// Built on this machine, and never pulled.
const THIS_MACHINE: &str = "localhost/restaurant/";

/// The images of a manifest that are neither official nor below `ours`.
fn strange<'a>(manifest: &'a str, ours: &str) -> Vec<&'a str> {
    let images = manifest.lines().filter_map(|line| line.trim().strip_prefix("image: "));
    let is_known =
        |image: &str| image.starts_with(ours) || OFFICIAL.iter().any(|official| image.starts_with(official));
    images.filter(|image| !is_known(image)).collect()
}

#[test]
fn the_kubernetes_base_names_no_image_that_a_stranger_could_publish() {
    let base = workspace().join("deploy/kubernetes/base");
    let mut images = 0;
    for entry in fs::read_dir(base).unwrap() {
        let path = entry.unwrap().path();
        let manifest = fs::read_to_string(&path).unwrap();
        assert_eq!(strange(&manifest, NO_REGISTRY), [""; 0], "{}", path.display());
        images += manifest.matches(NO_REGISTRY).count();
    }
    assert!(images >= 5, "{images} images of ours");
}

#[test]
fn compose_builds_our_images_and_looks_none_up() {
    let compose = fs::read_to_string(workspace().join("deploy/docker/compose.yaml")).unwrap();
    assert_eq!(strange(&compose, THIS_MACHINE), [""; 0]);
    assert!(compose.contains("pull_policy: build"));
}

#[test]
fn a_strange_image_would_be_seen() {
    let manifest = "image: postgres:15\n  image: registry.invalid/restaurant/order-service\nimage: restaurant/order-service:0.1.0";
    assert_eq!(strange(manifest, NO_REGISTRY), ["restaurant/order-service:0.1.0"]);
}
