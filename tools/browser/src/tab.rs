//! A browser and its tabs.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use devcluster::{PrivateChromedriver, ProcessGuard, ensure_chromium, project};
use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::Look;
use crate::command::Command;

/// The longest time for anything that should happen at once, on a machine with few cores.
const DEADLINE: Duration = Duration::from_millis(DEADLINE_MS);
const DEADLINE_MS: u64 = 40_000;
/// How often a page is asked whether something is true by now.
const POLL: Duration = Duration::from_millis(50);

/// A browser of its own: its own profile, and so its own storage. Dropping it ends it.
pub struct Browser {
    client: Client,
    look: Cell<Look>,
    _driver: PrivateChromedriver,
    _folder: TempDir,
}

impl Browser {
    /// Starts a browser that speaks this language, such as `en`.
    pub async fn start(language: &str, look: Look) -> Self {
        let tell = |line: &str| eprintln!("{line}");
        let program =
            ensure_chromium(&project::packages(), &tell).await.unwrap_or_else(|why| panic!("{why}"));
        let folder = tempfile::Builder::new().prefix("restaurant-browser-").tempdir().expect("a folder");
        let guard = ProcessGuard::new().expect("a guard process");
        let driver = PrivateChromedriver::start(&program, folder.path(), Some(&guard))
            .await
            .unwrap_or_else(|why| panic!("{why}"));
        let arguments = [
            "--headless=new".to_owned(),
            // The pages are our own. A container or root has no sandbox to offer.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--accept-lang={language}"),
            format!("--lang={language}"),
            format!("--user-data-dir={}", folder.path().join("profile").display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "binary": program.browser(), "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": DEADLINE_MS },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port()))
            .await
            .unwrap_or_else(|why| panic!("no session: {why}"));
        let browser = Self { client, look: Cell::new(look), _driver: driver, _folder: folder };
        browser.look(look).await;
        browser
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|why| panic!("{url}: {why}"));
    }

    /// Opens an address in one more tab, which is the present one from now on.
    pub async fn open_tab(&self, url: &str) -> WindowHandle {
        self.open_beside(url, true).await
    }

    /// The same in a window of its own. People see it whichever window is the present one.
    pub async fn open_window(&self, url: &str) -> WindowHandle {
        self.open_beside(url, false).await
    }

    async fn open_beside(&self, url: &str, as_tab: bool) -> WindowHandle {
        let opened = self.client.new_window(as_tab).await.unwrap_or_else(|why| panic!("{url}: {why}"));
        self.to_tab(&opened.handle).await;
        self.open(url).await;
        opened.handle
    }

    /// Goes to a tab, or to a window.
    pub async fn to_tab(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// Runs a script in every page from now on, before those of the page.
    pub async fn before_every_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.client.current_url().await.unwrap_or_else(|why| panic!("{why}")).to_string()
    }

    /// Changes the size of the window, and the theme.
    pub async fn look(&self, look: Look) {
        self.look.set(look);
        let size =
            json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let theme = json!({"features": [{"name": "prefers-color-scheme", "value": look.theme.as_str()}]});
        self.devtools("Emulation.setEmulatedMedia", theme).await;
        // Colours pass from those of one theme to those of the other.
        self.until("!document.getAnimations().some((animation) => animation instanceof CSSTransition)").await;
    }

    /// Runs a script in the page, and returns its result.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|why| panic!("{why}\n{script:.200}"))
    }

    /// Runs a script that calls its last argument with its result.
    pub async fn run_async(&self, script: &str) -> Value {
        self.client.execute_async(script, vec![]).await.unwrap_or_else(|why| panic!("{why}\n{script:.200}"))
    }

    /// Waits until an expression is true in the page, and returns its value. Also over a change of
    /// the page.
    pub async fn until(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let started = Instant::now();
        loop {
            let value = self.client.execute(&script, vec![]).await.unwrap_or(Value::Null);
            let is_true =
                !matches!(value, Value::Null | Value::Bool(false)) && value != json!("") && value != json!(0);
            if is_true {
                return value;
            }
            if started.elapsed() > DEADLINE {
                let page = self.run("return document.body.innerText", vec![]).await;
                panic!("waited {DEADLINE:?} for {expression} at {}:\n{page}", self.address().await);
            }
            sleep(POLL).await;
        }
    }

    /// Waits until an element that people can see has this text in it.
    pub async fn sees(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!(
            "[...document.querySelectorAll({selector})].some((each) => each.checkVisibility() && each.innerText.includes({text}))"
        ))
        .await;
    }

    /// Presses an element, as a finger does: it must be visible, and nothing may be in front of it.
    pub async fn press(&self, selector: &str) {
        let element = self.visible(selector).await;
        self.run(
            "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })",
            vec![json!(element)],
        )
        .await;
        element.click().await.unwrap_or_else(|why| panic!("{selector}: {why}"));
    }

    /// Writes into a field that people can see, in place of what is in it.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.visible(selector).await;
        element.clear().await.unwrap_or_else(|why| panic!("{selector}: {why}"));
        element.send_keys(text).await.unwrap_or_else(|why| panic!("{selector}: {why}"));
    }

    /// Waits until people can see an element, and returns it.
    async fn visible(&self, selector: &str) -> Element {
        self.until(&format!("document.querySelector({})?.checkVisibility()", json!(selector))).await;
        let element = self.client.find(Locator::Css(selector)).await;
        element.unwrap_or_else(|why| panic!("{selector}: {why}"))
    }

    /// Types keys into whatever has the focus.
    pub async fn type_keys(&self, keys: &str) {
        let element = self.client.active_element().await.unwrap_or_else(|why| panic!("{why}"));
        element.send_keys(keys).await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// What reaches beyond the window to the side: people would have to scroll.
    pub async fn overflow(&self) -> Vec<String> {
        let script = "
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll('body *')].filter((each) => {
                const { left, right } = each.getBoundingClientRect();
                return each.checkVisibility() && (right > width + 1 || left < -1);
            }).map((each) => each.tagName + '.' + each.className);";
        serde_json::from_value(self.run(script, vec![]).await).expect("a list of texts")
    }

    /// What the browser complained about since the last look: errors of scripts, and what the
    /// page's policy forbids. Answers that are errors are no complaint: pages expect them.
    pub async fn complaints(&self) -> Vec<String> {
        let command = Command { path: "se/log", body: json!({"type": "browser"}) };
        let log = self.client.issue_cmd(command).await.unwrap_or_else(|why| panic!("{why}"));
        let entries: Vec<Value> = serde_json::from_value(log).expect("a list");
        entries
            .into_iter()
            .filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network")
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// Keeps a picture of the whole page as `target/screens/NAME.png`. The window is as high as the
    /// page for that moment, so that what sticks to its edges is where people see it first.
    pub async fn picture(&self, name: &str) {
        let look = self.look.get();
        let height = self.run("return document.documentElement.scrollHeight", vec![]).await;
        let height = height.as_u64().and_then(|height| u32::try_from(height).ok()).expect("a height");
        self.look(Look { height: height.max(look.height), ..look }).await;
        self.picture_of_window(name).await;
        self.look(look).await;
    }

    /// The same of what is in the window only.
    pub async fn picture_of_window(&self, name: &str) {
        // Two frames: the last change is on the screen then.
        self.run_async("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))").await;
        let picture = self.devtools("Page.captureScreenshot", json!({"format": "png"})).await;
        let folder = screens();
        std::fs::create_dir_all(&folder).expect("a folder");
        let bytes = BASE64.decode(picture["data"].as_str().expect("a text")).expect("base64");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("a picture");
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let command =
            Command { path: "goog/cdp/execute", body: json!({"cmd": method, "params": parameters}) };
        self.client.issue_cmd(command).await.unwrap_or_else(|why| panic!("{method}: {why}"))
    }
}

/// Where pictures are kept.
fn screens() -> PathBuf {
    project::root().join("target/screens")
}
