//! A database with the tables, a folder for files, and the commands under test.

use serde_json::Value;
use tempfile::TempDir;
use testkit::database::Database;
use testkit::service::Ended;
use testkit::{Launch, Stage};

/// A database with the tables, and a folder.
pub struct Scene {
    pub stage: Stage,
    pub database: Database,
    folder: TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let stage = Stage::new().await;
        stage.migrate().await;
        let database = stage.database().await;
        Self { stage, database, folder: tempfile::tempdir().unwrap() }
    }

    /// A scene with a menu of these lines.
    pub async fn with_menu(lines: &[&str]) -> Self {
        let scene = Self::new().await;
        let file = scene.file("first.yaml", items(lines));
        scene.succeed(&["menu", "import", &file]).await;
        scene
    }

    /// The path of a file of this name.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file, and returns its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The names of all files.
    pub fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    pub fn command(&self, words: &[&str]) -> Launch {
        let launch = Launch::new("restaurant-ctl", self.stage.environment());
        words.iter().fold(launch, |launch, word| launch.arg(*word))
    }

    pub async fn run(&self, words: &[&str]) -> Ended {
        self.command(words).run_to_end().await
    }

    /// What a command that succeeds prints.
    pub async fn succeed(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{words:?}: {ended:?}");
        ended.stdout
    }

    /// Asserts that a command ends with this code and says this.
    pub async fn assert_fails(&self, words: &[&str], code: i32, parts: &[&str]) {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{words:?}: no '{part}': {ended:?}");
        }
    }

    /// The items, such as `soup Soup 9.50`, sorted by id.
    pub async fn items(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', id, name, price) as item from menu_items order by id";
        let rows = self.database.rows(sql).await;
        rows.iter().map(|row| row["item"].as_str().unwrap().to_owned()).collect()
    }

    /// All rows that an import may change, and the version.
    pub async fn contents(&self) -> Value {
        let tables = ["menu_items", "price_rules", "menu_version", "inventory_items", "inventory_movements"];
        let rows = tables.map(|table| format!("(select jsonb_agg({table} order by {table}) from {table})"));
        self.database.value(&format!("select jsonb_build_array({})", rows.join(", "))).await
    }

    /// How often the menu and the rules were edited.
    pub async fn version(&self) -> u64 {
        self.database.value("select version from menu_version").await.as_u64().unwrap()
    }
}

/// A file of items, such as `id: soup, name: Soup, price: 9.50`.
pub fn items(lines: &[&str]) -> String {
    list("items", lines)
}

/// A file of rules.
pub fn rules(lines: &[&str]) -> String {
    list("rules", lines)
}

fn list(word: &str, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("  - {{ {line} }}\n")).collect();
    format!("{word}:\n{}", lines.concat())
}

pub const SOUP: &str = "id: soup, name: Soup, price: 9.50";
pub const TEA: &str = "id: tea, name: Tea, price: 2.00";
pub const BEER: &str = "id: beer, name: Beer, price: 4.00";
