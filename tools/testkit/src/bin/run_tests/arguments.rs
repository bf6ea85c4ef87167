//! The command line: options of `cargo test`, names of tests, and options of the test programs
//! after `--`.

/// Options of `cargo test` whose value is the next argument, and so not the name of a test.
const WITH_VALUE: [&str; 17] = [
    "-p",
    "--package",
    "--exclude",
    "--test",
    "--bin",
    "--example",
    "--bench",
    "-F",
    "--features",
    "-j",
    "--jobs",
    "--profile",
    "--target",
    "--target-dir",
    "--manifest-path",
    "--message-format",
    "--config",
];

/// The parsed arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Options of `cargo test`, with their values.
    options: Vec<String>,
    /// Parts of names. A test runs if its name contains one of them.
    pub names: Vec<String>,
    /// The arguments after `--`.
    rest: Vec<String>,
}

impl Arguments {
    /// Sorts the words.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Self {
        let mut words = words.into_iter();
        let mut sorted = Self::default();
        while let Some(word) = words.next() {
            if word == "--" {
                sorted.rest.extend(words.by_ref());
            } else if WITH_VALUE.contains(&word.as_str()) {
                sorted.options.push(word);
                sorted.options.extend(words.next());
            } else if word.starts_with('-') {
                sorted.options.push(word);
            } else {
                sorted.names.push(word);
            }
        }
        sorted
    }

    /// The arguments for `cargo test`, which accepts only one name before `--`, but any number
    /// after it.
    pub fn for_cargo(&self) -> impl Iterator<Item = &str> {
        let is_package = |option: &String| option.starts_with("-p") || option.starts_with("--package");
        let everything = (!self.options.iter().any(is_package)).then_some("--workspace");
        let words = self.options.iter().map(String::as_str);
        let behind = [&self.names, &self.rest].into_iter().flatten().map(String::as_str);
        everything.into_iter().chain(words).chain(["--"]).chain(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(line: &str) -> String {
        let arguments = Arguments::parse(line.split_whitespace().map(str::to_owned));
        arguments.for_cargo().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn several_names_are_all_passed_on() {
        assert_eq!(passed_on("-p domain price order"), "-p domain -- price order");
        assert_eq!(passed_on("price -p domain order --quiet"), "-p domain --quiet -- price order");
        assert_eq!(
            passed_on("--test faults a b -- --nocapture --skip c"),
            "--workspace --test faults -- a b --nocapture --skip c"
        );
    }

    #[test]
    fn without_a_package_all_are_meant() {
        assert_eq!(passed_on(""), "--workspace --");
        assert_eq!(passed_on("price"), "--workspace -- price");
        for package in ["-p domain", "-pdomain", "--package domain", "--package=domain"] {
            assert_eq!(passed_on(package), format!("{package} --"));
        }
    }

    #[test]
    fn values_of_options_are_no_names() {
        let arguments = Arguments::parse(["--test", "faults", "--features=x", "-j", "2"].map(str::to_owned));
        assert_eq!(arguments.names, Vec::<String>::new());
    }
}
