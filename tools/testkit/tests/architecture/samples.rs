//! What docs/operations.md shows of the programs' output names the schema's version as it is.

use testkit::shared_servers::workspace;

/// The versions of the migrations, in their order.
fn versions() -> Vec<u32> {
    let files = std::fs::read_dir(workspace().join("migrations")).expect("a folder");
    let mut versions: Vec<u32> = files
        .map(|file| {
            let name = file.expect("an entry").file_name().into_string().expect("a name in UTF-8");
            let version = name.strip_prefix('V').and_then(|name| name.split_once("__"));
            version.and_then(|(version, _)| version.parse().ok()).unwrap_or_else(|| panic!("{name}"))
        })
        .collect();
    versions.sort_unstable();
    versions
}

#[test]
fn the_documents_show_the_schema_as_it_is() {
    let operations = std::fs::read_to_string(workspace().join("docs/operations.md")).unwrap();
    let versions = versions();
    let last = versions.last().expect("a migration");
    let all = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    for sample in [
        format!("The schema is up to date now (applied: {all})."),
        format!("schema               version {last}, as this version needs it"),
    ] {
        assert!(operations.contains(&sample), "docs/operations.md does not show: {sample}");
    }
}
