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
#[derive(Debug)]
pub struct Arguments {
    /// The arguments for `cargo test`, which accepts only one name before `--`, but any number
    /// after it.
    pub for_cargo: Vec<String>,
    /// Parts of names. A test runs if its name contains one of them.
    pub names: Vec<String>,
}

impl Arguments {
    /// Sorts the words.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Self {
        let mut words = words.into_iter();
        let (mut options, mut names) = (Vec::new(), Vec::new());
        while let Some(word) = words.next().filter(|word| word != "--") {
            if !word.starts_with('-') {
                names.push(word);
                continue;
            }
            let value = if WITH_VALUE.contains(&word.as_str()) { words.next() } else { None };
            options.push(word);
            options.extend(value);
        }
        let is_package = |option: &String| option.starts_with("-p") || option.starts_with("--package");
        if !options.iter().any(is_package) {
            options.insert(0, "--workspace".to_owned());
        }
        options.push("--".to_owned());
        options.extend(names.iter().cloned().chain(words));
        Self { for_cargo: options, names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(line: &str) -> String {
        Arguments::parse(line.split_whitespace().map(str::to_owned)).for_cargo.join(" ")
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
