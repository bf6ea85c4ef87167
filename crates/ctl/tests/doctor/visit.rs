//! A visit of the doctor.

use serde_json::Value;
use testkit::service::Ended;
use testkit::{Launch, Stage};

/// What a visit found.
pub struct Visit {
    pub ended: Ended,
    checks: Vec<Value>,
}

/// A doctor for a stage, who looks at no port.
pub fn doctor(stage: &Stage) -> Launch {
    Launch::new("restaurant-ctl", stage.environment())
        .arg("doctor")
        .arg("--json")
        .arg("--order-port=0")
        .arg("--tracking-port=0")
}

/// Lets the doctor look.
pub async fn visit(doctor: &Launch) -> Visit {
    let ended = doctor.run_to_end().await;
    let document: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let failed = document["checks"].as_array().unwrap().iter().any(|check| check["outcome"] == "fail");
    assert_eq!(ended.code, Some(i32::from(failed)), "{ended:?}");
    Visit { checks: document["checks"].as_array().unwrap().clone(), ended }
}

impl Visit {
    /// Names of the checks that came out otherwise than well, with how. The servers of the tests
    /// are not durable: that warning is always there, and left out.
    pub fn findings(&self) -> Vec<String> {
        let found = self.checks.iter().filter(|check| check["outcome"] != "ok");
        found
            .map(|check| {
                format!("{} {}", check["check"].as_str().unwrap(), check["outcome"].as_str().unwrap())
            })
            .filter(|finding| finding != "durability warn")
            .collect()
    }

    /// What a check says.
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

    /// That exactly this is found, in these words, with something to do.
    pub fn assert_only(&self, finding: &str, part: &str) {
        assert_eq!(self.findings(), [finding], "{:?}", self.ended);
        let name = finding.split(' ').next().unwrap();
        assert!(self.found(name).contains(part), "no '{part}': {:?}", self.ended);
        assert!(!self.check(name)["to_do"].as_str().unwrap_or_default().is_empty(), "{:?}", self.ended);
    }

    /// That exactly this is found, and that this is to be done about it.
    pub fn assert_to_do(&self, finding: &str, part: &str) {
        assert_eq!(self.findings(), [finding], "{:?}", self.ended);
        let to_do = &self.check(finding.split(' ').next().unwrap())["to_do"];
        assert!(to_do.as_str().unwrap().contains(part), "no '{part}': {:?}", self.ended);
    }
}
