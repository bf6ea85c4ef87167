//! Runs the doctor, and asserts on its findings.

use serde_json::Value;
use testkit::service::Ended;
use testkit::{Launch, Stage};

/// The result of one run.
pub struct Visit {
    pub ended: Ended,
    checks: Vec<Value>,
}

/// A doctor for a stage that checks no port.
pub fn doctor(stage: &Stage) -> Launch {
    Launch::new("restaurant-ctl", stage.environment())
        .arg("doctor")
        .arg("--json")
        .arg("--order-port=0")
        .arg("--tracking-port=0")
}

/// Runs the doctor.
pub async fn visit(doctor: &Launch) -> Visit {
    let ended = doctor.run_to_end().await;
    let document: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let failed = document["checks"].as_array().unwrap().iter().any(|check| check["outcome"] == "fail");
    assert_eq!(ended.code, Some(i32::from(failed)), "{ended:?}");
    Visit { checks: document["checks"].as_array().unwrap().clone(), ended }
}

impl Visit {
    /// The names and outcomes of all checks that are not ok. The tests' servers are not durable, so
    /// that warning always occurs and is omitted.
    pub fn findings(&self) -> Vec<String> {
        let found = self.checks.iter().filter(|check| check["outcome"] != "ok");
        found
            .map(|check| {
                format!("{} {}", check["check"].as_str().unwrap(), check["outcome"].as_str().unwrap())
            })
            .filter(|finding| finding != "durability warn")
            .collect()
    }

    /// The finding of a check.
    pub fn found(&self, name: &str) -> String {
        self.check(name)["found"].as_str().unwrap().to_owned()
    }

    /// The examples of a check.
    pub fn examples(&self, name: &str) -> Vec<String> {
        let examples = self.check(name)["examples"].as_array().cloned().unwrap_or_default();
        examples.iter().map(|example| example.as_str().unwrap().to_owned()).collect()
    }

    pub fn check(&self, name: &str) -> &Value {
        let check = self.checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("no check {name}: {:?}", self.ended))
    }

    /// Asserts that this is the only finding, with these words and an advice.
    pub fn assert_only(&self, finding: &str, part: &str) {
        assert_eq!(self.findings(), [finding], "{:?}", self.ended);
        let name = finding.split(' ').next().unwrap();
        assert!(self.found(name).contains(part), "no '{part}': {:?}", self.ended);
        assert!(!self.check(name)["to_do"].as_str().unwrap_or_default().is_empty(), "{:?}", self.ended);
    }

    /// Asserts that this is the only finding, with this advice.
    pub fn assert_to_do(&self, finding: &str, part: &str) {
        assert_eq!(self.findings(), [finding], "{:?}", self.ended);
        let to_do = &self.check(finding.split(' ').next().unwrap())["to_do"];
        assert!(to_do.as_str().unwrap().contains(part), "no '{part}': {:?}", self.ended);
    }
}
