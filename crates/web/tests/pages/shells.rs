//! The shells: their headers, and what must not be in them.

use crate::browser::{PAGES, ask, get};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[actix_web::test]
async fn a_page_keeps_to_itself() {
    let mut paths: Vec<&str> = PAGES.iter().map(|(path, _)| *path).collect();
    paths.push("/nowhere");
    for path in paths {
        let answer = ask("GET", path, &[("Accept", BROWSER), ("Host", "localhost:3000")]).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("data:"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
    }
    let policy = get("/track/ORD_20261130_001").await;
    assert!(policy.header("content-security-policy").contains("connect-src 'self'"));
    let named = ask("GET", "/", &[("Host", "shop.example:3000")]).await;
    let reached = "connect-src 'self' shop.example:3000 shop.example:3002;";
    assert!(named.header("content-security-policy").contains(reached));
}

#[actix_web::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (path, _) in PAGES {
        let html = get(path).await.text();
        assert!(!html.contains("{{") && !html.contains("<style") && !html.contains(" style="), "{path}");
        for script in html.split("<script").skip(1) {
            assert!(script.contains(" src=") && script.contains("></script>"), "{path}: {script}");
        }
        assert!(!html.contains("://") && !html.contains("=\"/") && !html.contains("javascript:"), "{path}");
        let has_handler = html.split(" on").skip(1).any(|rest| {
            rest.split_once("=\"").is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase()))
        });
        assert!(!has_handler, "{path}");
    }
}

#[actix_web::test]
async fn without_scripts_only_guests_are_sent_to_the_counter() {
    for (path, _) in PAGES {
        let html = get(path).await.text();
        let is_for_guests = ["/", "/track/ORD_20261130_001", "/board"].contains(&path);
        assert_eq!(html.contains("order at the counter"), is_for_guests, "{path}");
        // The page to sign in is a form.
        assert_eq!(html.contains("<noscript>"), path != "/sign-in", "{path}");
    }
}

#[actix_web::test]
async fn the_language_is_that_of_the_address_or_of_the_browser() {
    for (path, accepted, start) in [
        ("/", "de", "<html lang=\"en\" dir=\"ltr\""),
        ("/", "ar-EG,en;q=0.5", "<html lang=\"ar\" dir=\"rtl\""),
        ("/?lang=en", "ar", "<html lang=\"en\" dir=\"ltr\""),
        ("/track/ORD_20261130_001?lang=ar", "en", "<html lang=\"ar\" dir=\"rtl\""),
    ] {
        let answer = ask("GET", path, &[("Accept-Language", accepted)]).await;
        assert!(answer.text().contains(start), "{path} {accepted}");
        assert_eq!(answer.header("vary"), "Accept, Accept-Encoding, Accept-Language");
        assert!(start.contains(&format!("lang=\"{}\"", answer.header("content-language"))));
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    // actix's server leaves the body out. Its test client does not go that far.
    for path in ["/", "/board", "/assets/settings.js"] {
        let answer = ask("HEAD", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn what_does_not_exist_is_a_page_for_browsers_and_a_problem_for_programs() {
    for (path, root) in [("/nowhere", "./"), ("/track/a/b", "../../"), ("/orders/", "../")] {
        let answer = ask("GET", path, &[("Accept", BROWSER)]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"), "{path}");
        let html = answer.text();
        assert!(html.contains(&format!("href=\"{root}assets/style.")), "{path}: {html}");
        assert!(html.contains("Nothing is served here"));
        for accepted in ["*/*", "application/json"] {
            let answer = ask("GET", path, &[("Accept", accepted)]).await;
            assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
        }
    }
    let of_tracking = [("Accept", BROWSER), ("Host", "shop.example:3002")];
    let arabic = ask("GET", "/nowhere?lang=ar", &of_tracking).await.text();
    assert!(arabic.contains("dir=\"rtl\""));
    // It leads on: to the menu, and to the other language.
    assert!(arabic.contains("href=\"//shop.example:3000/?lang=ar\""), "{arabic}");
    assert!(arabic.contains("href=\"?lang=en\""), "{arabic}");
}
