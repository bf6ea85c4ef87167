//! What does not exist: a page for browsers, a problem for programs.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use http_service::{negotiation, problem};

use crate::files::{self, Page};
use crate::{Settings, language, policy};

/// The 404 of a service. It is the default of its routes.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    let shell = files::shell(Page::NotFound, language::of(&request));
    let html = shell.and_then(|shell| std::str::from_utf8(shell.body.identity).ok());
    let Some(html) = html.filter(|_| negotiation::prefers_html(&request)) else {
        return problem::not_found(request).await;
    };
    let root = way_to_root(request.path());
    let mut response = HttpResponse::NotFound();
    policy::of_page(&mut response, &[]);
    response
        .insert_header((header::VARY, "Accept, Accept-Language"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(html.replace("{root}", &root).replace("{order}", &order_page(&request, &root)))
}

/// The way to the menu, in the language that was chosen for this page.
fn order_page(request: &HttpRequest, root: &str) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let settings = request.app_data::<Data<Settings>>();
    let page = settings.map_or_else(|| root.to_owned(), |settings| settings.order_page(root, host));
    let is_chosen = request.query_string().split('&').any(|pair| pair.starts_with("lang="));
    if is_chosen { format!("{page}?lang={}", language::of(request)) } else { page }
}

/// The way from a path to the service's root: it is relative, since a gateway may have put a prefix
/// before both.
fn way_to_root(path: &str) -> String {
    let depth = path.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1);
    if depth == 0 { "./".to_owned() } else { "../".repeat(depth) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_root_is_as_long_as_the_path() {
        for (path, way) in
            [("/", "./"), ("/a", "./"), ("/a/", "../"), ("/track/b", "../"), ("/a/b/c", "../../")]
        {
            assert_eq!(way_to_root(path), way, "{path}");
        }
    }
}
