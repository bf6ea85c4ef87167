//! Asks as a browser does.

use std::collections::BTreeSet;

use actix_web::http::header;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, web as actix};
use http_service::resource::readable;
use web::{Page, Settings};

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// The pages and the way to each.
pub const PAGES: [(&str, Page); 8] = [
    ("/", Page::Order),
    ("/track/ORD_20261130_001", Page::Track),
    ("/board", Page::Board),
    ("/kitchen", Page::Kitchen),
    ("/cook", Page::Cook),
    ("/sign-in", Page::SignIn),
    ("/staff", Page::Staff),
    ("/docs", Page::Docs),
];

/// Sends a request with these headers to a service that has all pages.
pub async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let page = |page: Page| move |request: HttpRequest| async move { web::show(page, &request) };
    let app = App::new()
        .service(readable("/", page(Page::Order)))
        .service(readable("/track/{number}", page(Page::Track)))
        .service(readable("/board", page(Page::Board)))
        .service(readable("/kitchen", page(Page::Kitchen)))
        .service(readable("/cook", page(Page::Cook)))
        .service(readable("/sign-in", page(Page::SignIn)))
        .service(readable("/staff", page(Page::Staff)))
        .configure(|app| web::asset_routes(app, Settings::default()))
        .default_service(actix::to(web::not_found));
    let app = init_service(app).await;
    let mut request = TestRequest::with_uri(path).method(method.parse().unwrap());
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    let response = call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: read_body(response).await.to_vec() }
}

/// Gets an address with all that a browser says.
pub async fn get(path: &str) -> Answer {
    ask("GET", path, &[(header::ACCEPT.as_str(), "text/html,*/*;q=0.8")]).await
}

/// What a page loads, by the path from the service's root.
pub fn loaded(path: &str, html: &str) -> BTreeSet<String> {
    let depth = path.matches('/').count() - 1;
    let root = if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
    let targets = [" href=\"", " src=\""].iter().flat_map(|attribute| html.split(attribute).skip(1));
    targets
        .filter_map(|rest| rest.split('"').next())
        // A link is followed, not loaded.
        .filter(|target| !target.starts_with(['#', '?']) && *target != "openapi.json")
        .map(|target| {
            let below = target.strip_prefix(&root).unwrap_or_else(|| panic!("{path} loads {target}"));
            format!("/{below}")
        })
        .collect()
}
