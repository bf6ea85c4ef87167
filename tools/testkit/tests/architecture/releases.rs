//! No released program contains a failpoint (`runtime::failpoint`): neither one of an image, nor
//! one of `cargo build --release`.

use std::process::Command;

use domain::ServiceName;
use testkit::shared_servers::workspace;

use crate::dependencies::output;

/// The feature of `runtime` that tests enable.
const FEATURE: &str = "failpoints";

/// The packages of the programs that ship: the services, the operator's tool, the wrapper.
fn shipped() -> impl Iterator<Item = &'static str> {
    ServiceName::ALL.map(ServiceName::binary).into_iter().chain(["restaurant-ctl", "restaurant-system"])
}

/// Whether a build of these packages enables it. Cargo enables a feature for the whole build if one
/// package requires it.
fn has_failpoints(packages: &[&str]) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = output(
        Command::new(cargo)
            .current_dir(workspace())
            .args(["tree", "--locked", "--edges=no-dev", "--prefix=none", "--format={p} = {f}"])
            .args(packages),
    );
    let runtime = tree.lines().find(|line| line.starts_with("runtime v"));
    let (_, features) = runtime.and_then(|line| line.split_once(" = ")).expect("every build has it");
    features.split([',', ' ']).any(|feature| feature == FEATURE)
}

/// The arguments of `cargo build` in the Dockerfile.
fn build_of_the_images() -> Vec<String> {
    let dockerfile = std::fs::read_to_string(workspace().join("deploy/docker/Dockerfile")).unwrap();
    let (_, build) = dockerfile.split_once("cargo auditable build ").expect("the images are built by cargo");
    let (arguments, _) = build.split_once("&&").expect("programs are copied then");
    arguments.split_whitespace().filter(|word| *word != "\\").map(str::to_owned).collect()
}

#[test]
fn images_are_built_of_what_ships_by_name() {
    let by_name = shipped().flat_map(|package| ["--package", package]);
    let expected: Vec<&str> = ["--release", "--locked", "--offline"].into_iter().chain(by_name).collect();
    assert_eq!(build_of_the_images(), expected);
}

#[test]
fn nothing_that_ships_has_failpoints() {
    let by_name: Vec<&str> = shipped().flat_map(|package| ["--package", package]).collect();
    assert!(!has_failpoints(&by_name), "the images");
    assert!(!has_failpoints(&[]), "cargo build --release");
    assert!(!has_failpoints(&["--workspace", "--exclude", "testkit"]), "the tools of cargo xtask build");
}

#[test]
fn a_build_with_failpoints_would_be_seen() {
    assert!(has_failpoints(&["--workspace"]));
    assert!(has_failpoints(&["--package", "order-service", "--package", "testkit"]));
}
